"""Names and results of flow runs, as Prefect's pages show them."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import BaseModel

Result = TypeVar("Result")


def run_name() -> str:
    """A flow's `flow_run_name`: `train 2026-11-28 19:40 UTC, trials=30, alarm`.

    Parameters that are left out, None or False are not named.
    """
    when = flow_run.scheduled_start_time.in_timezone("UTC")
    given = _given(flow_run.parameters)
    return ", ".join([f"{flow_run.flow_name} {when:%Y-%m-%d %H:%M} UTC", *given])


def completed(result: Result, message: str) -> Result:
    """A flow's return value; its run ends as completed with `message`, which Prefect's page shows.

    The caller of the flow gets `result`: Prefect takes it out of the state.
    """
    return cast(Result, Completed(message=message, data=result))


def _given(parameters: Mapping[str, Any]) -> list[str]:
    named: dict[str, Any] = {}
    for name, value in parameters.items():
        named |= value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else {name: value}
    return [
        name if value is True else f"{name}={value}"
        for name, value in named.items()
        if value is not None and value is not False
    ]
