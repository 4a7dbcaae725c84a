"""`fraud watch`: scoring at a glance, in a terminal."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live

from deployments.watch.alerts import Alerts, following
from deployments.watch.figures import rates, read, worker_addresses
from deployments.watch.page import page
from fraud.machine.console import Console
from fraud.settings import load_settings

_SHOWN = 12


def watch(
    url: Annotated[list[str] | None, typer.Option(help="A worker's address; may be given again.")] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> None:
    """The command `fraud watch`; `deployments.cli.commands` has its summary."""
    settings, console = load_settings(), Console()
    addresses = worker_addresses(settings.home, url or [])
    with following(settings, _SHOWN) as alerts:
        pages = _pages(console, addresses, alerts, every)
        if once:
            console.print(next(pages))
            return
        with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, screen=True) as live:
            for shown in pages:
                live.update(shown, refresh=True)


def _pages(console: Console, addresses: list[str], alerts: Alerts, every: float) -> Iterator[Group]:
    before = read(addresses, time.monotonic())
    while True:
        alerts.follow(every)
        after = read(addresses, time.monotonic())
        yield page(after, rates(before, after), list(alerts.newest), console.width)
        before = after
