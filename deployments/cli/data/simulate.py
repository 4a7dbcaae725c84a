"""`fraud simulate`: a simulated world's history and its live traffic into Kafka."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fraud.errors import ConfigurationError, FraudError
from fraud.settings import load_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from fraud.lake import Lake
    from fraud.settings import Settings
    from producer.history import HistoryPeriod
    from producer.publisher import Publisher
    from producer.scenario import SimulationScenario
    from producer.simulator import Simulator
    from producer.streaming import LiveCounts


def simulate(
    scenario: Annotated[str, typer.Option(help="default, small, drift, or a YAML file.")] = "default",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same world and payments.")] = 7,
    days: Annotated[
        int | None,
        typer.Option(min=1, help="Length of the history; the scenario's if neither this nor --rate."),
    ] = None,
    end: Annotated[str, typer.Option(help="End of the history: now, or a date and time (UTC).")] = "now",
    rate: Annotated[
        float | None, typer.Option(help="Live payments per second, after the history if any.")
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
    from fraud.lake import open_lake
    from producer.history import HistoryPeriod
    from producer.publisher import Publisher
    from producer.scenario import load_scenario
    from producer.simulator import Simulator
    from producer.simulator.rates import write_rates
    from producer.simulator.tables import require_simulated

    _check(rate, duration, end)
    settings, world = load_settings(), load_scenario(scenario, cards=cards)
    span, console = HistoryPeriod.before(_moment(end), days or world.days), Console()
    if rates is not None:
        # The definitions may name this file, so it is there before they are read.
        count = write_rates(rates, world.currencies, span.start, datetime.now(UTC).date())
        console.print(f"rates: {count:,} in {rates}")
    require_simulated(settings.loaded_definitions)
    lake = open_lake(settings) if truth else None
    with Publisher(settings, linger_ms=5 if rate else 20) as publisher:
        simulator = Simulator(world, seed, span.start)
        pending = None
        if days or rate is None:
            pending = _history(settings, publisher, simulator, span, lake, console)
        if rate is not None:
            _live(settings, publisher, simulator, span, pending, rate, duration, lake, console)


def _check(rate: float | None, duration: float | None, end: str) -> None:
    if rate is not None and not 0 < rate <= 1_000_000:
        raise ConfigurationError(f"--rate {rate} must lie above 0 and not above 1,000,000 payments a second")
    if rate is not None and end != "now":
        raise ConfigurationError("--rate sends payments of this moment, so that --end must be now")
    if rate is None and duration is not None:
        raise ConfigurationError("--duration is the length of live traffic: give --rate too")


def _moment(end: str) -> datetime:
    if end == "now":
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(end)
    except ValueError:
        raise ConfigurationError(
            f"--end {end!r} is neither now nor a date such as 2026-03-01T12:00"
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

        with _stopped_by_signals() as stop:
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


def _live(
    settings: "Settings",
    publisher: "Publisher",
    simulator: "Simulator",
    span: "HistoryPeriod",
    pending: "pa.Table | None",
    rate: float,
    duration: float | None,
    lake: "Lake | None",
    console: Console,
) -> None:
    from producer.history import HistoryPeriod, pending_labels
    from producer.live import LiveTraffic
    from producer.streaming import LiveStream

    if pending is None:
        recent = HistoryPeriod.before(datetime.fromtimestamp(span.end / 1_000, UTC), LABELS_REACH_DAYS)
        pending = pending_labels(simulator, recent)
    console.print(
        f"live: {rate:,.0f} payments/s, {_pace(simulator.world.scenario, rate):,.0f} x the cards' own pace"
    )
    stream = LiveStream(settings, publisher, LiveTraffic(simulator, span.end), rate, pending, lake)
    with _stopped_by_signals() as stop, console.status("") as status:

        def show_progress(counts: "LiveCounts") -> None:
            speed = counts.transactions / max(counts.seconds, 1e-9)
            status.update(f"{counts.transactions:,} payments sent, {speed:,.0f}/s")

        counts = stream.run(stop, duration, show_progress)
    console.print(
        f"live: {counts.transactions:,} transactions ({counts.frauds:,} of them fraud) "
        f"in {counts.seconds:.1f} s, {counts.labels:,} labels; all acknowledged"
    )


class InterruptedHistoryError(FraudError):
    """A signal ended a history before its end."""


LABELS_REACH_DAYS = 30
"""Live traffic without a history also brings the labels of the history's last days, as they fall due."""


def _pace(scenario: "SimulationScenario", rate: float) -> float:
    return rate * 86_400 / (scenario.cards * scenario.life.payments_per_day)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set, instead of ending the process."""
    stop = threading.Event()
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
