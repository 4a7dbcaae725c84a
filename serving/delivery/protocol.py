"""How answers leave, and how the positions they answer for are committed.

Answers that are not known to be committed stay in the outbox. When a transaction is aborted they are sent
again as they are: neither the input nor the features' state has to be rewound, and what was computed once is
never computed twice. When the outcome of a commit stays unknown, the producer is discarded, a new one with
the same transactional.id makes the coordinator finish or abort what was open, and the group's committed
offsets then tell which of the two it was.
"""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import OFFSET_INVALID, TopicPartition

from fraud.errors import FraudError
from fraud.messages.dead_letters import DeadLetter
from fraud.messages.decoding import Decoder, MessageError
from fraud.native import event_clock
from fraud.schema import Millis
from serving.state.partition_state import AdmissionState, ReplayPoint, ReplayPoints

log = logging.getLogger(__name__)


class _Memory(msgspec.Struct):
    """The metadata of a committed offset."""

    newest: Millis


_MEMORY = Decoder(_Memory)


@dataclass(frozen=True)
class OutboxBatch:
    """What a run of consecutive messages of one partition is answered with.

    `end` is the offset after the last of them, and `max_event_time` (ms), `admission` and `replay_points` are
    the state there (`serving.state.partition_state`); `predictions` have the form that
    `Producer.produce_batch` takes; `kafka_timestamps` are the messages', shape (n,), in ms.
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
        super().__init__(f"the committed offsets of partitions {sorted(partitions)} were moved by another")
        self.partitions = partitions


class Delivery(Protocol):
    """What the engine needs of either way to deliver."""

    @property
    def is_saturated(self) -> bool:
        """Whether so much is waiting for a commit that no more should be scored."""

    @property
    def is_idle(self) -> bool:
        """Whether everything published is committed."""

    def publish(self, answers: Iterable[OutboxBatch]) -> None:
        """Take answers over; they are committed later, in the order given."""

    def tend(self) -> None:
        """Do what is due: produce, start a commit, see to one that ended."""

    def commit_ended(self, error: Any) -> None:
        """The consumer tells how a commit of its own ended; `error` is None if well."""

    def settle(self, timeout_s: float) -> bool:
        """Commit everything taken over; False: it was not possible in time."""

    def forget(self, partitions: set[int]) -> None:
        """Drop what is not committed of partitions that now belong to another worker."""

    def close(self) -> None:
        """Let go of the producer; what is not committed stays uncommitted."""


def last_offsets(topic: str, answers: Sequence[OutboxBatch]) -> list[TopicPartition]:
    """The positions that `answers` lead to, each with admission's memory as its metadata."""
    last = {one.partition: one for one in answers}
    return [TopicPartition(topic, one.partition, one.end, metadata=_metadata(one)) for one in last.values()]


def _metadata(answers: OutboxBatch) -> str:
    """`newest` is what earlier versions read."""
    told = {"newest": answers.max_event_time, "door": answers.admission, "trail": answers.replay_points}
    return json.dumps(told, separators=(",", ":"))


def max_event_time_of(committed: TopicPartition) -> int | None:
    """Admission's memory in a committed offset; None when the offset was set by other means."""
    try:
        return _MEMORY.decode((committed.metadata or "").encode()).newest
    except MessageError:
        return None


def admission_state_of(committed: TopicPartition) -> AdmissionState:
    """The state of admission in a committed offset; empty when an earlier version has committed it."""
    found: Any = _told(committed).get("door")
    return tuple(found) if _is_admission(found) else ()


def replay_points_of(committed: TopicPartition) -> ReplayPoints:
    """The places in a committed offset; empty when an earlier version has committed it."""
    found = _told(committed).get("trail")
    if not isinstance(found, list) or not all(_is_place(place) for place in found):
        return ()
    return tuple(ReplayPoint(offset, tuple(admission)) for offset, admission in found)


def _told(committed: TopicPartition) -> dict[str, Any]:
    try:
        found = json.loads(committed.metadata or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_place(found: Any) -> bool:
    return (
        isinstance(found, list) and len(found) == 2 and isinstance(found[0], int) and _is_admission(found[1])
    )


def _is_admission(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) == event_clock.LENGTH
        and all(isinstance(number, int) for number in found)
    )


def is_committed(answers: Sequence[OutboxBatch], committed: Sequence[TopicPartition]) -> bool:
    """Whether the group's committed offsets say that `answers` were committed, all of them or none.

    Raises:
        PositionsMovedError: they say neither.
    """
    offsets = {position.partition: position.offset for position in committed}
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for one in answers:
        starts.setdefault(one.partition, one.start)
        ends[one.partition] = one.end
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


class Clock:
    """When the next commit is due."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._due_at = 0.0

    def start(self) -> None:
        """Something to commit has appeared; unless the clock runs, start it."""
        if not self._due_at:
            self._due_at = time.monotonic() + self._interval_s

    def stop(self) -> None:
        """There is nothing to commit."""
        self._due_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the interval is over."""
        return bool(self._due_at) and time.monotonic() >= self._due_at

    @property
    def remaining_s(self) -> float | None:
        """Seconds until it is; None when the clock stands."""
        return max(0.0, self._due_at - time.monotonic()) if self._due_at else None
