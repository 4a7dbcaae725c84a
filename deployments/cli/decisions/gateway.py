"""`fraud gateway`: a payment's decision over HTTP, and the keys of those who may ask."""

from datetime import timedelta
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.machine.moments import minute_text
from fraud.machine.terminal import log_to_stderr
from fraud.settings import GatewayScope, Settings, load_settings
from serving.gateway.auth.keys import KeyFile, NewKey

_RATE = 100.0
_FIRST_NAME = "first"
_SCOPES: tuple[GatewayScope, ...] = ("decide", "review")

Name = Annotated[str, typer.Option(help="Whose key it is: a program or a team.")]


def gateway(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="0: a free one.")] = None,
) -> None:
    """The command `fraud gateway`; `deployments.cli.commands` has its summary."""
    if context.invoked_subcommand is None:
        _serve(_with_port(load_settings(), port))


app = typer.Typer(callback=gateway, invoke_without_command=True, add_completion=False)
key = typer.Typer(no_args_is_help=True, help="API keys: who may call, for what, and how often.")
app.add_typer(key, name="key")


@key.command()
def create(
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(help="decide: send payments, read decisions; review: report fraud. May be repeated."),
    ] = ["decide"],  # noqa: B006 - typer copies it
    rate: Annotated[float, typer.Option(min=0.01, help="Requests a second.")] = _RATE,
) -> None:
    """Make a key. It is shown once; the file has its hash."""
    unknown = [one for one in scope if one not in _SCOPES]
    if unknown:
        raise ConfigurationError(f"--scope {unknown[0]!r}: a scope is one of {', '.join(_SCOPES)}")
    scopes = [one for one in _SCOPES if one in scope]
    _show(KeyFile(load_settings().gateway_keys).create(name, scopes, rate))


@key.command("list")
def list_keys() -> None:
    """Show whose keys there are, and what they may do."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "id", "scopes", "a second", "created", "ends"):
        table.add_column(column)
    for one in KeyFile(load_settings().gateway_keys).load():
        ends = "" if one.expires is None else minute_text(one.expires)
        made = minute_text(one.created)
        table.add_row(one.name, one.id, ", ".join(one.scopes), f"{one.rate:g}", made, ends)
    Console().print(table)


@key.command()
def rotate(
    name: Name,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="How long the former keys of this name stay valid.")
    ] = 24.0,
) -> None:
    """Make another key with the same scopes; the former ones end after a while."""
    _show(KeyFile(load_settings().gateway_keys).rotate(name, timedelta(hours=overlap_hours)))


@key.command()
def revoke(name: Name) -> None:
    """Remove all keys of a name; running gateways refuse them within a second."""
    count = KeyFile(load_settings().gateway_keys).revoke(name)
    Console().print(f"{name}: {count} removed", markup=False, highlight=False)


def print_first_key(settings: Settings, console: Console) -> None:
    """Make a first key if there is none, and print it once."""
    file = KeyFile(settings.gateway_keys)
    if file.load() or settings.gateway.oidc.issuer or settings.gateway.allow_anonymous:
        return
    made = file.create(_FIRST_NAME, _SCOPES, _RATE)
    console.print(
        f"the gateway's first key: [bold]{made.text}[/] [dim](shown only now)[/]",
        highlight=False,
        soft_wrap=True,
    )


def _show(made: NewKey) -> None:
    """The key alone on standard output, so that a script can take it."""
    Console(stderr=True).print(
        f"{made.key.name} may: {', '.join(made.key.scopes)}; {made.key.rate:g} requests a second; "
        "the key is shown only now",
        markup=False,
        highlight=False,
    )
    typer.echo(made.text)


def _with_port(settings: Settings, port: int | None) -> Settings:
    if port is None:
        return settings
    section = settings.gateway.model_copy(update={"port": port})
    return settings.model_copy(update={"gateway": section})


def _serve(settings: Settings) -> None:
    from serving.gateway.run import run

    log_to_stderr()
    print_first_key(settings, Console())
    run(settings)
