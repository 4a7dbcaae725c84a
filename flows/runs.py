"""Names and results of flow runs, as Prefect's pages show them."""

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import PurePath
from typing import Any, TypeVar, cast

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.runtime import flow_run as current_run
from prefect.states import Completed
from pydantic import BaseModel

Result = TypeVar("Result")

_ENDED: ContextVar[State[Any]] = ContextVar("ended")
"""The state in which the flow that returned last in this thread wants to end."""


def run_name() -> str:
    """A flow's `flow_run_name`: `train 2026-11-28 19:40 UTC, trials=30, alarm`.

    Parameters that are left out, None or False are not named.
    """
    when = current_run.scheduled_start_time.in_timezone("UTC")
    given = _given(current_run.parameters)
    return ", ".join([f"{current_run.flow_name} {when:%Y-%m-%d %H:%M} UTC", *given])


def completed(result: Result, message: str) -> Result:
    """A flow's return value; its run ends as completed with `message`, which Prefect's page shows.

    The caller of the flow gets `result`: Prefect takes it out of the state. The flow needs `keep_result`.
    """
    state: State[Any] = Completed(message=message, data=result)
    _ENDED.set(state)
    return cast(Result, state)


def keep_result(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A flow's `on_completion`: the caller gets the result although the server's answer was lost.

    Prefect then asks again, and the server answers with the state that it stored at the first request, which
    has no result. Without this the caller would get `MissingResult` from a run that completed.
    """
    if state.data is None:
        state.data = _ENDED.get().data


def _given(parameters: Mapping[str, Any]) -> list[str]:
    named: dict[str, Any] = {}
    for name, value in parameters.items():
        named |= value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else {name: value}
    return [
        name if value is True else f"{name}={value.name if isinstance(value, PurePath) else value}"
        for name, value in named.items()
        if value is not None and value is not False
    ]
