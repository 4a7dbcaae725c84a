"""Exactly once: answers and positions in one Kafka transaction, committed beside the scoring.

A commit takes tens of milliseconds, in which nothing may be produced into its transaction, and when Kafka has
answered it, it still writes markers, which puts the producer's next transaction off. So two producers take
turns: while one commits, the other's transaction takes what is scored meanwhile.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException

from fraud.settings import Settings
from serving.delivery.protocol import Clock, OutboxBatch
from serving.delivery.sending import send
from serving.delivery.transactions import CALL_TIMEOUT_S, Job, Transactions, told
from serving.ops.metrics import Metrics
from serving.ops.shutdown import Shutdown

log = logging.getLogger(__name__)

_PAUSE_S = 0.2
_HUNG_AFTER_S = 15.0
_MOST_UNCOMMITTED = 200_000
"""Answers; beyond this nothing more is scored until a commit succeeds."""


class ExactlyOnce:
    """Delivers through two transactional producers in turn.

    `_filling` takes what is published. `_ending` is the other one: at rest, or its `_job`'s alone. One ends
    at a time, so that positions are committed in their order. When one fails, the one after it is aborted
    too; meanwhile `_returned` has the answers that have to be sent again before those.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        transactional_id: str,
        metrics: Metrics,
        shutdown: Shutdown | None = None,
    ) -> None:
        self._shutdown = shutdown or Shutdown(settings.serving.drain_timeout_s)
        self._settings = settings
        self._consumer = consumer
        self._metrics = metrics
        self._waiting: list[OutboxBatch] = []
        self._returned: list[OutboxBatch] = []
        # Of all that is not committed; counted along, since it is asked for in every round.
        self._count = 0
        self._clock = Clock(settings.serving.commit_interval_s)
        self._job: Job | None = None
        self._transactions = Transactions(settings, metrics)
        self._filling = self._transactions.open_as(transactional_id)
        self._ending = self._transactions.open_as(f"{transactional_id}.b")

    @property
    def is_saturated(self) -> bool:
        """Whether so much is waiting for a commit that no more should be scored."""
        return self._count > _MOST_UNCOMMITTED

    @property
    def is_idle(self) -> bool:
        """Whether everything published is committed."""
        return not any(self._uncommitted())

    def publish(self, answers: Iterable[OutboxBatch]) -> None:
        """Take answers over; they are committed later, in the order given."""
        for one in answers:
            self._waiting.append(one)
            self._count += len(one)
            self._clock.start()
        self.tend()

    def tend(self) -> None:
        """Do what is due: produce, start a commit, see to one that ended."""
        self._look_at_job()
        self._proceed(is_due=self._clock.is_due)

    def commit_ended(self, error: Any) -> None:
        """Never asked: positions are committed by the producer."""

    def settle(self, timeout_s: float) -> bool:
        """Commit everything taken over; False: it was not possible in time."""
        deadline = time.monotonic() + timeout_s
        while not self.is_idle and time.monotonic() < deadline:
            self._proceed(is_due=True)
            self._wait_a_little()
        return self.is_idle

    def forget(self, partitions: set[int]) -> None:
        """Drop what is not committed of partitions that now belong to another worker.

        What is being committed of them is fenced off by the group, so that a worker whose time is up need
        not wait for its outcome.
        """
        self._wait()
        if self._job is None and any(one.partition in partitions for one in self._filling.answers):
            self._abort()
            self._wait()
        self._drop(partitions)
        self._recount()

    def close(self) -> None:
        """Let go of the producers; what is not committed stays uncommitted."""
        self._join(min(CALL_TIMEOUT_S, self._shutdown.close_left_s))
        if self._filling.is_open and not (self._job and self._job.is_running):
            self._abort()
            self._join(min(CALL_TIMEOUT_S, self._shutdown.close_left_s))
        if self._job is not None:
            self._job.is_abandoned.set()
        self._filling.producer = self._ending.producer = None

    def _proceed(self, *, is_due: bool) -> None:
        """Produce into the next transaction, beside a commit but not beside an abort, and end it."""
        if self._job is None or self._job.group is not None:
            self._send_waiting()
        if self._job is not None:
            return
        if self._filling.is_broken:
            self._abort()
        elif self._filling.answers and is_due:
            self._commit()

    def _send_waiting(self) -> None:
        filling = self._filling
        if not self._waiting or filling.is_broken:
            return
        try:
            if not filling.is_open:
                filling.producer.begin_transaction()
                filling.is_open = True
            while self._waiting:
                send(filling.producer, self._settings, self._waiting[0])
                filling.answers.append(self._waiting.pop(0))
        except KafkaException as error:
            log.warning("producing failed (%s); the transaction is aborted and sent again", told(error))
            filling.is_broken = True

    def _commit(self) -> None:
        # Read afresh for every commit, as it changes with every rebalance; and read here, for on another
        # thread the consumer would not answer while this one is in a rebalance callback.
        group = self._consumer.consumer_group_metadata()
        if self._metrics.spans is not None:
            self._metrics.spans.seal()
        # Without a member id the coordinator would take the offsets of one it has put out.
        self._end(group if self._consumer.memberid() else None)

    def _abort(self) -> None:
        self._end(None)

    def _end(self, group: Any) -> None:
        """Begin to end the transaction that was filled; the other one is next."""
        self._clock.stop()
        self._filling, self._ending = self._ending, self._filling
        self._job = Job(self._ending.name, self._ending.producer, self._ending.answers, group)
        self._transactions.end(self._job)

    def _wait(self) -> None:
        while self._job is not None and self._shutdown.drain_left_s:
            self._wait_a_little()

    def _wait_a_little(self) -> None:
        self._join(_PAUSE_S)
        self._look_at_job()

    def _join(self, timeout_s: float) -> None:
        if self._job is not None and self._job.thread is not None:
            self._job.thread.join(timeout_s)

    def _look_at_job(self) -> None:
        """Take note of a commit or an abort that ended."""
        job = self._job
        if job is None:
            return
        if job.is_running:
            self._replace_if_hung(job)
            return
        ended = self._ending
        self._job, ended.producer, ended.answers = None, job.producer, []
        ended.is_open = ended.is_broken = False
        if job.is_committed:
            self._metrics.visible(job.answers)
        else:
            self._take_back(job)
        self._recount()
        for failure in (job.failure, job.moved):
            if failure:
                raise failure

    def _take_back(self, job: Job) -> None:
        """Have the answers of a transaction that came to nothing sent again, before all later ones."""
        self._returned += job.answers
        if job.moved:
            self._drop(job.moved.partitions)
        if self._filling.is_open:
            self._abort()
        else:
            self._waiting, self._returned = self._returned + self._waiting, []
        if self._waiting:
            self._clock.start()

    def _drop(self, partitions: set[int]) -> None:
        self._returned, self._waiting, self._filling.answers = (
            [one for one in answers if one.partition not in partitions]
            for answers in (self._returned, self._waiting, self._filling.answers)
        )

    def _replace_if_hung(self, job: Job) -> None:
        """`send_offsets_to_transaction` may ignore its time-out for ever (librdkafka, issue 5456)."""
        if time.monotonic() - job.begun > _HUNG_AFTER_S:
            log.error("a commit hangs in librdkafka; its producer is discarded and its outcome looked up")
            self._job = self._transactions.replace(job)

    def _uncommitted(self) -> Sequence[list[OutboxBatch]]:
        """In the order in which they are to be committed."""
        ending = self._job.answers if self._job else []
        return ending, self._returned, self._filling.answers, self._waiting

    def _recount(self) -> None:
        self._count = sum(len(one) for answers in self._uncommitted() for one in answers)
