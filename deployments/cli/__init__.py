"""The command line `fraud`.

`commands` declares what there is; a command's module is imported when the command runs.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from deployments.cli.commands import COMMANDS, PANELS, CommandEntry
from fraud.errors import FraudError
from fraud.machine.ending import end_in_order
from fraud.machine.private_files import keep_private
from fraud.machine.terminal import print_anything, shown, shown_error

_PANEL_OF = {command.name: panel for panel, commands in PANELS.items() for command in commands}


class _Commands(TyperGroup):
    """Lists the declared commands; imports the one that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the panels."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """What the help needs to know of a command."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary, rich_help_panel=_PANEL_OF[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run, in full."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, load(COMMANDS[stub.name]) if stub is not None and stub.name else None, rest


def program() -> None:
    """The program `fraud`: a signal ends it in order, together with what it started."""
    end_in_order()
    keep_private()
    main()


def main() -> None:
    """Run the command of the process's arguments and exit with its code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    print_anything()
    try:
        application().main(args=[text for text in arguments if text != "--debug"], prog_name="fraud")
    except FraudError as error:
        _fail(shown_error(error), error.exit_code, debug=debug)
    except OSError as error:
        _fail(shown(_describe_os_error(error)), 1, debug=debug)
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}; run again with --debug for the traceback"
        _fail(shown(" ".join(message.split())), 1, debug=debug)


def _describe_os_error(error: OSError) -> str:
    """The message for a file or folder that cannot be used; it names the path."""
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


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fraud-on-kafka {version('fraud-on-kafka')}")
        raise typer.Exit


def _fraud(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Real-time credit card fraud detection on Kafka."""


def load(command: CommandEntry) -> Any:
    """Import a command's module and make the command of it; its help is the declared summary."""
    module = import_module(f"{__name__}.{command.module}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(command.name)(getattr(module, command.name))
    loaded = typer.main.get_command(app)
    loaded.help = command.summary
    return loaded


def _fail(message: str, code: int, *, debug: bool) -> None:
    if debug:
        raise
    typer.secho("error: ", fg=typer.colors.RED, bold=True, err=True, nl=False)
    typer.echo(message, err=True)
    sys.exit(code)
