"""The consumer of `transactions`: a member of the group, polled in micro-batches."""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.kafka.errors import permission_error
from fraud.settings import Settings

log = logging.getLogger(__name__)

_GROUP_CONFIG = {
    # A rebalance revokes only the partitions that move, and only these have to be restored elsewhere.
    "partition.assignment.strategy": "cooperative-sticky",
    "max.poll.interval.ms": 120_000,
    # Partitions that move are revoked in one rebalance and assigned in the next, which takes all members.
    # librdkafka joins at most once a second; an answer to a request for metadata ends its waiting
    # (`rkcg_join_intvl`). Without these requests nobody would score those partitions for that second.
    "topic.metadata.refresh.interval.ms": 250,
}
_LONGEST_HEARTBEAT_MS = 200
"""A member learns of a rebalance with its next heartbeat, and partitions that move wait for all members."""


def make_group_consumer(settings: Settings, on_commit: Callable[[Any], None]) -> Consumer:
    """A consumer of serving's group that has not subscribed yet.

    Args:
        settings: of the cluster and the group.
        on_commit: called with the first error of an offset commit, or None, while the consumer is polled.
    """

    def first_error(error: Any, partitions: list[TopicPartition]) -> None:
        errors = [error, *(one.error for one in partitions)]
        on_commit(next(filter(None, errors), None))

    session_ms = int(settings.serving.session_timeout_s * 1_000)
    timing = {
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": min(session_ms // 5, _LONGEST_HEARTBEAT_MS),
        "fetch.wait.max.ms": int(settings.serving.fetch_wait_s * 1_000),
        # A response for every message would keep two processors busy at a few thousand messages a second.
        "fetch.min.bytes": settings.serving.fetch_min_bytes,
    }
    config = _GROUP_CONFIG | timing | {"on_commit": first_error}
    return Consumer(consumer_config(settings, settings.serving.group_id, **config))


def poll_batch(consumer: Consumer, settings: Settings, wait_s: float = math.inf) -> list[Any]:
    """The messages that are there; waits for the first one only, so that batches grow with the load.

    Args:
        consumer: of the topic.
        settings: of the size of a batch, and of how long to wait at most.
        wait_s: the longest that the caller may wait, where that is less.
    """
    serving = settings.serving
    messages: list[Any] = consumer.consume(1, min(serving.batch_wait_s, wait_s))
    if messages and serving.batch_size > 1:
        messages += consumer.consume(serving.batch_size - 1, 0)
    return messages


def without_errors(settings: Settings, messages: Sequence[Any]) -> Sequence[Any]:
    """The messages that have content; the others are errors of the client, which are logged.

    Raises:
        RefusedError: an error says that a permission is missing.
    """
    errors = [error for message in messages if (error := message.error()) is not None]
    if not errors:
        return messages
    group, topic = settings.serving.group_id, settings.topics.transactions
    for error in errors:
        refused = permission_error(settings.kafka, error, f"reading {topic!r} in the group {group!r}")
        if refused is not None:
            raise refused
        log.warning("Kafka reports: %s", error.str())
    return [message for message in messages if message.error() is None]
