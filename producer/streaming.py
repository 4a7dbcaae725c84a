"""Sending live traffic until it is stopped: what every way to pace it has in common."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from fraud.lake import Lake
from fraud.settings import Settings
from producer.history import due_labels
from producer.publisher import Publisher
from producer.simulator.tables import require_simulated
from producer.wire import label_messages

SHORTEST_WAIT_S = 0.002


@dataclass
class LiveCounts:
    """What has been sent so far."""

    transactions: int = 0
    frauds: int = 0
    labels: int = 0
    seconds: float = 0.0


@dataclass
class LiveStream(ABC):
    """Publishes payments, and labels as they fall due; a subclass says when which payment is sent.

    Attributes:
        pending: the labels that are not due yet.
        lake: where the truth of what was sent is written, or None.
        truths: of what was sent so far.
    """

    settings: Settings
    publisher: Publisher
    pending: pa.Table
    _: KW_ONLY
    lake: Lake | None = None
    counts: LiveCounts = field(default_factory=LiveCounts)
    truths: list[pa.Table] = field(default_factory=list)

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
        for _ in self._send(stop, started, end):
            self.counts.seconds = time.time() - started
            progress(self.counts)
        self.publisher.flush()
        self._write_truth(int(started * 1_000))
        return self.counts

    @abstractmethod
    def _send(self, stop: threading.Event, started: float, end: float) -> Iterator[None]:
        """Send from `started` to `end` (s, of the wall clock), and yield after each step."""

    @abstractmethod
    def _truth_times(self, started_at: int) -> tuple[int, int]:
        """The first event time, and the start by the wall clock (both ms), of a run from `started_at` on."""

    def _send_due_labels(self, now: int) -> None:
        """Send the labels that are due at the event time `now` (ms)."""
        due, self.pending = due_labels(self.pending, now)
        self.publisher.send(self.settings.topics.labels, label_messages(due))
        self.counts.labels += due.num_rows

    def _write_truth(self, started_at: int) -> None:
        if self.lake is None or not self.truths:
            return
        first, started = self._truth_times(started_at)
        day = datetime.fromtimestamp(first / 1_000, UTC).date()
        self.lake.write_table(pa.concat_tables(self.truths), f"truth/date={day}/live-{started}.parquet")
