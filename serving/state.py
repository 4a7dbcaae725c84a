"""A partition's state: a function of its log up to a position, and how it is rebuilt from there.

What the features of future transactions depend on are the admitted events of the longest window before the
oldest event time the door would still let in. Kafka finds the first message from a time on; event times run
ahead of Kafka's by the allowed clock skew at most. Hence the begin of the replay.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fraud.admission import Door
from fraud.features.arrivals import read_messages
from fraud.features.spec import LONGEST_WINDOW_MS
from fraud.features.store import CardStore
from fraud.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 10_000


@dataclass
class PartitionState:
    """What serving remembers of one partition after every message before `position`."""

    partition: int
    position: int
    door: Door
    cards: CardStore = field(default_factory=CardStore)


@dataclass(frozen=True)
class Committed:
    """Where the group stands in a partition; `newest` is the door's memory there, None if unknown."""

    position: int
    newest: int | None


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


def replay_start(settings: Settings, consumer: Any, partition: int, committed: Committed) -> int:
    """The offset from which a replay to `committed` yields the exact state."""
    here = TopicPartition(settings.topics.transactions, partition)
    timeout_s = settings.kafka.request_timeout_s
    first, _ = consumer.get_watermark_offsets(here, timeout=timeout_s)
    if committed.newest is None:
        return int(first)
    oldest = committed.newest - _span_ms(settings)
    if oldest <= 0:
        return int(first)
    here.offset = oldest
    (found,) = consumer.offsets_for_times([here], timeout=timeout_s)
    # Without a message from that time on the answer is the logical end.
    return min(int(found.offset), committed.position) if found.offset >= 0 else committed.position


def _span_ms(settings: Settings) -> int:
    bounds = settings.admission
    return LONGEST_WINDOW_MS + int((bounds.lateness + bounds.clock_skew).total_seconds() * 1_000)


def _take(state: PartitionState, messages: Sequence[Any], end: int) -> None:
    found = [message for message in messages if not _is_end(message) and message.offset() < end]
    if found:
        arrived = np.array([message.timestamp()[1] for message in found], dtype=np.int64)
        oldest_possible = state.door.oldest_possible
        arrivals = read_messages(state.door, [message.value() for message in found], arrived)
        state.cards.process(arrivals.events, oldest_possible)
        state.position = found[-1].offset() + 1
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
