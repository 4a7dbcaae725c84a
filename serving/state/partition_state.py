"""A partition's state: a function of its log up to a position, and how it is rebuilt from there.

What the features of future transactions depend on are the admitted events of the longest window before the
oldest event time admission would still let in. So a replay may start where all events before are older; it
must start with admission as it was there, since what admission lets in depends on what it has seen. Such
places are the state's trail, which is committed with the position.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fraud.features.decoded_batch import decode_batch, keys_for
from fraud.features.spec import LONGEST_WINDOW_MS
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.native import event_clock
from fraud.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 10_000
_BETWEEN_PLACES_MS = LONGEST_WINDOW_MS // 4
"""So much longer than needed a replay may become."""
_MOST_PLACES = 8
"""Kafka takes metadata of 4,096 bytes by default."""


AdmissionState = tuple[int, ...]
"""Of admission, at a place in the log (`fraud.native.event_clock`)."""


class ReplayPoint(NamedTuple):
    """A place in the log, and admission before the message there."""

    offset: int
    admission: AdmissionState

    @property
    def is_begin(self) -> bool:
        """Whether nothing was admitted before."""
        return self.admission[event_clock.HIGHEST] == 0


ReplayPoints = tuple[ReplayPoint, ...]
"""Places in the log from which a state can be rebuilt, in their order."""


@dataclass
class PartitionState:
    """What serving remembers of one partition after every message before `position`.

    `partitions` is how many its topic has, 0 while that is unknown.
    """

    partition: int
    position: int
    admission: AdmissionFilter
    cards: CardStore = field(default_factory=CardStore)
    replay_points: ReplayPoints = ()
    partitions: int = 0

    def mark(self) -> None:
        """Note where the state stands, when the clock has moved far enough since the last place."""
        if (
            not self.replay_points
            or self.admission.max_event_time
            >= self.replay_points[-1].admission[event_clock.MAX] + _BETWEEN_PLACES_MS
        ):
            self.replay_points = _shortened(
                (*self.replay_points, ReplayPoint(self.position, tuple(self.admission.state))), self.admission
            )


@dataclass(frozen=True)
class CommittedPosition:
    """Where the group stands in a partition.

    `newest` is admission's clock there, None if unknown; `admission` and `replay_points` are empty if an
    earlier version has committed.
    """

    position: int
    newest: int | None
    admission: AdmissionState = ()
    replay_points: ReplayPoints = ()


class RestorationCancelledError(Exception):
    """The partition went to another worker meanwhile."""


def replay(
    topic: str, consumer: Any, state: PartitionState, end: int, is_cancelled: Callable[[], bool]
) -> None:
    """Bring `state` from its position to `end` by reading the topic.

    `consumer` is assigned nothing else, and is told of a partition's end.

    Raises:
        RestorationCancelledError: `is_cancelled` said so.
        KafkaException: the broker fails.
    """
    if state.position >= end:
        return
    consumer.assign([TopicPartition(topic, state.partition, state.position)])
    while state.position < end:
        if is_cancelled():
            raise RestorationCancelledError
        _take(state, consumer.consume(_BATCH, 0.1), end)


def replay_start_state(
    settings: Settings, consumer: Any, partition: int, committed: CommittedPosition
) -> PartitionState:
    """The state from which a replay to `committed` yields the exact one; without cards, at its place."""
    here = TopicPartition(settings.topics.transactions, partition)
    first, _ = consumer.get_watermark_offsets(here, timeout=settings.kafka.request_timeout_s)
    known = _last_place(settings, partition, committed)
    if known is None:
        start = _start_by_time(settings, consumer, here, committed, int(first))
        replay_points: ReplayPoints = (
            (ReplayPoint(start, tuple(event_clock.start_state())),) if start == first else ()
        )
        return PartitionState(
            partition,
            start,
            AdmissionFilter(settings.admission, partition=partition),
            replay_points=replay_points,
        )
    admission = AdmissionFilter(settings.admission, state=known.admission, partition=partition)
    passed = tuple(place for place in committed.replay_points if place.offset <= known.offset)
    # What was deleted of the log since cannot be replayed.
    return PartitionState(partition, max(known.offset, int(first)), admission, replay_points=passed)


def restore_committed_admission(
    settings: Settings, state: PartitionState, committed: CommittedPosition
) -> None:
    """Lay the committed memory over a replayed one: after a part of the log was deleted it alone is exact."""
    if committed.admission:
        state.admission = AdmissionFilter(
            settings.admission, state=committed.admission, partition=state.partition
        )
        state.replay_points = committed.replay_points
    elif committed.newest is not None and committed.newest != state.admission.max_event_time:
        state.admission = AdmissionFilter(settings.admission, committed.newest, partition=state.partition)


def _last_place(settings: Settings, partition: int, committed: CommittedPosition) -> ReplayPoint | None:
    """The last place in the trail before which nothing matters any more."""
    if not committed.admission:
        return None
    admission = AdmissionFilter(settings.admission, state=committed.admission, partition=partition)
    fitting = [place for place in committed.replay_points if _is_enough(place, admission)]
    return fitting[-1] if fitting else None


def _is_enough(place: ReplayPoint, admission: AdmissionFilter) -> bool:
    """Whether no event before the place matters to what admission lets in from now on."""
    return (
        place.is_begin or place.admission[event_clock.HIGHEST] <= admission.low_watermark - LONGEST_WINDOW_MS
    )


def _shortened(replay_points: ReplayPoints, admission: AdmissionFilter) -> ReplayPoints:
    """Without the places before one that is enough; of too many every second goes."""
    enough = [number for number, place in enumerate(replay_points) if _is_enough(place, admission)]
    kept = replay_points[enough[-1] :] if enough else replay_points
    return kept if len(kept) <= _MOST_PLACES else (kept[0], *kept[1:-1:2], kept[-1])


def _start_by_time(
    settings: Settings, consumer: Any, here: TopicPartition, committed: CommittedPosition, first: int
) -> int:
    """Where a replay begins that finds no place in the trail: Kafka finds the first message from a time on.

    Event times run ahead of Kafka's by the allowed clock skew at most.
    """
    oldest = (committed.newest or 0) - _span_ms(settings)
    if oldest <= 0:
        return first
    here.offset = oldest
    (found,) = consumer.offsets_for_times([here], timeout=settings.kafka.request_timeout_s)
    # Without a message from that time on the answer is the logical end.
    return min(int(found.offset), committed.position) if found.offset >= 0 else committed.position


def _span_ms(settings: Settings) -> int:
    bounds = settings.admission
    return LONGEST_WINDOW_MS + int((bounds.lateness + bounds.clock_skew).total_seconds() * 1_000)


def _take(state: PartitionState, messages: Sequence[Any], end: int) -> None:
    found = [message for message in messages if not _is_end(message) and message.offset() < end]
    if found:
        arrived = np.array([message.timestamp()[1] for message in found], dtype=np.int64)
        low_watermark = state.admission.low_watermark
        values, keys = [message.value() for message in found], keys_for(state.admission, found)
        decoded = decode_batch(state.admission, values, arrived, keys)
        state.cards.process(decoded.events, low_watermark)
        state.position = found[-1].offset() + 1
        state.mark()
    if len(found) < len(messages):
        state.position = end


def _is_end(message: Any) -> bool:
    """Whether it says that nothing follows, as when the last offsets are markers of transactions.

    Raises:
        KafkaException: it is another error.
    """
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None
