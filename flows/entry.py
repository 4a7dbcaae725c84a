"""The command line of a flow file: `python flows/ingest.py --topic transactions`."""

import inspect
import logging
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, get_origin

import typer
from prefect import Flow
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)

from fraud.errors import FraudError
from fraud.machine.terminal import print_anything, shown
from fraud.settings import load_settings

_SERVER_START_S = 120
"""Without a Prefect server a run starts its own; a busy machine takes its time over that."""

_DATE = typer.Option(parser=date.fromisoformat, metavar="YYYY-MM-DD")


def run_flow(flow: Flow[..., Any]) -> None:
    """Run a flow as the program: its parameters are the options, plus `--debug`.

    A `FraudError` ends the program with its sentence and its exit code; `--debug` shows the traceback.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=flow.description)(_command(flow))
    app()


def _command(flow: Flow[..., Any]) -> Callable[..., None]:
    def command(debug: bool, **parameters: Any) -> None:
        print_anything()
        if not debug:
            _quieten_user_errors()
        try:
            with temporary_settings(_prefect_settings()):
                flow(**parameters)
        except FraudError as error:
            if debug:
                raise
            typer.echo(f"error: {shown(str(error))}", err=True)
            raise typer.Exit(error.exit_code) from None

    signature = _options(inspect.signature(flow.fn, eval_str=True))
    command.__annotations__ = {name: option.annotation for name, option in signature.parameters.items()}
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def _prefect_settings() -> dict[Any, Any]:
    """A running embedded stack is found through its `stack.env`, which Prefect does not know."""
    found: dict[Any, Any] = {PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: _SERVER_START_S}
    url = load_settings().prefect_api_url
    return found | {PREFECT_API_URL: url} if url else found


def _options(parameters: inspect.Signature) -> inspect.Signature:
    debug = inspect.Parameter(
        "debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, typer.Option()]
    )
    options = [_option(parameter) for parameter in parameters.parameters.values()]
    return inspect.Signature([*options, debug])


def _option(parameter: inspect.Parameter) -> inspect.Parameter:
    kind = parameter.annotation
    if get_origin(kind) is Annotated:  # it brings its own option
        return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    option = _DATE if kind in (date, date | None) else typer.Option()
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option])


def _quieten_user_errors() -> None:
    """Prefect logs every exception with its traceback; a user's mistake is told in its sentence alone."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], FraudError):
        record.exc_info = None
    return True
