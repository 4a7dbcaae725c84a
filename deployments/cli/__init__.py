"""The command line `fraud`.

A command is the function of its own name in a module of its own name in this folder; the module is
imported when the command is run, so that `fraud --help` stays quick. `PANELS` lists what there is.
A group of commands is a module whose `app` is a Typer application with the function of that name as callback.
"""

import ast
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from fraud.errors import FraudError
from fraud.machine.terminal import print_anything, shown

PANELS = {
    "This machine": ("demo", "up", "down", "status", "env", "doctor"),
    "Seeing it": ("dashboard", "watch"),
    "Data": ("topics", "acl", "simulate", "inspect", "replay", "redrive"),
    "Models": ("models", "shadow", "explain", "promote", "rollback"),
    "Elsewhere": ("orchestrate", "secrets"),
}


class _Commands(TyperGroup):
    """Lists commands by their docstrings; imports the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the panels."""
        return [name for names in PANELS.values() for name in names]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """What the help needs to know of a command."""
        panel = next((panel for panel, names in PANELS.items() if cmd_name in names), None)
        if panel is None:
            return None
        return TyperCommand(cmd_name, help=_summary(cmd_name), rich_help_panel=panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run, in full."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, _load(stub.name) if stub is not None and stub.name else None, rest


def main() -> None:
    """Run the command of the process's arguments and exit with its code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    print_anything()
    try:
        application().main(args=[text for text in arguments if text != "--debug"], prog_name="fraud")
    except FraudError as error:
        _fail(str(error), error.exit_code, debug=debug)
    except OSError as error:
        _fail(_of_the_system(error), 1, debug=debug)
    except Exception as error:
        sentence = f"unexpected {type(error).__name__}: {error}; run again with --debug for the traceback"
        _fail(sentence, 1, debug=debug)


def _of_the_system(error: OSError) -> str:
    """A file or folder that cannot be used is the surroundings' fault, and is named."""
    if error.filename is None:
        return f"unexpected {type(error).__name__}: {error}; run again with --debug for the traceback"
    return (
        f"{error.filename}: {(error.strerror or 'it cannot be used').lower()}; check that it is there, that "
        "this user may write it and that its disk has room, or set FRAUD_HOME"
    )


def application() -> Any:
    """The command line as one command, to be run or inspected."""
    app = typer.Typer(add_completion=False)
    app.callback(cls=_Commands, no_args_is_help=True)(_fraud)
    return typer.main.get_command(app)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fraud-on-kafka {version('fraud-on-kafka')}")
        raise typer.Exit


def _fraud(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Real-time credit card fraud detection on Kafka."""


def _load(name: str) -> Any:
    module = import_module(f"{__name__}.{name}")
    if hasattr(module, "app"):
        return typer.main.get_command(module.app)
    single = typer.Typer(add_completion=False)
    single.command(name)(getattr(module, name))
    return typer.main.get_command(single)


@cache
def _summary(name: str) -> str:
    """The docstring of a command, read without importing its module."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n\n")[0]
    return ""


def _fail(sentence: str, code: int, *, debug: bool) -> None:
    if debug:
        raise
    typer.secho("error: ", fg=typer.colors.RED, bold=True, err=True, nl=False)
    typer.echo(shown(" ".join(sentence.split())), err=True)
    sys.exit(code)
