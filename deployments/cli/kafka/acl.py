"""`fraud acl`: who may do what on a Kafka that asks."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from fraud.machine.console import Console
from fraud.settings import load_settings

if TYPE_CHECKING:
    from fraud.kafka.permissions import Permission

_Identities = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[IDENTITY[=PRINCIPAL]]...",
        help="Such as serving or serving=User:scoring; all by default, as User:fraud-IDENTITY.",
    ),
]


def acl() -> None:
    """The command `fraud acl`; `deployments.cli.commands` has its summary."""


app = typer.Typer(callback=acl, no_args_is_help=True, add_completion=False)


@app.command()
def show(
    identities: _Identities = None,
    script: Annotated[bool, typer.Option("--script", help="As commands of Kafka's own tool.")] = False,
) -> None:
    """Show the least permissions of each identity, without asking Kafka."""
    from fraud.kafka.permissions import permissions_of

    settings, console = load_settings(), Console(soft_wrap=True, highlight=False)
    for identity, principal in _principals(identities).items():
        if not script:
            console.print(f"[bold]{identity}[/] [dim]{principal}[/]")
        for permission in permissions_of(settings, identity):
            line = (
                _command(settings.kafka.bootstrap_servers, principal, permission)
                if script
                else f"  {permission}"
            )
            console.print(line, markup=False)


@app.command()
def grant(
    identities: _Identities = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what is missing.")] = False,
) -> None:
    """Grant each identity what it lacks; needs an administrator's credentials. Nothing is ever revoked."""
    from fraud.kafka.admin.acl import apply_plan, plan_acls

    settings, console = load_settings(), Console(soft_wrap=True, highlight=False)
    plans = plan_acls(settings, _principals(identities))
    if not dry_run:
        apply_plan(settings, plans)
    verb = "missing" if dry_run else "granted"
    for plan in plans:
        console.print(f"[bold]{plan.identity}[/] [dim]{plan.principal}[/]")
        for permission in plan.there:
            console.print(f"  [dim]there already[/] {permission}")
        for permission in plan.missing:
            console.print(f"  [green]{verb}[/] {permission}")
        for text in plan.beyond:
            console.print(f"  [yellow]beyond its need[/] {text}")


def _principals(named: list[str] | None) -> dict[str, str]:
    from fraud.kafka.permissions import IDENTITIES

    pairs = (text.partition("=") for text in named or IDENTITIES)
    return {identity: principal or f"User:fraud-{identity}" for identity, _, principal in pairs}


def _command(servers: str, principal: str, permission: "Permission") -> str:
    options = {"topic": "--topic", "group": "--group", "transactional_id": "--transactional-id"}
    pattern = ["--resource-pattern-type", "prefixed"] if permission.is_prefix else []
    operation = "".join(word.capitalize() for word in permission.operation.split("_"))
    tool = ["kafka-acls.sh", "--bootstrap-server", servers, "--command-config", "admin.properties"]
    what = ["--operation", operation, options[permission.kind], permission.name, *pattern]
    return shlex.join([*tool, "--add", "--allow-principal", principal, *what])
