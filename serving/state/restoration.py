"""One partition's state at the group's committed position: from a snapshot, a replay, or both."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import OFFSET_INVALID, Consumer, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads
from fraud.settings import Settings
from serving.delivery.offset_metadata import admission_state_of, max_event_time_of, replay_points_of
from serving.ops.metrics import Metrics
from serving.state.partition_state import CommittedPosition, PartitionState
from serving.state.replay import replay, replay_start_state, restore_committed_admission
from serving.state.snapshots import Snapshots

log = logging.getLogger(__name__)

_CONFIG = {"enable.partition.eof": True, "fetch.wait.max.ms": 50}
"""The end of a partition comes with a fetch response, which must not wait for messages."""


@dataclass(frozen=True)
class Restoration:
    """Restores partitions; any thread may call it."""

    settings: Settings
    snapshots: Snapshots
    metrics: Metrics
    payloads: Payloads = JSON_PAYLOADS

    def restore(self, partition: int, is_cancelled: Callable[[], bool]) -> PartitionState:
        """The state at the committed position.

        Raises:
            RestorationCancelledError: `is_cancelled` has returned True.
            KafkaException: the broker fails.
        """
        started = time.monotonic()
        # A client of its own in the same group: it reads the group's offsets, and what is replayed, without
        # joining.
        consumer = Consumer(consumer_config(self.settings, self.settings.serving.group_id, **_CONFIG))
        try:
            committed = self._committed(consumer, partition)
            state = self.snapshots.load(partition, committed)
            source = "snapshot" if state else "replay"
            if state is None:
                state = replay_start_state(self.settings, consumer, partition, committed)
            start = state.position
            topic, end = self.settings.topics.transactions, committed.position
            replay(topic, consumer, state, end, is_cancelled, self.payloads)
            restore_committed_admission(self.settings, state, committed)
            state.partitions = self._count_partitions(consumer)
        finally:
            consumer.close()
        seconds = time.monotonic() - started
        self.metrics.state.observe_restore(source, seconds)
        log.info(
            "partition %d is restored to offset %d: %s and %d offsets replayed, %d cards, %.1f s",
            partition, state.position, source, state.position - start, len(state.cards), seconds,
        )  # fmt: skip
        return state

    def _count_partitions(self, consumer: Consumer) -> int:
        topic = self.settings.topics.transactions
        metadata = consumer.list_topics(topic, timeout=self.settings.kafka.request_timeout_s)
        return len(metadata.topics[topic].partitions)

    def _committed(self, consumer: Consumer, partition: int) -> CommittedPosition:
        here = TopicPartition(self.settings.topics.transactions, partition)
        timeout_s = self.settings.kafka.request_timeout_s
        (found,) = consumer.committed([here], timeout=timeout_s)
        first, end = consumer.get_watermark_offsets(here, timeout=timeout_s)
        if found.offset == OFFSET_INVALID:
            return CommittedPosition(first, None, first=first, end=end)
        if not first <= found.offset <= end:
            log.error(
                "partition %d: the committed offset %d is outside of the topic (%d to %d), which was "
                "recreated or has lost messages to retention; going on at %d",
                partition, found.offset, first, end, first,
            )  # fmt: skip
            return CommittedPosition(first, None, first=first, end=end)
        max_event_time = max_event_time_of(found)
        if max_event_time is None:
            log.warning(
                "partition %d: its offset was not committed by serving; replaying all of it", partition
            )
        return CommittedPosition(
            found.offset, max_event_time, admission_state_of(found), replay_points_of(found), first, end
        )
