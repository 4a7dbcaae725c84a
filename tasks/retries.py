"""Which failures of a task are worth another attempt."""

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from fraud.errors import FraudError, RefusedError, UnreachableError

RETRY_DELAYS_S = [2.0, 5.0, 15.0]
"""Pauses before the attempts after the first; use with `retries=len(RETRY_DELAYS_S)`."""


def worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """A `retry_condition_fn`: what the user must mend stays wrong, everything else may pass."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, RefusedError):
        return False
    return isinstance(error, UnreachableError) or not isinstance(error, FraudError)
