"""Sending what the cards pay out of habit: the days of the simulator, each payment when its time comes."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from fraud.settings import Settings
from producer.fast_clock import FastClock
from producer.simulator import DayOfTraffic, Simulator
from producer.simulator.draws import Ints
from producer.streaming import SHORTEST_WAIT_S, LiveStream
from producer.wire import OutgoingMessages, transaction_messages

_TICK_S = 0.25


@dataclass
class NaturalStream(LiveStream):
    """Publishes the payments after the clock's start, and labels as they fall due by the same clock.

    What is sent, and at which intervals of event time, is what a history of these days would have; only
    the identifiers are this run's own. The truth says when each payment was due to be sent (`sent_at`, ms).
    """

    simulator: Simulator
    clock: FastClock

    def _send(self, stop: threading.Event, started: float, end: float) -> Iterator[None]:
        for traffic in self._days():
            day = _DeliveredDay(self.settings, traffic)
            self.pending = pa.concat_tables([self.pending, traffic.labels])
            while not day.is_complete and not stop.is_set() and time.time() < end:
                self._send_due(day)
                yield
                stop.wait(self._wait_s(day, end))
            self.truths.append(day.truth(self.clock))
            if not day.is_complete:
                break

    def _truth_times(self, started_at: int) -> tuple[int, int]:
        return self.clock.start, self.clock.started_at

    def _days(self) -> Iterator[DayOfTraffic]:
        """The rest of the day of the clock's start, and those that follow."""
        start = self.clock.start
        day = datetime.fromtimestamp(start / 1_000, UTC).date()
        yield self.simulator.day(day, run=start).after(start)
        while True:
            day += timedelta(days=1)
            yield self.simulator.day(day, run=start)

    def _send_due(self, day: "_DeliveredDay") -> None:
        now = self.clock.event_time(time.time() * 1_000)
        frauds, messages, arrivals = day.take_due(now)
        if messages:
            # By the cards' clock they are published as they happen: they are work for analysts, no history.
            self.publisher.send(self.settings.topics.transactions, messages, arrivals)
            self.counts.transactions += len(messages)
            self.counts.frauds += frauds
        self._send_due_labels(now)

    def _wait_s(self, day: "_DeliveredDay", end: float) -> float:
        if day.is_complete:
            return 0.0
        due = min(self.clock.wall_time(day.next_arrival) / 1_000, end) - time.time()
        return min(max(due, SHORTEST_WAIT_S), _TICK_S)


class _DeliveredDay:
    """A day in the order of delivery, and how far it has been sent."""

    def __init__(self, settings: Settings, traffic: DayOfTraffic) -> None:
        self._traffic = traffic
        self._sent = 0
        self._messages = transaction_messages(settings.loaded_definitions, traffic.delivered())
        self._fraud = traffic.truth["is_fraud"].to_numpy(zero_copy_only=False)[traffic.deliveries]
        times: Ints = traffic.transactions["timestamp"].to_numpy()[traffic.deliveries]
        # What is late arrives with those that it comes among.
        self._arrivals: Ints = np.maximum.accumulate(times)

    @property
    def is_complete(self) -> bool:
        return self._sent == len(self._arrivals)

    @property
    def next_arrival(self) -> int:
        """Event time of the next delivery."""
        return int(self._arrivals[self._sent])

    def take_due(self, now: int) -> tuple[int, OutgoingMessages, Ints]:
        """How many frauds are due by `now` and were not taken; these messages, and when they arrive (ms)."""
        first = self._sent
        self._sent = max(first, int(np.searchsorted(self._arrivals, now, side="right")))
        taken = slice(first, self._sent)
        frauds = int(self._fraud[taken].sum())
        return frauds, self._messages.part(first, self._sent), self._arrivals[taken]

    def truth(self, clock: FastClock) -> pa.Table:
        """The truth of what was sent, with the moment (ms) at which it was due to be sent."""
        rows, first = np.unique(self._traffic.deliveries[: self._sent], return_index=True)
        due = np.array([clock.wall_time(int(one)) for one in self._arrivals[first]], np.int64)
        return self._traffic.truth.take(pa.array(rows)).append_column("sent_at", pa.array(due))
