"""Kafka's transactions in memory, with failures that a test scripts: a double of `TransactionClients`.

It has what the delivery relies on: a producer of the same transactional.id fences the one before and ends
what that left open; records and positions of a transaction become visible together or not at all.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from fraud.errors import RefusedError

FENCED = KafkaError(KafkaError._FENCED, "fenced", fatal=True)
TIMED_OUT = KafkaError(KafkaError._TIMED_OUT, "timed out")
RETRIABLE = KafkaError(KafkaError._TIMED_OUT, "try again", retriable=True)
ABORTABLE = KafkaError(KafkaError.UNKNOWN_MEMBER_ID, "abort", txn_requires_abort=True)
REBALANCED = KafkaError(KafkaError.ILLEGAL_GENERATION, "abort", txn_requires_abort=True)
QUEUE_FULL = KafkaError(KafkaError._QUEUE_FULL, "queue full")


@dataclass
class Failure:
    """What one call does instead of succeeding: hang until `released`, take effect or not, raise `error`."""

    error: KafkaError | Exception | None = None
    is_applied: bool = False
    released: threading.Event | None = None


@dataclass
class _OpenTransaction:
    values: list[bytes] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)


class FakeKafka:
    """A cluster with one group; `visible` and `offsets` are what a read_committed reader sees."""

    def __init__(self) -> None:
        self.visible: list[bytes] = []
        self.offsets: dict[int, int] = {}
        self.open: dict[str, _OpenTransaction] = {}
        self.calls: list[str] = []
        self.withdrawn_permission: RefusedError | None = None
        self._epochs: dict[str, int] = defaultdict(int)
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._lock = threading.Lock()

    def fail(self, call: str, *failures: Failure) -> None:
        """Let the next calls of this name fail."""
        self._failures[call].extend(failures)

    def make_producer(self, transactional_id: str) -> "FakeProducer":
        return FakeProducer(self, transactional_id)

    def make_offset_reader(self) -> "FakeOffsetReader":
        return FakeOffsetReader(self)

    def recheck_permissions(self) -> None:
        if self.withdrawn_permission is not None:
            raise self.withdrawn_permission

    def fence(self, transactional_id: str) -> int:
        """A producer of this id appears: the one before is fenced, and its open transaction aborted."""
        self.open.pop(transactional_id, None)
        self._epochs[transactional_id] += 1
        return self._epochs[transactional_id]

    def commit(self, transactional_id: str) -> None:
        """Make a transaction visible."""
        done = self.open.pop(transactional_id)
        self.visible += done.values
        self.offsets |= done.offsets

    def call(self, name: str, apply: Callable[[], Any], producer: "FakeProducer | None" = None) -> Any:
        """One request, which fails if the test has scripted that or the producer is fenced."""
        self.calls.append(name)
        failure = self._failures[name].popleft() if self._failures[name] else Failure(is_applied=True)
        if failure.released is not None:
            failure.released.wait(30)
        with self._lock:
            if producer is not None and producer.epoch != self._epochs[producer.transactional_id]:
                raise KafkaException(FENCED)
            result = apply() if failure.is_applied else None
        if isinstance(failure.error, KafkaError):
            raise KafkaException(failure.error)
        if failure.error is not None:
            raise failure.error
        return result


class FakeProducer:
    """What the delivery uses of a transactional producer."""

    def __init__(self, kafka: FakeKafka, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self.epoch = 0
        self._kafka = kafka

    def __len__(self) -> int:
        return 0

    def init_transactions(self, _timeout_s: float) -> None:
        def apply() -> None:
            self.epoch = self._kafka.fence(self.transactional_id)

        self._kafka.call("init_transactions", apply)

    def close(self) -> None:
        self._kafka.calls.append("close")

    def begin_transaction(self) -> None:
        def apply() -> None:
            if self.transactional_id in self._kafka.open:
                raise KafkaException(
                    KafkaError(KafkaError._STATE, "a transaction is open already", fatal=True)
                )
            self._kafka.open[self.transactional_id] = _OpenTransaction()

        self._call("begin_transaction", apply)

    def produce_batch(self, _topic: str, messages: list[dict[str, Any]], **_: Any) -> int:
        values = [message["value"] for message in messages]
        self._call("produce_batch", lambda: self._open.values.extend(values))
        return len(messages)

    def send_offsets_to_transaction(
        self, offsets: Sequence[TopicPartition], _group: Any, _timeout_s: float
    ) -> None:
        found = {one.partition: one.offset for one in offsets}
        self._call("send_offsets_to_transaction", lambda: self._open.offsets.update(found))

    def flush(self, _timeout_s: float) -> int:
        self._call("flush", lambda: None)
        return 0

    def commit_transaction(self, _timeout_s: float) -> None:
        self._call("commit_transaction", lambda: self._kafka.commit(self.transactional_id))

    def abort_transaction(self, _timeout_s: float) -> None:
        self._call("abort_transaction", lambda: self._kafka.open.pop(self.transactional_id, None))

    @property
    def _open(self) -> _OpenTransaction:
        return self._kafka.open[self.transactional_id]

    def _call(self, name: str, apply: Callable[[], Any]) -> None:
        self._kafka.call(name, apply, self)


class FakeOffsetReader:
    """A consumer that reads the group's committed offsets."""

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    def committed(self, partitions: Sequence[TopicPartition], _timeout_s: float) -> Any:
        def read() -> list[TopicPartition]:
            return [
                TopicPartition(
                    one.topic, one.partition, self._kafka.offsets.get(one.partition, OFFSET_INVALID)
                )
                for one in partitions
            ]

        return self._kafka.call("committed", read)

    def close(self) -> None:
        self._kafka.calls.append("close reader")


class FakeMember:
    """The engine's consumer: a member of the group while it has an id."""

    def __init__(self) -> None:
        self.member_id = "member"

    def consumer_group_metadata(self) -> str:
        return "metadata"

    def memberid(self) -> str:
        return self.member_id
