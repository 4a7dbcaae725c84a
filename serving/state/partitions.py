"""The partitions that this worker owns, and the restoring of their state beside the scoring.

A partition is assigned in a paused state. Threads rebuild the states, so that polling goes on meanwhile;
then the consumer is put to the committed position and the partition is resumed.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.settings import Settings
from serving.delivery.offset_metadata import admission_state_of, max_event_time_of, replay_points_of
from serving.ops.metrics import Metrics
from serving.state.partition_state import (
    CommittedPosition,
    PartitionState,
    RestorationCancelledError,
    replay,
    replay_start_state,
    restore_committed_admission,
)
from serving.state.snapshots import Snapshots

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_RESTORERS = 2
"""Each keeps a processor busy."""
_RESTORING_CONFIG = {"enable.partition.eof": True, "fetch.wait.max.ms": 50}
"""The end of a partition is told with an answer to a fetch, which is not to wait for what may never come."""


@dataclass
class _Ticket:
    """One order to restore a partition; void once the partition is revoked."""

    partition: int
    is_void: threading.Event = field(default_factory=threading.Event)


class Partitions:
    """Owned partitions: `ready` ones are scored, the others wait for their state."""

    def __init__(
        self, settings: Settings, consumer: Consumer, snapshots: Snapshots, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._snapshots = snapshots
        self._metrics = metrics
        self._orders: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._restored: queue.SimpleQueue[tuple[_Ticket, PartitionState]] = queue.SimpleQueue()
        self._tickets: dict[int, _Ticket] = {}
        self.ready: dict[int, PartitionState] = {}
        self._threads = [
            threading.Thread(target=self._restore_all, name="restore", daemon=True) for _ in range(_RESTORERS)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def owned(self) -> set[int]:
        """Every assigned partition."""
        return set(self._tickets)

    @property
    def is_restoring(self) -> bool:
        """Whether some partition's state is not there yet."""
        return len(self.ready) < len(self._tickets)

    @property
    def is_settled(self) -> bool:
        """Whether there are partitions, all of them with their state."""
        return bool(self._tickets) and not self.is_restoring

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Take partitions over, paused; call it in the rebalance callback."""
        topic = self._settings.topics.transactions
        # An absolute offset, for the true one is not known until a former owner's transaction has ended.
        taken = [TopicPartition(topic, one.partition, 0) for one in partitions]
        self._consumer.incremental_assign(taken)
        self._consumer.pause(taken)
        for one in taken:
            self._order(one.partition)

    def release(self, partitions: Iterable[int]) -> None:
        """Forget partitions that are being taken away."""
        for partition in partitions:
            self.ready.pop(partition, None)
            ticket = self._tickets.pop(partition, None)
            if ticket is not None:
                ticket.is_void.set()
            self._metrics.state.remove_partition(partition)

    def restart(self, partitions: Iterable[int]) -> None:
        """Restore owned partitions anew, whose position another worker has moved."""
        mine = [partition for partition in partitions if partition in self._tickets]
        self._consumer.pause([self._at(partition) for partition in mine])
        self.release(mine)
        for partition in mine:
            self._order(partition)

    def tend(self) -> None:
        """Let partitions whose state is there take part."""
        while not self._restored.empty():
            ticket, state = self._restored.get()
            if not ticket.is_void.is_set():
                self._consumer.seek(self._at(state.partition, state.position))
                self._consumer.resume([self._at(state.partition)])
                self.ready[state.partition] = state
                for one in self.ready.values():
                    # Partitions may have been added since the others were restored.
                    one.partitions = state.partitions

    def stop(self, timeout_s: float) -> None:
        """End the threads; one that waits for a silent Kafka longer than this is left to end by itself."""
        for ticket in self._tickets.values():
            ticket.is_void.set()
        for _ in self._threads:
            self._orders.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _order(self, partition: int) -> None:
        ticket = self._tickets[partition] = _Ticket(partition)
        self._orders.put(ticket)

    def _at(self, partition: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        return TopicPartition(self._settings.topics.transactions, partition, offset)

    def _restore_all(self) -> None:
        while (ticket := self._orders.get()) is not None:
            while not ticket.is_void.is_set():
                try:
                    self._restored.put((ticket, self._restore(ticket.partition, ticket.is_void.is_set)))
                    break
                except RestorationCancelledError:
                    break
                except KafkaException as error:
                    log.warning(
                        "restoring partition %d failed (%s); trying again",
                        ticket.partition,
                        error.args[0].str(),
                    )
                    ticket.is_void.wait(_RETRY_S)
                except Exception:
                    # Without its thread no partition would ever be scored again.
                    log.exception("restoring partition %d failed; trying again", ticket.partition)
                    ticket.is_void.wait(_RETRY_S)

    def _restore(self, partition: int, is_cancelled: Callable[[], bool]) -> PartitionState:
        begun = time.monotonic()
        # A client of its own in the same group: it reads the group's offsets, and what is replayed, without
        # joining.
        consumer = Consumer(
            consumer_config(self._settings, self._settings.serving.group_id, **_RESTORING_CONFIG)
        )
        try:
            committed = self._committed(consumer, partition)
            state = self._snapshots.load(partition, committed)
            source = "snapshot" if state else "replay"
            if state is None:
                state = replay_start_state(self._settings, consumer, partition, committed)
            start = state.position
            replay(self._settings.topics.transactions, consumer, state, committed.position, is_cancelled)
            restore_committed_admission(self._settings, state, committed)
            state.partitions = self._count_partitions(consumer)
        finally:
            consumer.close()
        seconds = time.monotonic() - begun
        self._metrics.state.observe_restore(source, seconds)
        log.info(
            "partition %d stands at offset %d: %s and %d offsets replayed, %d cards, %.1f s",
            partition, state.position, source, state.position - start, len(state.cards), seconds,
        )  # fmt: skip
        return state

    def _count_partitions(self, consumer: Consumer) -> int:
        topic = self._settings.topics.transactions
        known = consumer.list_topics(topic, timeout=self._settings.kafka.request_timeout_s)
        return len(known.topics[topic].partitions)

    def _committed(self, consumer: Consumer, partition: int) -> CommittedPosition:
        timeout_s = self._settings.kafka.request_timeout_s
        (found,) = consumer.committed([self._at(partition)], timeout=timeout_s)
        first, end = consumer.get_watermark_offsets(self._at(partition), timeout=timeout_s)
        if found.offset == OFFSET_INVALID:
            return CommittedPosition(first, None)
        if not first <= found.offset <= end:
            log.error(
                "partition %d: the committed offset %d is outside of the topic (%d to %d), which was "
                "recreated or has lost messages to retention; going on at %d",
                partition, found.offset, first, end, first,
            )  # fmt: skip
            return CommittedPosition(first, None)
        newest = max_event_time_of(found)
        if newest is None:
            log.warning(
                "partition %d: its offset was not committed by serving; replaying all of it", partition
            )
        return CommittedPosition(found.offset, newest, admission_state_of(found), replay_points_of(found))
