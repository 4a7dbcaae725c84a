"""The partitions that this worker owns, and the restoring of their state beside the scoring.

A partition is assigned in a paused state. Threads rebuild the states, so that polling goes on meanwhile; then
the loop seeks the consumer to the committed position and resumes the partition.
"""

import logging
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from fraud.deadline import Deadline
from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads
from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.state.partition_state import PartitionState
from serving.state.replay import RestorationCancelledError
from serving.state.restoration import Restoration
from serving.state.snapshots import Snapshots

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_RESTORING_THREADS = 2
"""Each keeps a processor busy."""


@dataclass
class _RestoreRequest:
    """To restore a partition; cancelled once the partition is revoked."""

    partition: int
    is_cancelled: threading.Event = field(default_factory=threading.Event)


class Partitions:
    """Owned partitions: those in `ready` are scored, the others wait for their state.

    The loop's thread calls all methods. The restoring threads take requests from one queue and put states
    into another; a state belongs to the loop from then on.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        snapshots: Snapshots,
        metrics: Metrics,
        payloads: Payloads = JSON_PAYLOADS,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._restoration = Restoration(settings, snapshots, metrics, payloads)
        self._metrics = metrics
        self._queue: queue.SimpleQueue[_RestoreRequest | None] = queue.SimpleQueue()
        self._restored: queue.SimpleQueue[tuple[_RestoreRequest, PartitionState]] = queue.SimpleQueue()
        self._requests: dict[int, _RestoreRequest] = {}
        self.ready: dict[int, PartitionState] = {}
        self._threads = [
            threading.Thread(target=self._restore_all, name="restore", daemon=True)
            for _ in range(_RESTORING_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def owned(self) -> set[int]:
        """Every assigned partition."""
        return set(self._requests)

    @property
    def is_restoring(self) -> bool:
        """Whether the state of a partition is still being restored."""
        return len(self.ready) < len(self._requests)

    @property
    def are_all_ready(self) -> bool:
        """Whether there are partitions, all of them with their state."""
        return bool(self._requests) and not self.is_restoring

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Take partitions over, paused; call it in the rebalance callback."""
        topic = self._settings.topics.transactions
        # An absolute offset, as the true one is not known until a former owner's transaction has ended.
        taken = [TopicPartition(topic, one.partition, 0) for one in partitions]
        self._consumer.incremental_assign(taken)
        self._consumer.pause(taken)
        for one in taken:
            self._request(one.partition)

    def release(self, partitions: Iterable[int]) -> None:
        """Drop the state of partitions that are revoked."""
        for partition in partitions:
            self.ready.pop(partition, None)
            request = self._requests.pop(partition, None)
            if request is not None:
                request.is_cancelled.set()
            self._metrics.state.remove_partition(partition)

    def restore_again(self, partitions: Iterable[int]) -> None:
        """Restore owned partitions whose committed offset another worker has moved."""
        owned = [partition for partition in partitions if partition in self._requests]
        self._consumer.pause([self._at(partition) for partition in owned])
        self.release(owned)
        for partition in owned:
            self._request(partition)

    def resume_restored(self) -> None:
        """Resume the partitions whose state has been restored."""
        while not self._restored.empty():
            request, state = self._restored.get()
            if not request.is_cancelled.is_set():
                self._consumer.seek(self._at(state.partition, state.position))
                self._consumer.resume([self._at(state.partition)])
                self.ready[state.partition] = state
                for one in self.ready.values():
                    # Partitions may have been added since the others were restored.
                    one.partitions = state.partitions

    def stop(self, timeout_s: float) -> None:
        """End the threads; one that waits for a silent Kafka longer than this ends by itself later."""
        for request in self._requests.values():
            request.is_cancelled.set()
        for _ in self._threads:
            self._queue.put(None)
        deadline = Deadline(timeout_s)
        for thread in self._threads:
            thread.join(deadline.remaining_s)

    def _request(self, partition: int) -> None:
        request = self._requests[partition] = _RestoreRequest(partition)
        self._queue.put(request)

    def _at(self, partition: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        return TopicPartition(self._settings.topics.transactions, partition, offset)

    def _restore_all(self) -> None:
        """The thread: restore until None is in the queue."""
        while (request := self._queue.get()) is not None:
            while not request.is_cancelled.is_set() and not self._try_to_restore(request):
                request.is_cancelled.wait(_RETRY_S)

    def _try_to_restore(self, request: _RestoreRequest) -> bool:
        """Whether the request is done with, restored or cancelled."""
        try:
            state = self._restoration.restore(request.partition, request.is_cancelled.is_set)
            self._restored.put((request, state))
        except RestorationCancelledError:
            return True
        except KafkaException as error:
            reason = error.args[0].str()
            log.warning("restoring partition %d failed (%s); trying again", request.partition, reason)
        except Exception:
            # Without its thread no partition would ever be scored again.
            log.exception("restoring partition %d failed; trying again", request.partition)
        else:
            return True
        return False
