"""The live traffic of `fraud simulate`: at the cards' own pace, catching up faster, or at a given rate."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from fraud.definitions.features import DAY_MS
from fraud.errors import ConfigurationError
from fraud.kafka.offsets import newest_timestamp
from fraud.machine.console import Console
from producer.fast_clock import FastClock
from producer.history import HistoryPeriod, pending_labels
from producer.live import LiveTraffic
from producer.natural import NaturalStream
from producer.simulator.pace import payments_per_second
from producer.simulator.planned import PLANNED, planned_attacks
from producer.steady import SteadyStream
from producer.streaming import LiveCounts

if TYPE_CHECKING:
    import pyarrow as pa

    from fraud.lake import Lake
    from fraud.settings import Settings
    from producer.publisher import Publisher
    from producer.simulator import Simulator

LABELS_REACH_DAYS = 30
"""Live traffic without a history also brings the labels of the history's last days, as they fall due."""
_PLAUSIBLE = 3.0
"""Times the cards' own pace; beyond it they pay implausibly often."""
_LONGEST_GAP_DAYS = 31


@dataclass(frozen=True)
class LiveRequest:
    """What was asked for.

    Attributes:
        rate: payments a second; None: the cards' own pace.
        speed: of the clock while it catches up with now; None: start now.
        attacks: of each planned kind, beside those of the scenario, while it catches up.
        duration_s: None: until stopped.
    """

    rate: float | None
    speed: float | None
    attacks: int
    duration_s: float | None


@dataclass
class LiveRun:
    """Sends live payments of a world."""

    settings: "Settings"
    publisher: "Publisher"
    simulator: "Simulator"
    lake: "Lake | None"
    console: Console

    def run(self, request: LiveRequest, pending: "pa.Table | None") -> None:
        """Send until it is stopped or over; `pending` are labels not due yet, None: find them.

        Raises:
            ConfigurationError: there is no history that could be continued.
            UnreachableError: Kafka did not take something.
        """
        with stopped_by_signals() as stop, self.console.status("") as status:

            def show_progress(counts: LiveCounts) -> None:
                speed = counts.transactions / max(counts.seconds, 1e-9)
                status.update(f"{counts.transactions:,} payments sent, {speed:,.2g}/s")

            start = self._start(request, pending)
            counts = start(stop, request.duration_s, show_progress)
        self.console.print(
            f"live: {counts.transactions:,} transactions ({counts.frauds:,} of them fraud) "
            f"in {counts.seconds:.1f} s, {counts.labels:,} labels; all acknowledged"
        )

    def _start(self, request: LiveRequest, pending: "pa.Table | None") -> Callable[..., LiveCounts]:
        if request.rate is not None:
            return self._at_rate(request.rate, pending).run
        return self._natural(request, pending).run

    def _natural(self, request: LiveRequest, pending: "pa.Table | None") -> NaturalStream:
        now = time.time_ns() // 1_000_000
        start = now if request.speed is None else newest_payment(self.settings, now)
        clock = FastClock(start, now, request.speed or 1.0)
        if request.attacks:
            world, day = self.simulator.world, _day_of(start)
            scenario = self.simulator.scenario_on(day)
            self.simulator.plan(*planned_attacks(world, scenario, start, now, request.attacks))
        self.console.print(self._describe(clock, request.attacks), soft_wrap=True, highlight=False)
        due_later = self._pending(pending, start)
        return NaturalStream(self.settings, self.publisher, due_later, self.simulator, clock, lake=self.lake)

    def _describe(self, clock: FastClock, attacks: int) -> str:
        pace = self._own_pace(clock.start)
        own = f"live: the own pace of {len(self.simulator.world.cards):,} cards, {_per_time(pace)}"
        if clock.start == clock.started_at:
            return own
        since = datetime.fromtimestamp(clock.start / 1_000, UTC)
        kinds = ", ".join(PLANNED).replace("_", " ")
        planned = f", with {attacks} planned attack(s) of each kind: {kinds}" if attacks else ""
        return (
            f"{own}; {clock.speed:,.0f} times as fast from {since:%Y-%m-%d %H:%M} UTC until it has caught up "
            f"with now, in {clock.seconds_behind:,.0f} s{planned}"
        )

    def _at_rate(self, rate: float, pending: "pa.Table | None") -> SteadyStream:
        now = time.time_ns() // 1_000_000
        cards, times = len(self.simulator.world.cards), rate / self._own_pace(now)
        self.console.print(
            f"live: {rate:,.3g} payments/s, {_times(times)} times the cards' own pace", highlight=False
        )
        if times > _PLAUSIBLE:
            self.console.print(warning(rate, times, cards), soft_wrap=True, highlight=False)
        traffic = LiveTraffic(self.simulator, now)
        due_later = self._pending(pending, now)
        return SteadyStream(self.settings, self.publisher, due_later, traffic, rate, lake=self.lake)

    def _own_pace(self, moment: int) -> float:
        day = _day_of(moment)
        return payments_per_second(self.simulator.world, self.simulator.scenario_on(day), day)

    def _pending(self, pending: "pa.Table | None", start: int) -> "pa.Table":
        if pending is not None:
            return pending
        recent = HistoryPeriod.before(datetime.fromtimestamp(start / 1_000, UTC), LABELS_REACH_DAYS)
        return pending_labels(self.simulator, recent)


def newest_payment(settings: "Settings", now: int) -> int:
    """Event time (ms) of the newest payment in Kafka, where live traffic goes on.

    Raises:
        ConfigurationError: there is none, or it is too long ago.
    """
    topic = settings.topics.transactions
    newest = newest_timestamp(settings, topic)
    if newest is None:
        raise ConfigurationError(
            f"topic {topic} is empty, and --speed goes on where its newest payment ends; first simulate a "
            "history that ends some time ago: fraud simulate --end yesterday"
        )
    if now - newest > _LONGEST_GAP_DAYS * DAY_MS:
        raise ConfigurationError(
            f"the newest payment of topic {topic} is of {_day_of(newest)}; --speed makes up for "
            f"{_LONGEST_GAP_DAYS} days at most: leave it out to start now"
        )
    return min(newest, now)


def warning(rate: float, times: float, cards: int) -> str:
    """What to expect of a rate far above the cards' own pace."""
    return (
        f"[yellow]{rate:,.3g} payments/s are {times:,.0f} times what {cards:,} cards pay: their features are "
        "those of misuse, so expect alerts on 10 to 20 % of the payments, hardly any of them right; this is "
        "for measuring throughput. Give --live instead for the cards' own pace, or simulate "
        f"{math.ceil(cards * times):,} cards[/]"
    )


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set, instead of ending the process."""
    stop = threading.Event()
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _day_of(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1_000, UTC).date()


def _per_time(rate: float) -> str:
    """A rate in the unit in which it is at least one."""
    if rate >= 1:
        return f"{rate:,.1f} payments/s"
    return f"{rate * 60:,.1f} payments a minute"


def _times(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:,.2g}"
