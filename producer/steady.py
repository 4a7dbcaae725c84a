"""Sending live traffic at a steady rate."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from producer.live import LiveBatch, LiveTraffic
from producer.simulator.draws import Ints
from producer.streaming import SHORTEST_WAIT_S, LiveStream
from producer.wire import transaction_messages

_CHUNK_S = 0.25
_BUCKET_S = 1.0
"""What was missed by more than this is not caught up: a burst would be no steady rate."""


@dataclass
class SteadyStream(LiveStream):
    """Publishes payments at `rate` a second, each at the moment that is its event time."""

    traffic: LiveTraffic
    rate: float

    def _send(self, stop: threading.Event, started: float, end: float) -> Iterator[None]:
        planned = started
        while not stop.is_set() and planned < end:
            planned = max(planned, time.time() - _BUCKET_S)
            moments, planned = self._moments(planned, end)
            if len(moments):
                self.truths.append(self._send_batch(self.traffic.draw(moments), stop))
            else:
                stop.wait(max(planned - time.time(), 0.0))
            self._send_due_labels(int(time.time() * 1_000))
            yield

    def _truth_times(self, started_at: int) -> tuple[int, int]:
        return started_at, started_at

    def _moments(self, start: float, end: float) -> tuple[Ints, float]:
        """The next chunk's evenly spaced moments (ms), and when the next chunk starts."""
        count = max(round(self.rate * _CHUNK_S), 1)
        count = min(count, round(self.rate * (end - start)) if end < float("inf") else count)
        moments = start + np.arange(count) / self.rate
        return (moments * 1_000).astype(np.int64), start + max(count, 1) / self.rate

    def _send_batch(self, batch: LiveBatch, stop: threading.Event) -> pa.Table:
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
                stop.wait(max(wait, SHORTEST_WAIT_S))
        labels, truth = self.traffic.tables(batch, sent)
        self.pending = pa.concat_tables([self.pending, labels])
        self.counts.transactions += sent
        self.counts.frauds += int((batch.campaign[:sent] >= 0).sum())
        return truth
