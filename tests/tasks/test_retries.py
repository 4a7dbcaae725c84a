from typing import Any, cast

import pytest
from prefect import Task
from prefect.states import Failed

from fraud.errors import ConfigurationError, DataError, RefusedError, UnreachableError
from tasks import backtest, environment, ingest, monitor, preprocess, train
from tasks.retries import WITH_RETRIES, is_worth_retrying

TASKS = {
    f"{module.__name__}.{name}": found
    for module in (backtest, environment, ingest, monitor, preprocess, train)
    for name, found in vars(module).items()
    if isinstance(found, Task)
}


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (UnreachableError("MLflow does not answer"), True),
        (TimeoutError("of a library"), True),
        (RefusedError("wrong password"), False),
        (DataError("no training rows"), False),
        (ConfigurationError("no such setting"), False),
    ],
)
def test_an_outage_is_retried_and_what_a_user_must_fix_is_not(error: Exception, retried: bool) -> None:
    unused = cast(Any, None)
    assert is_worth_retrying(unused, unused, Failed(data=error)) is retried


@pytest.mark.parametrize("name", TASKS)
def test_a_task_that_is_retried_waits_and_gives_up_on_users_mistakes(name: str) -> None:
    task = TASKS[name]
    if task.retries:
        assert task.retry_condition_fn is is_worth_retrying
        assert isinstance(task.retry_delay_seconds, list)
        assert task.retry_delay_seconds[0] > 0


def test_there_are_as_many_retries_as_pauses() -> None:
    assert WITH_RETRIES["retries"] == len(WITH_RETRIES["retry_delay_seconds"]) == 3
