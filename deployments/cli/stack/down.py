"""`fraud down`: stop the embedded stack, and name what a user started beside it."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from deployments.local.dashboard import LocalDashboard
from deployments.local.gateway import LocalGateway
from deployments.local.programs import HomeProgram, end_programs, programs_of
from deployments.local.stack import Stack
from fraud.errors import UnreachableError
from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.settings import load_settings

_GRACE_S = 40.0
"""More than a worker's time to drain."""


def down(
    everything: Annotated[
        bool, typer.Option("--all", help="End flows, workers and commands started by hand, too.")
    ] = False,
) -> None:
    """The command `fraud down`; `deployments.cli.commands` has its summary."""
    home, console = load_settings().home, Console(highlight=False, soft_wrap=True)
    added, stack = (LocalGateway(home), LocalDashboard(home)), Stack(home)
    by_hand = _programs(home, stack, {pid for one in (*added, stack) for pid in one.pids()})
    # While Kafka still runs, so that what was scored is committed.
    killed = end_programs(by_hand, _GRACE_S) if everything else []
    stopped = [one.name for one in added if one.stop()] + stack.stop()
    stopped += [one.command for one in by_hand] if everything else []
    console.print(f"stopped {shown(', '.join(stopped))}" if stopped else "nothing ran", markup=False)
    for one in killed:
        console.print(f"killed, not ended after {_GRACE_S:.0f} s: {shown(one.command)}", markup=False)
    if not everything:
        _name(console, by_hand)


def _programs(home: Path, stack: Stack, known: set[int]) -> list[HomeProgram]:
    addresses: set[str] = set()
    with contextlib.suppress(UnreachableError):
        addresses = {value for value in stack.addresses().values() if ":" in value}
    return programs_of(home, addresses, known)


def _name(console: Console, left: list[HomeProgram]) -> None:
    if not left:
        return
    console.print("still running, started by hand:")
    for one in left:
        console.print(f"  pid {one.pid}  {shown(one.command)}", markup=False)
    console.print(
        f"end them with Ctrl-C where they run, with `kill {' '.join(str(one.pid) for one in left)}` or with "
        "`fraud down --all`",
        markup=False,
    )
