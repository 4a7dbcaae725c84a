"""Committed records from an offset to an end that is known, read without joining a consumer group."""

from collections.abc import Generator, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud.deadline import Deadline
from fraud.errors import DataError, UnreachableError
from fraud.kafka.clients import READER_GROUP, consumer_config
from fraud.kafka.errors import call_failed
from fraud.kafka.permission_checks import require_readable
from fraud.kafka.retry import retry_transient
from fraud.settings import Settings

_POLL_S = 0.05
"""A poll waits this long for a full batch, also at the log's end."""


def read_until(
    consumer: Any, ends: Mapping[int, int], batch_size: int, silence_timeout_s: float, name: str
) -> Iterator[list[Message]]:
    """The messages of an assigned consumer, in batches, until every partition has reached its end.

    An offset may hold no message (markers of transactions, aborted records), so a partition also ends where
    Kafka reports its end. The consumer must have `enable.partition.eof`.

    Args:
        consumer: assigned to partitions of one topic.
        ends: the offset before which each partition is read; without those that are at their end already.
        batch_size: of a batch, at most.
        silence_timeout_s: seconds without a message until Kafka counts as silent.
        name: of what is read, for the error.

    Raises:
        KafkaException: Kafka reports an error.
        UnreachableError: Kafka is silent.
    """
    unfinished = set(ends)
    silence: Deadline | None = None
    while unfinished:
        polled = consumer.consume(batch_size, _POLL_S)
        silence = None if polled else silence or Deadline(silence_timeout_s)
        if silence is not None and silence.is_over:
            raise UnreachableError(
                f"Kafka delivered nothing of {name} for {silence_timeout_s:.0f} s before its end; is it up?"
            )
        messages = [one for one in polled if not one.error()]
        # The last of each partition, and reports of an end, say how far it is: few of many to look at.
        last = {one.partition(): one for one in messages}
        events = [one for one in polled if one.error()] if len(messages) < len(polled) else []
        reached = {
            one.partition()
            for one in (*last.values(), *events)
            if _position_after(one) >= ends.get(one.partition(), 0)
        }
        unfinished -= reached
        if reached:
            messages = [one for one in messages if one.offset() < ends.get(one.partition(), 0)]
        if messages:
            yield messages


def is_end_of_partition(message: Message) -> bool:
    """Whether a polled message is not one, but reports that the partition has no more for now.

    Raises:
        KafkaException: it reports another error.
    """
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None


def _position_after(message: Message) -> int:
    return int(message.offset()) + (0 if is_end_of_partition(message) else 1)


class PartitionLog:
    """The log of one partition as a read_committed reader sees it."""

    def __init__(self, settings: Settings, topic: str, partition: int) -> None:
        self.name = f"partition {partition} of {topic!r}"
        self._settings = settings
        self._partition = TopicPartition(topic, partition)
        # With "earliest", records that Kafka deletes while we read would be skipped without an error.
        extra = {"enable.partition.eof": True, "auto.offset.reset": "error"}
        self._consumer = Consumer(consumer_config(settings, READER_GROUP, **extra))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def bounds(self) -> tuple[int, int]:
        """The first offset that is still there, and the end as of now.

        Raises:
            UnreachableError: no broker answers, or it refuses.
        """
        timeout_s = self._settings.kafka.request_timeout_s
        ask = partial(self._consumer.get_watermark_offsets, self._partition, timeout=timeout_s)
        try:
            low, high = retry_transient(ask, timeout_s)
        except KafkaException as error:
            raise self._call_failed(error) from error
        return low, high

    def first_at(self, time_ms: int, end: int) -> int:
        """The first offset whose Kafka time is not before `time_ms`; `end` when there is none.

        Raises:
            UnreachableError: no broker answers, or it refuses.
        """
        timeout_s = self._settings.kafka.request_timeout_s
        asked = [TopicPartition(self._partition.topic, self._partition.partition, time_ms)]
        try:
            found = retry_transient(
                partial(self._consumer.offsets_for_times, asked, timeout=timeout_s), timeout_s
            )[0]
        except KafkaException as error:
            raise self._call_failed(error) from error
        return int(found.offset) if found.offset >= 0 else end

    def read(self, start: int, end: int) -> Iterator[list[Message]]:
        """The messages from offset `start` up to `end`, in batches.

        Raises:
            UnreachableError: Kafka is silent or refuses.
        """
        if start >= end:
            return
        topic, partition = self._partition.topic, self._partition.partition
        self._consumer.assign([TopicPartition(topic, partition, start)])
        size, timeout_s = self._settings.ingest.batch_size, self._settings.kafka.request_timeout_s
        try:
            yield from read_until(self._consumer, {partition: end}, size, timeout_s, self.name)
        except KafkaException as error:
            raise self._call_failed(error) from error

    def _call_failed(self, error: KafkaException) -> UnreachableError:
        return call_failed(self._settings.kafka, error.args[0], f"reading {self.name}")


def partition_logs(settings: Settings, topic: str) -> Iterator[PartitionLog]:
    """The log of each partition of a topic in turn; each is closed when the next one is taken.

    Raises:
        RefusedError: we may not read the topic.
        UnreachableError: no broker answers, or there is no such topic.
    """
    for partition in range(require_readable(settings, topic)):
        with PartitionLog(settings, topic, partition) as log:
            yield log


def read_ordered(settings: Settings, topic: str, until: int | None = None) -> Iterator[Message]:
    """What a topic of one partition holds now, in its order.

    Args:
        settings: of the cluster.
        topic: its name.
        until: the offset before which it is read; None: all.

    Raises:
        DataError: it has several partitions, or ends before `until`.
        MissingTopicError: there is no such topic.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    partitions = require_readable(settings, topic)
    if partitions > 1:
        raise DataError(
            f"the topic {topic!r} has {partitions} partitions, so its messages have no order; make it again "
            "with one"
        )
    with PartitionLog(settings, topic, 0) as log:
        low, end = log.bounds()
        if until is not None and until > end:
            raise DataError(f"the topic {topic!r} ends at {end}, so nothing is known of position {until}")
        for batch in log.read(low, end if until is None else until):
            yield from batch


def read_topic(
    settings: Settings, topic: str, since_ms: int | None = None
) -> Generator[list[Message], None, None]:
    """What a topic holds now, partition by partition, in batches.

    Args:
        settings: of the cluster.
        topic: its name.
        since_ms: the Kafka time from which each partition is read; None: from its beginning.

    Raises:
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses, or there is no such topic.
    """
    for log in partition_logs(settings, topic):
        low, end = log.bounds()
        start = low if since_ms is None else max(low, log.first_at(max(since_ms, 0), end))
        yield from log.read(start, end)
