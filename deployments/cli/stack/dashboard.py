"""`fraud dashboard`: alerts as they happen, their review, the models."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from deployments.cli.decisions.options import As, person
from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.machine.terminal import log_to_stderr, shown
from fraud.settings import Settings, load_settings
from serving.dashboard.auth.accounts import Role
from serving.dashboard.auth.password_rules import MIN_PASSWORD_LENGTH

if TYPE_CHECKING:
    from serving.dashboard.auth.user_admin import UserAdmin


def dashboard(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="0: a free one.")] = None,
) -> None:
    """The command `fraud dashboard`; `deployments.cli.commands` has its summary."""
    if context.invoked_subcommand is None:
        _serve(_with_port(load_settings(), port))


app = typer.Typer(callback=dashboard, invoke_without_command=True, add_completion=False)
user = typer.Typer(no_args_is_help=True, help="Users and their roles.")
app.add_typer(user, name="user")


@user.command()
def add(
    name: str,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = "viewer",
    who: As = None,
) -> None:
    """Add a user, or give an existing one a new role and password; the user must change it at the login."""
    password = typer.prompt(
        f"password ({MIN_PASSWORD_LENGTH} characters or more)", hide_input=True, confirmation_prompt=True
    )
    with _administering(who) as admin:
        admin.add(name, role, password)
    _say(f"{name} may log in as {role}, and must choose another password then")


@user.command("role")
def set_role(name: str, role: Annotated[Role, typer.Argument()], who: As = None) -> None:
    """Give a user another role, which counts at once."""
    with _administering(who) as admin:
        admin.set_role(name, role)
    _say(f"{name} has the role {role}")


@user.command()
def remove(name: str, who: As = None) -> None:
    """Remove a user, whose sessions end at once."""
    with _administering(who) as admin:
        admin.remove(name)
    _say(f"{name} may no longer log in")


@user.command()
def unlock(
    name: Annotated[str, typer.Argument(help="Of the user; empty with --address.")] = "",
    address: Annotated[str, typer.Option(help="Of a machine whose logins are locked.")] = "",
    who: As = None,
) -> None:
    """End a lock after failed logins before its time."""
    if not name and not address:
        raise ConfigurationError("name the user whose login is locked, or the address with --address")
    with _administering(who) as admin:
        of_name, of_address = (
            bool(name) and admin.unlock(name),
            bool(address) and admin.unlock_address(address),
        )
    for subject, was_locked in ((name, of_name), (address, of_address)):
        if subject:
            _say(f"{subject} may log in again" if was_locked else f"{subject} was not locked")


@user.command("log-out")
def log_out(name: str, who: As = None) -> None:
    """End all sessions of a person, also of one who logs in with the company."""
    with _administering(who) as admin:
        count = admin.log_out(name)
    _say(f"{count} {'session' if count == 1 else 'sessions'} of {name} ended")


@user.command("list")
def list_users() -> None:
    """Show who may log in."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("user", "role", ""):
        table.add_column(column)
    with _administering(None) as admin:
        locked = admin.locked()
        for one in admin.users().values():
            state = "locked" if one.name in locked else "must change the password" if one.must_change else ""
            table.add_row(shown(one.name), one.role, state)
    Console().print(table)


def _administering(who: str | None) -> AbstractContextManager["UserAdmin"]:
    from serving.dashboard.auth.user_admin import administering

    return administering(load_settings(), person(who))


def _say(text: str) -> None:
    Console().print(shown(text), markup=False, highlight=False)


def print_first_password(settings: Settings, console: Console) -> None:
    """Add the first user if there is none, and say where the password is: on a terminal, else in a file."""
    from serving.dashboard.auth.first_password import add_first_user

    found = add_first_user(settings, may_show=console.is_terminal)
    if found is not None:
        text = f"the dashboard's first user: {found} (it must be changed at the first login)"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _with_port(settings: Settings, port: int | None) -> Settings:
    if port is None:
        return settings
    section = settings.dashboard.model_copy(update={"port": port})
    return settings.model_copy(update={"dashboard": section})


def _serve(settings: Settings) -> None:
    from serving.dashboard.run import run

    log_to_stderr()
    print_first_password(settings, Console())
    run(settings)
