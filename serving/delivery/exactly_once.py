"""Exactly once: predictions and positions in one Kafka transaction, committed beside the scoring.

A commit takes tens of milliseconds, in which nothing may be produced into its transaction, and when Kafka has
answered it, it still writes markers, which delays the producer's next transaction. So two producers take
turns: while one commits, the other's transaction takes what is scored meanwhile.
"""

import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException

from fraud.deadline import Deadline
from fraud.settings import Settings
from serving.delivery.clients import KafkaTransactionClients, TransactionClients
from serving.delivery.protocol import CommitTimer, OutboxBatch, PositionsMovedError
from serving.delivery.sending import DeadLetterSender, produce_outbox_batch
from serving.delivery.transaction_state import OutboxTransaction, TransactionState
from serving.delivery.transactions import CALL_TIMEOUT_S, TransactionRunner, describe_error
from serving.ops.metrics import Metrics
from serving.ops.shutdown import Shutdown
from serving.ops.stage_timer import StageTimer

log = logging.getLogger(__name__)

_WAIT_S = 0.2
_MAX_UNCOMMITTED = 200_000
"""Predictions and dead letters; beyond this nothing more is scored until a commit succeeds."""


class ExactlyOnce:
    """Delivers through two transactional producers in turn.

    `_active` takes what is enqueued: it is READY, OPEN or has an ABORTABLE_ERROR. `_committing` is the one
    before it: COMMITTING, ABORTING or RESOLVING. While there is none, `_standby` is the other producer's next
    transaction. One ends at a time, so that positions are committed in their order. When one is aborted, the
    one after it is aborted too; meanwhile `_aborted` has the batches to be sent before those.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        transactional_id: str,
        metrics: Metrics,
        shutdown: Shutdown | None = None,
        clients: TransactionClients | None = None,
        stage_timer: StageTimer | None = None,
    ) -> None:
        self._shutdown = shutdown or Shutdown(settings.serving.drain_timeout_s)
        self._settings = settings
        self._consumer = consumer
        self._metrics = metrics
        self._stage_timer = stage_timer or StageTimer(metrics)
        self._letters = DeadLetterSender()
        self._queued: list[OutboxBatch] = []
        self._aborted: list[OutboxBatch] = []
        # Of all that is not committed; counted along, since every round of the engine asks for it.
        self._count = 0
        self._runner = TransactionRunner(settings, metrics, clients or KafkaTransactionClients(settings))
        self._active = self._runner.open(transactional_id)
        self._standby = self._runner.open(f"{transactional_id}.b")
        self._committing: OutboxTransaction | None = None
        self._timer = CommitTimer(settings.serving.commit_interval_s)

    @property
    def is_saturated(self) -> bool:
        """Whether so much is uncommitted that nothing more should be scored."""
        return self._count > _MAX_UNCOMMITTED

    @property
    def is_idle(self) -> bool:
        """Whether everything enqueued is committed."""
        return not any(self._uncommitted())

    @property
    def due_in_s(self) -> float:
        """Seconds until a commit should start; infinite while another one is under way."""
        return self._timer.due_in_s if self._committing is None else math.inf

    def enqueue(self, batches: Iterable[OutboxBatch]) -> None:
        """Take batches over; they are committed later, in the order given."""
        for batch in batches:
            self._queued.append(batch)
            self._count += len(batch)
            self._timer.start()
        self.poll()

    def poll(self) -> None:
        """Do what is due without waiting: produce, start a commit, process the end of one."""
        self._process_end()
        self._advance(is_commit_due=self._timer.is_due)

    def on_commit(self, error: Any) -> None:
        """Is not called: the producers commit the positions, not the consumer."""

    def flush(self, timeout_s: float) -> bool:
        """Commit everything enqueued; returns False if that was not possible in time."""
        deadline = Deadline(timeout_s)
        while not self.is_idle and not deadline.is_over:
            self._advance(is_commit_due=True)
            self._wait()
        return self.is_idle

    def discard(self, partitions: set[int]) -> None:
        """Drop what is not committed of partitions that now belong to another worker.

        The group fences what is being committed of them. So a worker whose drain time is over need not wait
        for the outcome.
        """
        try:
            self._wait_for_end()
            if self._committing is None and any(
                batch.partition in partitions for batch in self._active.batches
            ):
                self._start_abort()
                self._wait_for_end()
        except PositionsMovedError:
            # The transaction after the moved one is being aborted; its batches must be dropped, too.
            self.discard(partitions)
            raise
        self._drop(partitions)
        self._recount()

    def close(self) -> None:
        """Release the producers; what is not committed stays uncommitted."""
        self._join_until_closed()
        is_open = self._active.state in (TransactionState.OPEN, TransactionState.ABORTABLE_ERROR)
        if is_open and not self._is_ending():
            self._committing = self._active
            self._runner.abort(self._active)
            self._join_until_closed()
        if self._committing is not None:
            self._committing.is_abandoned.set()
            self._committing.producer = None
        self._active.producer = self._standby.producer = None

    def _advance(self, *, is_commit_due: bool) -> None:
        """Produce into the active transaction unless the one before it fails, and start to end it."""
        if self._committing is None or self._is_written(self._committing):
            self._produce_queued()
        if self._committing is not None:
            return
        if self._active.state is TransactionState.ABORTABLE_ERROR:
            self._start_abort()
        elif self._active.batches and is_commit_due:
            self._start_commit()

    def _is_written(self, committing: OutboxTransaction) -> bool:
        """Whether its messages are before those of the next producer, so that a card's keep their order."""
        return committing.state is TransactionState.COMMITTING and committing.is_written.is_set()

    def _produce_queued(self) -> None:
        active = self._active
        if not self._queued or active.state is TransactionState.ABORTABLE_ERROR:
            return
        try:
            if active.state is TransactionState.READY:
                active.producer.begin_transaction()
                active.move_to(TransactionState.OPEN)
            while self._queued:
                produce_outbox_batch(active.producer, self._settings, self._queued[0], self._letters)
                active.batches.append(self._queued.pop(0))
        except KafkaException as error:
            log.warning(
                "producing failed (%s); the transaction is aborted and sent again", describe_error(error)
            )
            active.move_to(TransactionState.ABORTABLE_ERROR)

    def _start_commit(self) -> None:
        """Steps 1 to 3 of a commit; a thread takes 4 and 5 (`TransactionRunner`), `_process_end` the last."""
        # 1. Read the group's metadata: for every commit, as it changes with every rebalance, and on this
        # thread, since on another one the consumer would not answer during a rebalance callback.
        group = self._consumer.consumer_group_metadata()
        # Without a member id the coordinator would take the offsets of a member that it has removed.
        if not self._consumer.memberid():
            self._start_abort()
            return
        # 2. The sampled batches so far belong to this commit's span.
        timer = self._stage_timer.commit()
        # 3. The other producer's transaction takes what is enqueued from now on, once all before is written;
        # the commit thread starts.
        self._runner.commit(self._take_turns(), group, timer)

    def _start_abort(self) -> None:
        self._runner.abort(self._take_turns())

    def _take_turns(self) -> OutboxTransaction:
        """Make the standby transaction the active one; returns the one that is to be ended."""
        self._timer.stop()
        self._committing, self._active = self._active, self._standby
        return self._committing

    def _process_end(self) -> None:
        """6. Count what was committed, or send it again; does nothing while the thread runs."""
        ended = self._committing
        if ended is None:
            return
        if ended.is_running:
            self._replace_if_hung(ended)
            return
        self._committing, self._standby = None, ended.next()
        if ended.state is TransactionState.COMMITTED:
            self._metrics.delivery.observe_latency(ended.batches)
        else:
            self._requeue(ended)
        self._recount()
        if ended.error is not None:
            raise ended.error

    def _requeue(self, ended: OutboxTransaction) -> None:
        """Have the batches of an aborted transaction sent again, before all later ones."""
        self._aborted += ended.batches
        if isinstance(ended.error, PositionsMovedError):
            self._drop(ended.error.partitions)
        if self._active.state is not TransactionState.READY:
            self._start_abort()
        else:
            self._queued, self._aborted = self._aborted + self._queued, []
        if self._queued:
            self._timer.restart()

    def _replace_if_hung(self, transaction: OutboxTransaction) -> None:
        """`send_offsets_to_transaction` may ignore its time-out (librdkafka, issue 5456)."""
        if transaction.is_hung:
            log.error("a commit hangs in librdkafka; its producer is discarded and its outcome looked up")
            self._committing = self._runner.resolve(transaction)

    def _is_ending(self) -> bool:
        return self._committing is not None and self._committing.is_running

    def _wait_for_end(self) -> None:
        while self._committing is not None and self._shutdown.drain_remaining_s:
            self._wait()

    def _wait(self) -> None:
        self._join(_WAIT_S)
        self._process_end()

    def _join_until_closed(self) -> None:
        self._join(min(CALL_TIMEOUT_S, self._shutdown.close_remaining_s))

    def _join(self, timeout_s: float) -> None:
        if self._committing is not None:
            self._committing.join(timeout_s)

    def _drop(self, partitions: set[int]) -> None:
        self._aborted, self._queued, self._active.batches = (
            [batch for batch in batches if batch.partition not in partitions]
            for batches in (self._aborted, self._queued, self._active.batches)
        )

    def _uncommitted(self) -> Sequence[list[OutboxBatch]]:
        """In the order in which they are to be committed."""
        committing = self._committing.batches if self._committing else []
        return committing, self._aborted, self._active.batches, self._queued

    def _recount(self) -> None:
        self._count = sum(len(batch) for batches in self._uncommitted() for batch in batches)
