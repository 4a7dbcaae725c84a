"""The command line of a flow file: `python flows/ingest.py --topic transactions`."""

import inspect
import logging
from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Any

import typer
from prefect import Flow
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fraud.errors import FraudError, UnreachableError
from fraud.machine.ending import FLOW_GRACE_S, end_in_order
from fraud.machine.private_files import keep_private
from fraud.machine.terminal import print_anything, shown, shown_error
from fraud.settings import load_settings

Show = Callable[[Any], Iterable[str]]
"""From a flow's result to the lines that the program ends with."""

_SERVER_START_S = 120
"""Without a Prefect server a run starts its own, which can take minutes on a busy machine."""

_UNREACHABLE = "Failed to reach API"
"""How Prefect's client begins its complaint, which has no class of its own."""

_DATE = typer.Option(parser=date.fromisoformat, metavar="YYYY-MM-DD")


def run_flow(flow: Flow[..., Any], show: Show | None = None) -> None:
    """Run a flow as the program; a signal ends it and what it started: Prefect's server, Spark's JVM."""
    end_in_order(FLOW_GRACE_S)
    keep_private()
    run_command_line(flow, show)


def run_command_line(flow: Flow[..., Any], show: Show | None = None) -> None:
    """Run a flow by the process's arguments: its parameters are the options, plus `--debug`.

    A parameter that is a pydantic model gives an option for each of its fields. A `FraudError` ends the
    program with its message and its exit code; `--debug` shows the traceback. `show` makes the lines of
    the flow's result that the program ends with.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=flow.description)(_command(flow, show))
    app()


def _command(flow: Flow[..., Any], show: Show | None) -> Callable[..., None]:
    declared = inspect.signature(flow.fn, eval_str=True)

    def command(debug: bool, **options: Any) -> None:
        print_anything()
        if not debug:
            _quieten_user_errors()
        try:
            with temporary_settings(_prefect_settings()):
                result = _run(flow, _arguments(declared, options))
            for line in show(result) if show else ():
                typer.echo(shown(line))
        except FraudError as error:
            if debug:
                raise
            typer.echo(f"error: {shown_error(error)}", err=True)
            raise typer.Exit(error.exit_code) from None

    signature = _options(declared)
    command.__annotations__ = {name: option.annotation for name, option in signature.parameters.items()}
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def _run(flow: Flow[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        return flow(**arguments)
    except RuntimeError as error:
        if not str(error).startswith(_UNREACHABLE):
            raise
        raise UnreachableError(
            f"the Prefect server at {PREFECT_API_URL.value()} does not answer; set PREFECT_API_URL to one "
            "that runs, or unset it: a run without one starts its own"
        ) from error


def _arguments(declared: inspect.Signature, options: dict[str, Any]) -> dict[str, Any]:
    """The flow's arguments; the fields of a model are collected into it."""
    arguments = dict(options)
    for name, parameter in declared.parameters.items():
        if model := _model_of(parameter):
            arguments[name] = model(**{field: arguments.pop(field) for field in model.model_fields})
    return arguments


def _prefect_settings() -> dict[Any, Any]:
    """The address of a running embedded stack is in its `stack.env`, which Prefect does not read."""
    found: dict[Any, Any] = {PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: _SERVER_START_S}
    url = load_settings().prefect_api_url
    return found | {PREFECT_API_URL: url} if url else found


def _options(declared: inspect.Signature) -> inspect.Signature:
    """An option for each parameter, for each field of a parameter that is a model, and `--debug`."""
    options: list[inspect.Parameter] = []
    for parameter in declared.parameters.values():
        model = _model_of(parameter)
        options += _fields(model) if model else [_option(parameter)]
    debug = inspect.Parameter(
        "debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, typer.Option()]
    )
    return inspect.Signature([*options, debug])


def _model_of(parameter: inspect.Parameter) -> type[BaseModel] | None:
    kind = parameter.annotation
    return kind if inspect.isclass(kind) and issubclass(kind, BaseModel) else None


def _fields(model: type[BaseModel]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.is_required() else field.default,
            annotation=Annotated[field.annotation, _typer_option(name, field)],
        )
        for name, field in model.model_fields.items()
    ]


def _typer_option(name: str, field: FieldInfo) -> Any:
    """The option of a model's field; its `serialization_alias`, if it has one, is the option's name."""
    flags = (
        [f"--{(field.serialization_alias or name).replace('_', '-')}"] if field.annotation is not bool else []
    )
    if field.annotation in (date, date | None):
        return typer.Option(*flags, parser=date.fromisoformat, metavar="YYYY-MM-DD", help=field.description)
    return typer.Option(*flags, help=field.description)


def _option(parameter: inspect.Parameter) -> inspect.Parameter:
    kind = parameter.annotation
    option = _DATE if kind in (date, date | None) else typer.Option()
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option])


def _quieten_user_errors() -> None:
    """Prefect logs every exception with its traceback; of a user's mistake the message is enough."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], FraudError):
        record.exc_info = None
    return True
