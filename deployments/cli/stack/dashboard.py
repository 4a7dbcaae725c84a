"""`fraud dashboard`: alerts as they happen, their review, the models."""

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from fraud.machine.terminal import log_to_stderr
from fraud.settings import Settings, load_settings
from serving.dashboard.auth.accounts import MIN_PASSWORD_LENGTH, Accounts, Role


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
) -> None:
    """Add a user, or give an existing one a new role and password."""
    password = typer.prompt(
        f"password ({MIN_PASSWORD_LENGTH} characters or more)", hide_input=True, confirmation_prompt=True
    )
    accounts(load_settings()).add(name, role, password)
    Console().print(f"{name} may log in as {role}", markup=False, highlight=False)


@user.command()
def remove(name: str) -> None:
    """Remove a user, whose sessions end at once."""
    accounts(load_settings()).remove(name)
    Console().print(f"{name} may no longer log in", markup=False, highlight=False)


@user.command("list")
def list_users() -> None:
    """Show who may log in."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("user")
    table.add_column("role")
    for one in accounts(load_settings()).users().values():
        table.add_row(one.name, one.role)
    Console().print(table)


def accounts(settings: Settings) -> Accounts:
    """The users of a home, or of the database that the settings name."""
    from serving.dashboard.auth.stored_accounts import open_accounts

    return open_accounts(settings)


def print_first_password(settings: Settings, console: Console) -> None:
    """Create the first user if there is none, and print the password once."""
    password = accounts(settings).create_first()
    if password is not None:
        console.print(
            f"the dashboard's first user: [bold]admin[/], password [bold]{password}[/] "
            "[dim](shown only now)[/]",
            highlight=False,
            soft_wrap=True,
        )


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
