"""Sending live traffic at a steady rate until it is stopped."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from fraud.lake import Lake
from fraud.settings import Settings
from producer.history import due_labels
from producer.live import LiveBatch, LiveTraffic
from producer.publisher import Publisher
from producer.simulator.draws import Ints
from producer.simulator.tables import require_simulated
from producer.wire import label_messages, transaction_messages

_CHUNK_S = 0.25
_SHORTEST_WAIT_S = 0.002
_BUCKET_S = 1.0
"""What was missed by more than this is not caught up: a burst would be no steady rate."""


@dataclass
class LiveCounts:
    """What has been sent so far."""

    transactions: int = 0
    frauds: int = 0
    labels: int = 0
    seconds: float = 0.0


@dataclass
class LiveStream:
    """Publishes payments at `rate` a second, each at the moment that is its event time."""

    settings: Settings
    publisher: Publisher
    traffic: LiveTraffic
    rate: float
    pending: pa.Table
    lake: Lake | None = None
    counts: LiveCounts = field(default_factory=LiveCounts)

    def run(
        self,
        stop: threading.Event,
        duration_s: float | None = None,
        progress: Callable[[LiveCounts], None] = lambda counts: None,
    ) -> LiveCounts:
        """Send until `stop` is set or the time is over; everything sent is acknowledged on return.

        Raises:
            ConfigurationError: the definitions need what is not simulated.
            UnreachableError: Kafka did not take something.
        """
        require_simulated(self.settings.loaded_definitions)
        started = time.time()
        end = started + (duration_s if duration_s is not None else float("inf"))
        planned = started
        truths: list[pa.Table] = []
        while not stop.is_set() and planned < end:
            planned = max(planned, time.time() - _BUCKET_S)
            moments, planned = self._moments(planned, end)
            if len(moments):
                truths.append(self._send(self.traffic.draw(moments), stop))
            else:
                stop.wait(max(planned - time.time(), 0.0))
            self._send_due_labels()
            self.counts.seconds = time.time() - started
            progress(self.counts)
        self.publisher.flush()
        self._write_truth(truths, int(started * 1_000))
        return self.counts

    def _moments(self, start: float, end: float) -> tuple[Ints, float]:
        """The next chunk's evenly spaced moments (ms), and when the next chunk starts."""
        count = max(round(self.rate * _CHUNK_S), 1)
        count = min(count, round(self.rate * (end - start)) if end < float("inf") else count)
        moments = start + np.arange(count) / self.rate
        return (moments * 1_000).astype(np.int64), start + max(count, 1) / self.rate

    def _send(self, batch: LiveBatch, stop: threading.Event) -> pa.Table:
        """Each payment when its moment has come; returns the truth of those sent."""
        definitions = self.settings.loaded_definitions
        messages, sent = transaction_messages(definitions, batch.transactions), 0
        while sent < len(messages) and not stop.is_set():
            now = int(time.time() * 1_000)
            due = int(np.searchsorted(batch.payments.time, now, side="right"))
            if due > sent:
                self.publisher.send(self.settings.topics.transactions, messages.part(sent, due))
                sent = due
            else:
                wait = (int(batch.payments.time[sent]) - now) / 1_000
                stop.wait(max(wait, _SHORTEST_WAIT_S))
        labels, truth = self.traffic.tables(batch, sent)
        self.pending = pa.concat_tables([self.pending, labels])
        self.counts.transactions += sent
        self.counts.frauds += int((batch.campaign[:sent] >= 0).sum())
        return truth

    def _send_due_labels(self) -> None:
        due, self.pending = due_labels(self.pending, int(time.time() * 1_000))
        self.publisher.send(self.settings.topics.labels, label_messages(due))
        self.counts.labels += due.num_rows

    def _write_truth(self, truths: list[pa.Table], started_at: int) -> None:
        if self.lake is not None and truths:
            day = np.datetime64(started_at, "ms").astype("datetime64[D]")
            self.lake.write_table(pa.concat_tables(truths), f"truth/date={day}/live-{started_at}.parquet")
