"""`python -m benchmarks.first_hour`: README's by-hand path in a bare home, and what a new user then sees.

The bars: live precision of the alerts at least 0.3 and recall at least 0.5 at the cards' natural pace, at
most 50 open alerts after the history. Natural pace means the event times that the cards' habits give. A day
of 3,000 cards has about 6,400 payments and 20 frauds of two or three attacks, so that minutes of it would
measure nothing: the history ends `--hours` ago, and these hours are sent with their own event times by a
faster clock. Serving sees the same intervals between a card's payments as at the pace of the wall clock. No
attack is planned.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.first_hour.by_hand import ByHand, FirstHour, FirstHourPlan
from benchmarks.results import Section, conditions, save_section
from fraud.machine.ending import end_in_order

MIN_PRECISION, MIN_RECALL, MAX_OPEN = 0.3, 0.5, 50


def main(
    scenario: Annotated[str, typer.Option(help="Name or file of the simulated world.")] = "default",
    cards: Annotated[int, typer.Option(help="How many cards it has.")] = 3_000,
    days: Annotated[int, typer.Option(help="Length of the history.")] = 120,
    hours: Annotated[int, typer.Option(help="Of payments that come live.")] = 72,
    live_s: Annotated[int, typer.Option(help="Seconds that these hours take.")] = 144,
    trials: Annotated[int, typer.Option(help="Of the hyperparameter search.")] = 5,
    home: Annotated[Path | None, typer.Option(help="An empty folder; by default a temporary one.")] = None,
    save: Annotated[bool, typer.Option(help="Into RESULTS.md.")] = False,
) -> None:
    """Run it, print what was seen; ends with 1 if a bar is missed."""
    end_in_order()
    under = conditions()
    with tempfile.TemporaryDirectory(prefix="first-hour-") as folder:
        plan = FirstHourPlan(home or Path(folder), scenario, cards, days, hours, live_s, trials)
        found = ByHand(plan).run()
    section = as_section(plan, found)
    print("\n".join([f"## {section.title}", "", *section.table, ""]), flush=True)
    if save:
        save_section(section, under)
    raise typer.Exit(0 if all(reached for _, _, reached in bars(found)) else 1)


def bars(found: FirstHour) -> Iterator[tuple[str, str, bool]]:
    """What is asked for, what was seen, and whether it is reached; a share of nothing is not."""
    live = found.live
    yield (
        f"precision of live alerts, at least {MIN_PRECISION}",
        f"{live.precision:.2f} ({live.caught} of {live.flagged})",
        live.precision >= MIN_PRECISION,
    )
    yield (
        f"recall of live frauds, at least {MIN_RECALL}",
        f"{live.recall:.2f} ({live.caught} of {live.frauds})",
        live.recall >= MIN_RECALL,
    )
    yield (
        f"open alerts after the history, at most {MAX_OPEN}",
        f"{found.open_alerts}",
        found.open_alerts <= MAX_OPEN,
    )


def as_section(plan: FirstHourPlan, found: FirstHour) -> Section:
    """The figures and their table."""
    title = (
        f"The first hour by hand: scenario {plan.scenario}, {plan.cards:,} cards, {plan.days} days, then "
        f"{plan.hours} hours live"
    )
    figures = {
        "plan": {name: str(value) for name, value in asdict(plan).items() if name != "home"},
        "seconds": found.seconds,
        "open_alerts": found.open_alerts,
        "live": asdict(found.live),
    }
    return Section("first_hour", title, figures, list(_table(found)))


def _table(found: FirstHour) -> Iterator[str]:
    yield "| | seen | |"
    yield "|---|---|---|"
    for name, seen, reached in bars(found):
        yield f"| {name} | {seen} | {'reached' if reached else 'MISSED'} |"
    yield f"| live payments | {found.live.payments:,} | |"
    for kind, one in found.live.by_kind.items():
        yield f"| {kind.replace('_', ' ')}, caught | {one.caught} of {one.frauds} | |"
    for name, seconds in found.seconds.items():
        yield f"| {name} | {seconds:.0f} s | |"


if __name__ == "__main__":
    typer.run(main)
