"""Exactly once: answers and positions in one Kafka transaction, committed beside the scoring.

A commit takes tens of milliseconds, in which no further message may be produced. It therefore runs on a
thread of its own, while the engine scores on and its answers wait in the outbox.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud.connecting import denial
from fraud.kafka import consumer_config, producer_config
from fraud.settings import Settings
from serving.delivery import Answers, Clock, PositionsMovedError, is_committed, last_offsets
from serving.metrics import Metrics
from serving.rights import require_rights_still
from serving.sending import send

log = logging.getLogger(__name__)

_CALL_TIMEOUT_S = 5.0
_PAUSE_S = 0.2
_HUNG_AFTER_S = 15.0
_MARKERS_S = 0.005
"""After a commit Kafka writes its markers; a transaction that begins meanwhile is put off by 20 ms."""

_MOST_UNCOMMITTED = 200_000
"""Answers; beyond this nothing more is scored until a commit succeeds."""


class _AbandonedError(Exception):
    """The engine no longer waits for this job."""


@dataclass
class _Job:
    """A commit or an abort of `answers` under way, with the producer that is its own until it has ended."""

    producer: Any
    answers: list[Answers]
    group: Any = None
    is_committed: bool = False
    moved: PositionsMovedError | None = None
    failure: Exception | None = None
    is_abandoned: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)
    thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether its thread has not ended."""
        return self.thread is not None and self.thread.is_alive()


class ExactlyOnce:
    """Delivers through a transactional producer.

    `_sent` is in the open transaction, `_waiting` will be in the next one. While there is a `_job`, it alone
    touches the producer and `_sent` does not change.
    """

    def __init__(
        self, settings: Settings, consumer: Consumer, transactional_id: str, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._transactional_id = transactional_id
        self._metrics = metrics
        self._sent: list[Answers] = []
        self._waiting: list[Answers] = []
        self._uncommitted = 0
        self._is_open = False
        self._clock = Clock(settings.serving.commit_interval_s)
        self._opens_at = 0.0
        self._job: _Job | None = None
        self._producer = self._new_producer(_Job(None, []))

    @property
    def is_saturated(self) -> bool:
        """Whether so much is waiting for a commit that no more should be scored."""
        return self._uncommitted > _MOST_UNCOMMITTED

    @property
    def is_idle(self) -> bool:
        """Whether everything published is committed."""
        return not self._sent and not self._waiting

    def publish(self, answers: Iterable[Answers]) -> None:
        """Take answers over; they are committed later, in the order given."""
        for one in answers:
            self._waiting.append(one)
            self._uncommitted += len(one)
            self._clock.start()
        self.tend()

    def tend(self) -> None:
        """Do what is due: produce, start a commit, see to one that ended."""
        if not self._has_ended() or time.monotonic() < self._opens_at:
            return
        self._send_waiting()
        if self._sent and self._clock.is_due:
            self._begin_commit()

    def commit_ended(self, error: Any) -> None:
        """Never asked: positions are committed by the producer."""

    def settle(self, timeout_s: float) -> bool:
        """Commit everything taken over; False: it was not possible in time."""
        deadline = time.monotonic() + timeout_s
        while not self.is_idle and time.monotonic() < deadline:
            if self._job is None:
                self._send_waiting()
            if self._job is None and self._sent:
                self._begin_commit()
            self._wait_a_little()
        return self.is_idle

    def forget(self, partitions: set[int]) -> None:
        """Drop what is not committed of partitions that now belong to another worker."""
        self._wait()
        if any(one.partition in partitions for one in self._sent):
            self._begin(self._abort)
            self._wait()
        self._waiting = [one for one in self._waiting if one.partition not in partitions]
        self._recount()

    def close(self) -> None:
        """Let go of the producer; what is not committed stays uncommitted."""
        if self._job is None and self._is_open:
            self._begin(self._abort)
        if self._job is not None and self._job.thread is not None:
            self._job.thread.join(_CALL_TIMEOUT_S)
            self._job.is_abandoned.set()
        self._producer = None

    def _send_waiting(self) -> None:
        if not self._waiting:
            return
        try:
            if not self._is_open:
                self._producer.begin_transaction()
                self._is_open = True
            while self._waiting:
                send(self._producer, self._settings, self._waiting[0])
                self._sent.append(self._waiting.pop(0))
        except KafkaException as error:
            log.warning("producing failed (%s); the transaction is aborted and sent again", _told(error))
            self._begin(self._abort)

    def _begin_commit(self) -> None:
        # Read afresh for every commit, as it changes with every rebalance; and read here, for on another
        # thread the consumer would not answer while this one is in a rebalance callback.
        group = self._consumer.consumer_group_metadata()
        if self._metrics.spans is not None:
            self._metrics.spans.seal()
        # Without a member id the coordinator would take the offsets of one it has put out.
        if self._consumer.memberid():
            self._begin(self._commit, group)
        else:
            self._begin(self._abort)

    def _begin(self, work: Callable[[_Job], bool], group: Any = None) -> None:
        """Start `work` on a thread; it returns whether what was sent is committed."""
        self._clock.stop()
        job = self._job = _Job(self._producer, self._sent, group)
        job.thread = threading.Thread(target=self._run, args=(job, work), name="commit", daemon=True)
        job.thread.start()

    def _wait(self) -> None:
        while not self._has_ended():
            self._wait_a_little()

    def _wait_a_little(self) -> None:
        if self._job is not None and self._job.thread is not None:
            self._job.thread.join(_PAUSE_S)
            self._has_ended()

    def _has_ended(self) -> bool:
        """Take note of a commit or an abort that ended; False while one is under way."""
        job = self._job
        if job is None:
            return True
        if job.is_running:
            self._abandon_if_hung(job)
            return False
        self._job, self._producer, self._is_open, self._sent = None, job.producer, False, []
        self._opens_at = time.monotonic() + _MARKERS_S
        if job.is_committed:
            self._metrics.visible(job.answers)
        else:
            self._waiting = job.answers + self._waiting
        if job.moved:
            gone = job.moved.partitions
            self._waiting = [one for one in self._waiting if one.partition not in gone]
        self._recount()
        for failure in (job.failure, job.moved):
            if failure:
                raise failure
        return True

    def _abandon_if_hung(self, job: _Job) -> None:
        """`send_offsets_to_transaction` may ignore its time-out for ever (librdkafka, issue 5456)."""
        if time.monotonic() - job.begun < _HUNG_AFTER_S:
            return
        log.error("a commit hangs in librdkafka; its producer is discarded and its outcome looked up")
        job.is_abandoned.set()
        self._begin(self._find_out)

    def _run(self, job: _Job, work: Callable[[_Job], bool]) -> None:
        """Runs on the thread: `work`, and whatever it takes to know its outcome."""
        try:
            try:
                job.is_committed = work(job)
            except KafkaException as error:
                log.warning("the outcome of a transaction is unknown: %s", _told(error))
                job.is_committed = self._find_out(job)
        except _AbandonedError:
            log.warning("a commit that was given up has ended")
        except PositionsMovedError as error:
            job.moved = error
        except Exception as error:
            job.failure = error

    def _commit(self, job: _Job) -> bool:
        offsets = last_offsets(self._settings.topics.transactions, job.answers)
        with self._metrics.timed_commit():
            try:
                hand_in = job.producer.send_offsets_to_transaction
                _retrying(job, partial(hand_in, offsets, job.group, _CALL_TIMEOUT_S))
                _retrying(job, partial(job.producer.commit_transaction, _CALL_TIMEOUT_S))
            except KafkaException as error:
                if not error.args[0].txn_requires_abort():
                    raise
                log.warning("the commit failed (%s); the transaction is aborted and sent again", _told(error))
            else:
                return True
        self._abort(job)
        require_rights_still(self._settings)
        return False

    def _abort(self, job: _Job) -> bool:
        self._metrics.aborts.inc()
        _retrying(job, partial(job.producer.abort_transaction, _CALL_TIMEOUT_S))
        return False

    def _find_out(self, job: _Job) -> bool:
        """Fence whatever the old producer left, and ask the group's offsets what became of it."""
        self._metrics.producers_replaced.inc()
        job.producer = self._new_producer(job)
        require_rights_still(self._settings)
        was_committed = is_committed(job.answers, self._committed(job))
        log.warning("the transaction in doubt was %s", "committed" if was_committed else "not committed")
        return was_committed

    def _committed(self, job: _Job) -> list[TopicPartition]:
        topic = self._settings.topics.transactions
        partitions = sorted({one.partition for one in job.answers})
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        # A client of its own in the same group: it reads the group's offsets without joining.
        reader = Consumer(consumer_config(self._settings, self._settings.serving.group_id))
        try:
            return list(_retrying(job, partial(reader.committed, wanted, _CALL_TIMEOUT_S)))
        finally:
            reader.close()

    def _new_producer(self, job: _Job) -> Any:
        config = {
            "transactional.id": self._transactional_id,
            "transaction.timeout.ms": int(self._settings.serving.transaction_timeout_s * 1_000),
            "delivery.report.only.error": True,
        }
        while True:
            producer = Producer(producer_config(self._settings, **config))
            try:
                _retrying(job, partial(producer.init_transactions, _CALL_TIMEOUT_S))
            except KafkaException as error:
                refused = denial(
                    self._settings.kafka, error.args[0], f"transactions as {self._transactional_id!r}"
                )
                if refused is not None:
                    raise refused from error
                log.warning("no transactional producer yet: %s", _told(error))
                time.sleep(_PAUSE_S)
            else:
                return producer

    def _recount(self) -> None:
        self._uncommitted = sum(len(one) for one in self._sent + self._waiting)


def _retrying(job: _Job, call: Callable[[], Any]) -> Any:
    """The same call again while Kafka asks for that, until it succeeds or the job is abandoned."""
    while True:
        try:
            return call()
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            log.info("Kafka asks to try again: %s", _told(error))
        finally:
            if job.is_abandoned.is_set():
                raise _AbandonedError
        time.sleep(_PAUSE_S)


def _told(error: KafkaException) -> str:
    fault = error.args[0]
    return f"{fault.name()}: {fault.str()}"
