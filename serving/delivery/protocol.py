"""The interface of a delivery, and the batches that the engine enqueues.

Batches that are not known to be committed stay in the outbox. When a transaction is aborted they are sent
again as they are: neither the input nor the features' state is rewound, and nothing is computed twice.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from confluent_kafka import OFFSET_INVALID, TopicPartition

from fraud.deadline import Deadline
from fraud.errors import FraudError
from fraud.messages.dead_letters import DeadLetter
from serving.state.partition_state import AdmissionState, ReplayPoints


@dataclass(frozen=True)
class OutboxBatch:
    """The results of consecutive messages of one partition, from offset `start` to before `end`.

    `max_event_time` (ms), `admission` and `replay_points` are the state at `end`
    (`serving.state.partition_state`); `predictions` have the form that `Producer.produce_batch` takes;
    `kafka_timestamps` are the messages', shape (n,), in ms.
    """

    partition: int
    start: int
    end: int
    max_event_time: int
    predictions: list[dict[str, Any]] = field(repr=False)
    dead_letters: list[DeadLetter] = field(repr=False)
    kafka_timestamps: npt.NDArray[np.int64] = field(repr=False)
    admission: AdmissionState = field(default=(), repr=False)
    replay_points: ReplayPoints = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.predictions) + len(self.dead_letters)


class PositionsMovedError(FraudError):
    """Another worker has committed beyond what this one knows; its state of these partitions is void."""

    def __init__(self, partitions: set[int]) -> None:
        super().__init__(f"another worker has moved the committed offsets of partitions {sorted(partitions)}")
        self.partitions = partitions


class Delivery(Protocol):
    """What the engine needs of either delivery; all methods are called on the engine's thread.

    Any of them but `on_commit` and `close` may raise PositionsMovedError, RefusedError when a permission is
    missing, and MissingTopicError when a topic was deleted.
    """

    @property
    def is_saturated(self) -> bool:
        """Whether so much is uncommitted that nothing more should be scored."""

    @property
    def is_idle(self) -> bool:
        """Whether everything enqueued is committed."""

    @property
    def due_in_s(self) -> float:
        """Seconds until `poll` should be called for a commit; infinite where none is due."""

    def enqueue(self, batches: Iterable[OutboxBatch]) -> None:
        """Take batches over; they are committed later, in the order given."""

    def poll(self) -> None:
        """Do what is due without waiting: produce, start a commit, process the end of one."""

    def on_commit(self, error: Any) -> None:
        """The consumer's callback at the end of a commit of its own; `error` is None on success."""

    def flush(self, timeout_s: float) -> bool:
        """Commit everything enqueued; returns False if that was not possible in time."""

    def discard(self, partitions: set[int]) -> None:
        """Drop what is not committed of partitions that now belong to another worker."""

    def close(self) -> None:
        """Release the producers; what is not committed stays uncommitted."""


def was_committed(batches: Sequence[OutboxBatch], committed: Sequence[TopicPartition]) -> bool:
    """Whether the group's committed offsets show that `batches` were committed, all of them or none.

    Raises:
        PositionsMovedError: they show neither.
    """
    offsets = {position.partition: position.offset for position in committed}
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for batch in batches:
        starts.setdefault(batch.partition, batch.start)
        ends[batch.partition] = batch.end
    if all(offsets[partition] == end for partition, end in ends.items()):
        return True
    moved = {
        partition
        for partition, start in starts.items()
        if offsets[partition] != OFFSET_INVALID and offsets[partition] > start
    }
    if moved:
        raise PositionsMovedError(moved)
    return False


class CommitTimer:
    """When the next commit is due: an interval after the last one began, and at once if that is longer ago.

    So results that come alone do not wait for others, and there is never more than one commit an interval.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._is_waiting = False
        self._next = Deadline(interval_s)

    def start(self) -> None:
        """There is something to commit."""
        self._is_waiting = True

    def stop(self) -> None:
        """A commit of all that there is begins."""
        self._is_waiting = False
        self._next = Deadline(self._interval_s)

    def restart(self) -> None:
        """Something was refused; it is tried again an interval from now, and not at once."""
        self.stop()
        self.start()

    @property
    def is_due(self) -> bool:
        """Whether there is something to commit, and the interval is over."""
        return self._is_waiting and self._next.is_over

    @property
    def due_in_s(self) -> float:
        """Seconds until a commit is due; infinite where there is nothing to commit."""
        return self._next.remaining_s if self._is_waiting else math.inf
