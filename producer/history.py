"""A simulated history: past days, as fast as Kafka takes them, up to a given time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.features import DAY_MS
from fraud.errors import ConfigurationError
from fraud.kafka.topic_checks import history_findings
from fraud.kafka.topics import topic_config
from fraud.lake import Lake
from fraud.settings import Settings
from producer.publisher import Publisher
from producer.simulator import Simulator
from producer.simulator.cardholders import midnight_ms
from producer.simulator.tables import LABELS, require_simulated
from producer.wire import label_messages, transaction_messages


@dataclass(frozen=True)
class PublishedHistory:
    """What was published: counts, and the labels that were not due at the end.

    `days` are the days published; fewer than the span has when it was stopped.
    """

    days: int
    transactions: int
    deliveries: int
    labels: int
    frauds: int
    pending: pa.Table


@dataclass(frozen=True)
class HistoryPeriod:
    """From midnight (UTC) of `start` to `end` (ms)."""

    start: date
    end: int

    @classmethod
    def before(cls, end: datetime, days: int) -> "HistoryPeriod":
        """The `days` before `end`'s day, and that day up to `end`."""
        moment = end.astimezone(UTC)
        return cls(moment.date() - timedelta(days=days), int(moment.timestamp() * 1_000))

    def days(self) -> list[date]:
        """The days it touches."""
        last = datetime.fromtimestamp(self.end / 1_000, UTC).date()
        return [self.start + timedelta(days=number) for number in range((last - self.start).days + 1)]


def publish_history(
    settings: Settings,
    publisher: Publisher,
    simulator: Simulator,
    span: HistoryPeriod,
    lake: Lake | None = None,
    progress: Callable[[int], None] = lambda transactions: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> PublishedHistory:
    """Publish the span's transactions, and the labels reported by its end; the truth goes to the lake.

    When `is_stopped` returns true, it ends after the current day; all that it counts is acknowledged.

    Raises:
        ConfigurationError: the definitions need what is not simulated, or the topic would delete what is
            older than it keeps.
        UnreachableError: Kafka did not take something.
    """
    require_simulated(settings.loaded_definitions)
    _require_retention(settings, span)
    pending, days, transactions, deliveries, labels, frauds = LABELS.empty_table(), 0, 0, 0, 0, 0
    for day in span.days():
        if is_stopped():
            break
        traffic = simulator.day(day).until(span.end)
        messages = transaction_messages(settings.loaded_definitions, traffic.delivered())
        publisher.send(settings.topics.transactions, messages)
        due, pending = due_labels(
            pa.concat_tables([pending, traffic.labels]), min(midnight_ms(day) + DAY_MS - 1, span.end)
        )
        publisher.send(settings.topics.labels, label_messages(due))
        if lake is not None:
            lake.write_table(traffic.truth, f"truth/date={day}/history.parquet")
        days += 1
        transactions += traffic.transactions.num_rows
        deliveries += len(messages)
        labels += due.num_rows
        frauds += pc.sum(traffic.truth["is_fraud"]).as_py() or 0
        progress(transactions)
    publisher.flush()
    return PublishedHistory(days, transactions, deliveries, labels, frauds, pending)


def due_labels(labels: pa.Table, now: int) -> tuple[pa.Table, pa.Table]:
    """Labels reported by `now`, in that order, and the others."""
    due = pc.less_equal(labels["reported_at"], now)
    return labels.filter(due).sort_by("reported_at").combine_chunks(), labels.filter(pc.invert(due))


def pending_labels(simulator: Simulator, span: HistoryPeriod) -> pa.Table:
    """The labels of a span's transactions that are not yet due at its end, without publishing anything."""
    traffic = (simulator.day(day).until(span.end).labels for day in span.days())
    return due_labels(pa.concat_tables([LABELS.empty_table(), *traffic]), span.end)[1]


def _require_retention(settings: Settings, span: HistoryPeriod) -> None:
    """Brokers delete by the message's timestamp, which is the event time."""
    topic = settings.topics.transactions
    kept = int(topic_config(settings, topic).get("retention.ms", "-1"))
    oldest = int(datetime.now(UTC).timestamp() * 1_000) - kept
    if kept >= 0 and midnight_ms(span.start) < oldest:
        raise ConfigurationError(
            f"topic {topic} keeps {kept // DAY_MS} days, so Kafka would delete what is simulated from "
            f"{span.start} on; ask for fewer days or raise the topic's retention.ms"
        )
    now = int(datetime.now(UTC).timestamp() * 1_000)
    for one in history_findings(settings, topic, midnight_ms(span.start), now, now):
        if one.level != "advice":
            raise ConfigurationError(f"{one}; run {one.command(settings)}")
