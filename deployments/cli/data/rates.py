"""`fraud rates`: daily exchange rates on the topic that definitions with `rates: topic` read."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.settings import Settings, load_settings


def rates() -> None:
    """The command `fraud rates`; `deployments.cli.commands` has its summary."""


app = typer.Typer(callback=rates, no_args_is_help=True, add_completion=False)


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="CSV with the columns date, currency, rate.")],
) -> None:
    """Put the rates of a file on the topic that it lacks or has otherwise; those not in the file stay."""
    from fraud.money.rates import read_rates
    from fraud.money.topic import publish_rates

    settings, console = load_settings(), Console(soft_wrap=True, highlight=False)
    done = publish_rates(settings, read_rates(file, _base(settings)))
    console.print(
        f"{settings.topics.rates}: {done.added:,} rates added, {done.corrected:,} corrected, "
        f"{done.unchanged:,} there already"
    )
    if done.correction:
        console.print(
            f"[yellow]Corrected:[/] {escape(done.correction)}. Payments that were scored by the former rates "
            "keep their decisions; training rows are made again, and the state of cards is rebuilt at the "
            "next start."
        )


@app.command()
def show() -> None:
    """Show what the topic has: of each currency the newest rate, and how many there are."""
    from fraud.money.rates import date_of, written_rate
    from fraud.money.topic import read_rates_topic

    settings, console = load_settings(), Console(soft_wrap=True, highlight=False)
    base = _base(settings)
    found = read_rates_topic(settings, base)
    newest = {currency: (day, rate) for (day, currency), rate in sorted(found.rates.items())}
    for currency, (day, rate) in sorted(newest.items()):
        count = sum(one == currency for _, one in found.rates)
        console.print(f"1 {base} = {written_rate(rate)} {currency} on {date_of(day)} ({count:,} days)")
    if not newest:
        console.print(f"{settings.topics.rates} has no rates; put a file on it: fraud rates publish FILE")


def _base(settings: Settings) -> str:
    money = settings.loaded_definitions.money
    if money is None:
        raise ConfigurationError(
            f"{settings.loaded_definitions.source} has no base currency, so no rates are used; "
            "write money: {base: EUR, rates: topic} in the file that FRAUD_DEFINITIONS names"
        )
    return money.code
