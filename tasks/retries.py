"""How tasks try again: which failures, how often and after how long."""

from collections.abc import Callable
from typing import Any, Final, TypedDict

from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun

from fraud.errors import FraudError, RefusedError, UnreachableError


class TaskOptions(TypedDict):
    """Options of Prefect's `task`, for all tasks of a kind."""

    cache_policy: CachePolicy
    retries: int
    retry_delay_seconds: list[float]
    retry_condition_fn: Callable[[Task[..., Any], TaskRun, State[Any]], bool]


def is_worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """A `retry_condition_fn`: an outage may pass, what a user must fix does not."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, RefusedError):
        return False
    return isinstance(error, UnreachableError) or not isinstance(error, FraudError)


def _retried(*delays_s: float) -> TaskOptions:
    return {
        "cache_policy": NO_CACHE,
        "retries": len(delays_s),
        "retry_delay_seconds": list(delays_s),
        "retry_condition_fn": is_worth_retrying,
    }


WITH_RETRIES: Final = _retried(2.0, 5.0, 15.0)
"""For a task that asks Kafka, the lake or MLflow: `@task(**WITH_RETRIES, timeout_seconds=60)`."""

WITH_ONE_RETRY: Final = _retried(5.0)
"""For a task of hours, such as a Spark job."""
