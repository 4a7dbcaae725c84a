"""`fraud demo`: the whole loop on this machine."""

import signal
from typing import Annotated

import typer
from rich.console import Console

from deployments.demo.run import Demo, DemoPlan
from deployments.demo.screen import Screen
from fraud.settings import load_settings


def demo(
    scenario: Annotated[str, typer.Option(help="Name or file of the simulated world.")] = "small",
    cards: Annotated[int, typer.Option(min=100, help="How many cards it has.")] = 3_000,
    days: Annotated[int, typer.Option(min=75, help="Length of the history.")] = 84,
    rate: Annotated[int, typer.Option(min=1, help="Live transactions a second.")] = 50,
    trials: Annotated[int, typer.Option(min=1, help="Of the hyperparameter search.")] = 3,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up to look around.")] = False,
) -> None:
    """The command `fraud demo`; `deployments.cli.commands` has its summary."""
    plan = DemoPlan(load_settings().home / "demo", scenario, cards, days, rate, trials=trials, keep=keep)
    console = Console()
    # A terminated demo ends what it started, like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    Demo(plan, Screen(console)).run()
    if keep:
        console.print(
            f"[dim]FRAUD_HOME={plan.home} fraud status; FRAUD_HOME={plan.home} fraud down ends it[/]"
        )
