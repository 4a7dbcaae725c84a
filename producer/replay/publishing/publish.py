"""The second pass: accepted rows go to Kafka, in order of event time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.settings import Settings
from producer.publisher import Publisher
from producer.replay.publishing.pacing import PORTION_ROWS, Pacer, Times, portions
from producer.replay.rows.labels import LabelPlan
from producer.replay.staging.staging_file import Rows, StagingFile
from producer.wire import OutgoingMessages, label_messages, transaction_messages

Progress = Callable[[int], object]
"""Called with how many transactions and labels have been handed over."""


@dataclass(frozen=True)
class ReplayEvents:
    """What is to be sent: rows on disk, their order (None: as they are), and a shift of all times (ms)."""

    definitions: Definitions
    transactions: StagingFile
    order: Rows | None
    times: Times
    labels: LabelPlan
    shift: int = 0

    def __len__(self) -> int:
        return len(self.times) + len(self.labels)

    def transactions_in(self, part: range) -> pa.Table:
        """The transactions of these numbers in the order of time."""
        rows = np.arange(part.start, part.stop) if self.order is None else self.order[part.start : part.stop]
        table = self.transactions.take(rows)
        for field in self.definitions.fields:
            if field.type is FieldType.TIME:
                table = _shifted(table, field.name, self.shift)
        return table

    def labels_in(self, part: range) -> pa.Table:
        """The labels of these numbers in the order of time."""
        return _shifted(self.labels.part(part), "reported_at", self.shift)


@dataclass
class Sent:
    """How far the sending came; `interrupted` if it was stopped before its end."""

    transactions: int = 0
    labels: int = 0
    interrupted: bool = False


def publish(
    settings: Settings, events: ReplayEvents, speed: float | None, start: int, progress: Progress
) -> Sent:
    """Send everything from transaction number `start` on; an interrupt ends it in good order.

    Raises:
        UnreachableError: Kafka does not take it.
    """
    sent = Sent()
    with Publisher(settings) as publisher:
        try:
            _send_portions(settings, publisher, events, speed, start, sent, progress)
        except KeyboardInterrupt:
            sent.interrupted = True
    return sent


def _send_portions(
    settings: Settings,
    publisher: Publisher,
    events: ReplayEvents,
    speed: float | None,
    start: int,
    sent: Sent,
    progress: Progress,
) -> None:
    pacer = None
    for portion in portions(events.times, events.labels.reported_at, start, speed):
        pacer = pacer or Pacer(portion.start_time, speed)
        pacer.wait(portion.start_time, lambda: progress(sent.transactions + sent.labels))
        for part in _cut(portion.transactions):
            messages = transaction_messages(events.definitions, events.transactions_in(part))
            publisher.send(settings.topics.transactions, messages)
        sent.transactions += len(portion.transactions)
        for part in _cut(portion.labels):
            publisher.send(settings.topics.labels, _stamped(label_messages(events.labels_in(part))))
        sent.labels += len(portion.labels)
        progress(sent.transactions + sent.labels)


def _stamped(messages: OutgoingMessages) -> OutgoingMessages:
    """Labels reported in the future are stamped with now, since Kafka takes no later stamp."""
    now = int(time.time() * 1_000)
    return replace(messages, timestamps=[min(stamp, now) for stamp in messages.timestamps])


def _cut(numbers: range) -> Iterator[range]:
    for start in range(numbers.start, numbers.stop, PORTION_ROWS):
        yield range(start, min(start + PORTION_ROWS, numbers.stop))


def _shifted(table: pa.Table, column: str, shift: int) -> pa.Table:
    if not shift:
        return table
    return table.set_column(
        table.schema.get_field_index(column), table.schema.field(column), pc.add(table[column], shift)
    )
