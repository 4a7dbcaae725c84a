"""One partition's committed records, read without a consumer group."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud.errors import UnreachableError
from fraud.kafka.clients import READER_GROUP, consumer_config
from fraud.kafka.errors import permission_error
from fraud.settings import Settings

_POLL_S = 0.05
"""A poll waits this long for a full batch, also at the log's end."""

_ELECTING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
"""What a broker answers for a moment after a partition was created or moved."""


class PartitionLog:
    """The log of one partition as a read_committed reader sees it."""

    def __init__(self, settings: Settings, topic: str, partition: int) -> None:
        self.name = f"partition {partition} of {topic!r}"
        self._settings = settings
        self._partition = TopicPartition(topic, partition)
        # Records that vanish while we read must not be jumped over in silence.
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
        deadline = time.monotonic() + self._settings.kafka.request_timeout_s
        while True:
            try:
                low, high = self._consumer.get_watermark_offsets(
                    self._partition, timeout=self._settings.kafka.request_timeout_s
                )
            except KafkaException as error:
                if error.args[0].code() not in _ELECTING or time.monotonic() > deadline:
                    raise self._unreachable(error.args[0]) from error
                time.sleep(_POLL_S)
            else:
                return low, high

    def first_at(self, time_ms: int, end: int) -> int:
        """The first offset whose Kafka time is not before `time_ms`; `end` when there is none.

        Raises:
            UnreachableError: no broker answers, or it refuses.
        """
        topic, partition = self._partition.topic, self._partition.partition
        asked = [TopicPartition(topic, partition, time_ms)]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=self._settings.kafka.request_timeout_s)[0]
        except KafkaException as error:
            raise self._unreachable(error.args[0]) from error
        return int(found.offset) if found.offset >= 0 else end

    def read(self, start: int, end: int) -> Iterator[list[Message]]:
        """The messages from `start` up to `end`, in batches.

        An offset may hold no message (markers of transactions, aborted records), so the end is where Kafka
        says that it is, not the last message's offset plus one.

        Raises:
            UnreachableError: Kafka fell silent or refuses.
        """
        topic, partition = self._partition.topic, self._partition.partition
        self._consumer.assign([TopicPartition(topic, partition, start)])
        position, silent = start, 0.0
        while position < end:
            polled = self._consumer.consume(self._settings.ingest.batch_size, _POLL_S)
            silent = 0.0 if polled else silent + _POLL_S
            if silent > self._settings.kafka.request_timeout_s:
                raise UnreachableError(f"{self.name} stays silent before its end {end}; is Kafka up?")
            position = max([position, *map(self._position_after, polled)])
            messages = [one for one in polled if not one.error() and one.offset() < end]
            if messages:
                yield messages

    def _position_after(self, message: Message) -> int:
        error = message.error()
        if error is None:
            return int(message.offset()) + 1
        if error.code() == KafkaError._PARTITION_EOF:
            return int(message.offset())
        raise self._unreachable(error)

    def _unreachable(self, error: KafkaError) -> UnreachableError:
        return permission_error(self._settings.kafka, error, f"reading {self.name}") or UnreachableError(
            f"Kafka at {self._settings.kafka.bootstrap_servers} failed at reading {self.name}: "
            f"{error.str()}; check FRAUD_KAFKA__* or start the embedded stack with `fraud up`"
        )
