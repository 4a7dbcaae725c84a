"""Rebuild a partition's state by reading its log again up to the committed position."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fraud.features.decoded_batch import decode_batch, keys_for
from fraud.messages.admission import AdmissionFilter
from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads, require_json
from fraud.native import event_clock
from fraud.settings import Settings
from serving.state.partition_state import (
    AdmissionState,
    CommittedPosition,
    PartitionState,
    ReplayPoint,
    ReplayPoints,
    replay_start,
)

_BATCH = 10_000


class RestorationCancelledError(Exception):
    """The partition was revoked meanwhile."""


def replay(
    topic: str,
    consumer: Any,
    state: PartitionState,
    end: int,
    is_cancelled: Callable[[], bool],
    payloads: Payloads = JSON_PAYLOADS,
) -> None:
    """Bring `state` from its position to `end` by reading the topic.

    `consumer` is assigned nothing else, and reports the end of a partition (`enable.partition.eof`).
    Messages whose schema is not known wait until the registry answers.

    Raises:
        RestorationCancelledError: `is_cancelled` has returned True.
        KafkaException: the broker fails.
    """
    if state.position >= end:
        return

    def require_not_cancelled() -> None:
        if is_cancelled():
            raise RestorationCancelledError

    consumer.assign([TopicPartition(topic, state.partition, state.position)])
    while state.position < end:
        require_not_cancelled()
        messages = _consume(consumer)
        found = [message for message in messages if not _is_end(message) and message.offset() < end]
        values = [message.value() for message in found]
        _apply(state, found, require_json(payloads, values, math.inf, require_not_cancelled))
        if len(found) < len(messages):
            state.position = end


def _consume(consumer: Any) -> list[Any]:
    """The messages that are there; waits for the first one only, since a full batch may never come."""
    messages: list[Any] = consumer.consume(1, 0.1)
    return messages + consumer.consume(_BATCH - 1, 0) if messages else messages


def replay_start_state(
    settings: Settings, consumer: Any, partition: int, committed: CommittedPosition
) -> PartitionState:
    """The state, without cards, from which a replay to `committed` yields the state there."""
    here = TopicPartition(settings.topics.transactions, partition)
    first, _ = consumer.get_watermark_offsets(here, timeout=settings.kafka.request_timeout_s)
    point = _last_sufficient_point(settings, partition, committed)
    if point is None:
        return _start_by_time(settings, consumer, here, committed, int(first))
    admission = _admission(settings, partition, point.admission)
    passed = tuple(one for one in committed.replay_points if one.offset <= point.offset)
    # What retention has deleted since cannot be replayed.
    start = max(point.offset, int(first))
    return PartitionState(partition, start, admission, replay_points=passed, memory=settings.memory)


def restore_committed_admission(
    settings: Settings, state: PartitionState, committed: CommittedPosition
) -> None:
    """Replace the replayed admission state by the committed one, which is exact after retention, too."""
    if committed.admission:
        state.admission = _admission(settings, state.partition, committed.admission)
        state.replay_points = committed.replay_points
    elif committed.max_event_time not in (None, state.admission.max_event_time):
        max_event_time = committed.max_event_time or 0
        state.admission = _admission(settings, state.partition, max_event_time=max_event_time)


def _last_sufficient_point(
    settings: Settings, partition: int, committed: CommittedPosition
) -> ReplayPoint | None:
    if not committed.admission:
        return None
    admission = _admission(settings, partition, committed.admission)
    return replay_start(committed.replay_points, admission, committed.position, settings.memory)


def _start_by_time(
    settings: Settings, consumer: Any, here: TopicPartition, committed: CommittedPosition, first: int
) -> PartitionState:
    start = _offset_by_time(settings, consumer, here, committed, first)
    at_first = ReplayPoint(start, tuple(event_clock.start_state()))
    points: ReplayPoints = (at_first,) if start == first else ()
    admission = _admission(settings, here.partition)
    return PartitionState(here.partition, start, admission, replay_points=points, memory=settings.memory)


def _offset_by_time(
    settings: Settings, consumer: Any, here: TopicPartition, committed: CommittedPosition, first: int
) -> int:
    """Where a replay without replay points starts: Kafka finds the first message from a time on.

    Event times run ahead of Kafka's by the allowed clock skew at most.
    """
    oldest_ms = (committed.max_event_time or 0) - _replayed_span_ms(settings)
    if oldest_ms <= 0:
        return first
    here.offset = oldest_ms
    (found,) = consumer.offsets_for_times([here], timeout=settings.kafka.request_timeout_s)
    # Without a message from that time on the answer is the logical end, a negative number.
    start = min(int(found.offset), committed.position) if found.offset >= 0 else committed.position
    memory = settings.memory
    if committed.position - start <= memory.seen_once:
        return start
    return max(first, start - memory.messages - memory.seen_once)


def _admission(
    settings: Settings, partition: int, state: AdmissionState = (), max_event_time: int = 0
) -> AdmissionFilter:
    return AdmissionFilter(
        settings.loaded_definitions, settings.admission, max_event_time, state, partition, settings.card_rule
    )


def _replayed_span_ms(settings: Settings) -> int:
    bounds = settings.admission
    slack_ms = int((bounds.lateness + bounds.clock_skew).total_seconds() * 1_000)
    return settings.loaded_definitions.history_ms + slack_ms


def _apply(state: PartitionState, messages: Sequence[Any], values: Sequence[bytes | None]) -> None:
    if not messages:
        return
    kafka_timestamps = np.array([message.timestamp()[1] for message in messages], dtype=np.int64)
    low_watermark = state.admission.low_watermark
    decoded = decode_batch(state.admission, values, kafka_timestamps, keys_for(state.admission, messages))
    state.cards.process(decoded.events, low_watermark, decoded.offsets(messages))
    state.position = messages[-1].offset() + 1
    state.mark_replay_point()


def _is_end(message: Any) -> bool:
    """Whether nothing follows, as when the last offsets are markers of transactions.

    Raises:
        KafkaException: the message is another error.
    """
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None
