"""`fraud simulate`: a simulated world's history and its live traffic into Kafka."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fraud.errors import ConfigurationError, FraudError
from fraud.machine.console import Console
from fraud.settings import load_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from deployments.cli.data.simulate_live import LiveRequest
    from fraud.lake import Lake
    from fraud.settings import Settings
    from producer.history import HistoryPeriod
    from producer.publisher import Publisher
    from producer.simulator import Simulator


def simulate(
    scenario: Annotated[
        str, typer.Option(help="default, demo, small, drift (v1's; or v2/default), or a YAML file.")
    ] = "default",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same world and payments.")] = 7,
    days: Annotated[
        int | None,
        typer.Option(min=1, help="Length of the history; the scenario's if neither this nor live payments."),
    ] = None,
    end: Annotated[
        str, typer.Option(help="End of the history: now, yesterday, 36h (ago), or a date and time (UTC).")
    ] = "now",
    live: Annotated[
        bool, typer.Option("--live", help="Live payments at the cards' own pace, after the history if any.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(help="Live from the newest payment in Kafka on, so many times as fast until now."),
    ] = None,
    attacks: Annotated[
        int, typer.Option(min=0, help="With --speed: additional attacks of each kind until now.")
    ] = 0,
    rate: Annotated[
        float | None, typer.Option(help="Live payments per second instead of the cards' own pace.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds of live payments; without it, until Ctrl-C.")
    ] = None,
    cards: Annotated[int | None, typer.Option(min=1, help="Instead of the scenario's number.")] = None,
    truth: Annotated[bool, typer.Option(help="Keep what really happened in the lake, for reports.")] = True,
    rates: Annotated[
        Path | None, typer.Option(help="First write the currencies' rates into this CSV file, base EUR.")
    ] = None,
) -> None:
    """The command `fraud simulate`; `deployments.cli.commands` has its summary."""
    from deployments.cli.data.simulate_live import LiveRun
    from fraud.lake import open_lake
    from producer.history import HistoryPeriod
    from producer.publisher import Publisher
    from producer.scenario import load_scenario
    from producer.simulator import Simulator
    from producer.simulator.rates import write_rates
    from producer.simulator.tables import require_simulated

    request = _live_request(live, rate, speed, attacks, duration, end)
    settings, world = load_settings(), load_scenario(scenario, cards=cards)
    span, console = HistoryPeriod.before(_moment(end), days or world.days), Console()
    if rates is not None:
        # The definitions may name this file, so it is there before they are read.
        count = write_rates(rates, world.currencies, span.start, datetime.now(UTC).date())
        console.print(f"rates: {count:,} in {rates}")
    require_simulated(settings.loaded_definitions)
    lake = open_lake(settings) if truth else None
    with Publisher(settings, linger_ms=5 if request else 20) as publisher:
        simulator = Simulator(world, seed, span.start)
        pending = None
        if days or request is None:
            pending = _history(settings, publisher, simulator, span, lake, console)
        if request is not None:
            LiveRun(settings, publisher, simulator, lake, console).run(request, pending)


def _live_request(
    live: bool, rate: float | None, speed: float | None, attacks: int, duration: float | None, end: str
) -> "LiveRequest | None":
    """What is asked for; None without live traffic."""
    from deployments.cli.data.simulate_live import LiveRequest

    if rate is not None and not 0 < rate <= 1_000_000:
        raise ConfigurationError(f"--rate {rate} must lie above 0 and not above 1,000,000 payments a second")
    if speed is not None and not 1 < speed <= 1_000_000:
        raise ConfigurationError(f"--speed {speed} must lie above 1 and not above 1,000,000 times")
    if rate is not None and speed is not None:
        raise ConfigurationError("--rate and --speed exclude each other: give one of them")
    if attacks and speed is None:
        raise ConfigurationError("--attacks are planned into what --speed makes up for: give --speed too")
    if speed is None and (live or rate is not None) and end != "now":
        raise ConfigurationError("live payments are of this moment: leave --end out, or give --speed")
    if not live and rate is None and speed is None:
        if duration is not None:
            raise ConfigurationError(
                "--duration is that of live payments: give --live, --speed or --rate too"
            )
        return None
    return LiveRequest(rate, speed, attacks, duration)


def _moment(end: str) -> datetime:
    now = datetime.now(UTC)
    if end in ("now", "yesterday"):
        return now - timedelta(days=end == "yesterday")
    if (ago := re.fullmatch(r"(\d{1,4})([dh])", end)) is not None:
        return now - timedelta(**{{"d": "days", "h": "hours"}[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(end)
    except ValueError:
        raise ConfigurationError(
            f"--end {end!r} is neither now, yesterday, a time ago such as 36h or 2d, nor a date such as "
            "2026-03-01T12:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _history(
    settings: "Settings",
    publisher: "Publisher",
    simulator: "Simulator",
    span: "HistoryPeriod",
    lake: "Lake | None",
    console: Console,
) -> "pa.Table":
    from deployments.cli.data.simulate_live import stopped_by_signals
    from producer.history import publish_history

    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("days"),
        TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), console=console,
    )  # fmt: skip
    with bars:
        task = bars.add_task(f"from {span.start}", total=len(span.days()), rate="")

        def show_progress(transactions: int) -> None:
            elapsed = bars.tasks[0].elapsed or 1e-9
            bars.update(task, advance=1, rate=f"{transactions / elapsed:,.0f}/s")

        with stopped_by_signals() as stop:
            done = publish_history(settings, publisher, simulator, span, lake, show_progress, stop.is_set)
    console.print(
        f"history: {done.transactions:,} transactions in {done.deliveries:,} messages "
        f"({done.frauds / max(done.transactions, 1):.2%} fraud), {done.labels:,} labels; "
        f"{done.pending.num_rows:,} labels are not due yet"
    )
    if done.days < len(span.days()):
        raise InterruptedHistoryError(
            f"stopped after {done.days} of {len(span.days())} days; what the line above counts is in Kafka, "
            "the rest is not: start again with fresh topics to have it whole"
        )
    return done.pending


class InterruptedHistoryError(FraudError):
    """A signal ended a history before its end."""
