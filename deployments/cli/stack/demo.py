"""`fraud demo`: the whole loop on this machine."""

from typing import Annotated

import typer

from deployments.demo.run import Demo, DemoPlan
from deployments.demo.screen import Screen
from fraud.machine.console import Console
from fraud.settings import load_settings


def demo(
    scenario: Annotated[str, typer.Option(help="Name or file of the simulated world.")] = "demo",
    cards: Annotated[int, typer.Option(min=100, help="How many cards it has.")] = 3_000,
    days: Annotated[int, typer.Option(min=75, help="Length of the history.")] = 84,
    hours: Annotated[int, typer.Option(min=1, help="Of the last payments, which come live, faster.")] = 48,
    attacks: Annotated[int, typer.Option(min=0, help="Planned into them: so many of each kind.")] = 1,
    trials: Annotated[int, typer.Option(min=1, help="Of the hyperparameter search.")] = 3,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up to look around.")] = False,
) -> None:
    """The command `fraud demo`; `deployments.cli.commands` has its summary."""
    home = load_settings().home / "demo"
    plan = DemoPlan(home, scenario, cards, days, hours, attacks=attacks, trials=trials, keep=keep)
    console = Console()
    Demo(plan, Screen(console)).run()
    if keep:
        console.print(
            f"[dim]FRAUD_HOME={plan.home} fraud status; FRAUD_HOME={plan.home} fraud down ends it[/]"
        )
