"""`fraud status`: what runs of the embedded stack, who scores, and which model decides."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from deployments.local.dashboard import LocalDashboard
from deployments.local.gateway import LocalGateway
from deployments.local.parts import PartStatus, parts
from deployments.local.stack import ServerStatus, Stack
from fraud.machine.console import Console
from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.settings import load_settings

_STYLES = {"ready": "green", "silent": "yellow", "dead": "red", "stopped": "dim"}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False,
) -> None:
    """The command `fraud status`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    home = settings.home
    added = [one.status() for one in (LocalDashboard(home), LocalGateway(home))]
    found = [*Stack(home).status(), *(one for one in added if one is not None)]
    others = parts(settings)
    if as_json:
        print_json([*map(asdict, found), *map(asdict, others)])
    else:
        Console().print(status_table(found))
        Console().print(parts_table(others))
        _advise(found)
    if any(server.state != "ready" for server in found):
        raise typer.Exit(1)


def status_table(found: list[ServerStatus]) -> Table:
    """The servers, one a row."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("server", "state", "address", "pid", "log"):
        table.add_column(column, overflow="fold")
    for server in found:
        style = _STYLES[server.state]
        pid, log = str(server.pid or ""), Text(shown(server.log))
        table.add_row(server.name, f"[{style}]{server.state}[/]", server.address, pid, log)
    return table


def parts_table(found: list[PartStatus]) -> Table:
    """Scoring, work pool and champion, one a row, with what to do where one does not run."""
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in found:
        style = _STYLES[one.state]
        remedy = f"; {one.remedy}" if one.remedy else ""
        table.add_row(f" {one.name}", f"[{style}]{one.state}[/]", Text(shown(one.detail + remedy)))
    return table


def _advise(found: list[ServerStatus]) -> None:
    states = {server.state for server in found}
    if states & {"dead", "silent"}:
        Console().print("`fraud up` starts it again; the log says why it ended")
    elif states == {"stopped"}:
        Console().print("start it with `fraud up`")
