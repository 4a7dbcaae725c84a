"""Kafka's transactions: what is in one, and the calls that end it.

Each of them may block for seconds, and `send_offsets_to_transaction` for ever. They therefore run on a thread
of their own, which leaves the outcome behind.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, producer_config
from fraud.kafka.errors import permission_error
from fraud.settings import Settings
from serving.delivery.protocol import OutboxBatch, PositionsMovedError, is_committed, last_offsets
from serving.ops.access_check import recheck_permissions
from serving.ops.metrics import Metrics

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 5.0
_PAUSE_S = 0.2


class _AbandonedError(Exception):
    """Nobody waits for this job any longer."""


@dataclass
class Transaction:
    """A transactional.id with its producer, and the answers in its open transaction.

    When `is_broken`, the producer has refused something, and only aborting helps.
    """

    name: str
    producer: Any
    answers: list[OutboxBatch] = field(default_factory=list)
    is_open: bool = False
    is_broken: bool = False


@dataclass
class Job:
    """A transaction that is being ended; the producer is the thread's alone until it has ended.

    With the consumer's `group` it is a commit, without an abort.
    """

    name: str
    producer: Any
    answers: list[OutboxBatch]
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


class Transactions:
    """Begins and ends transactions of this worker."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics

    def open_as(self, name: str) -> Transaction:
        """A transactional.id's transaction, when whatever an earlier process left open under it is ended."""
        return Transaction(name, self._new_producer(Job(name, None, [])))

    def end(self, job: Job) -> None:
        """Begin to commit or to abort."""
        self._start(job, self._abort if job.group is None else self._commit)

    def replace(self, job: Job) -> Job:
        """Give a job up that hangs, and begin to find out what became of it."""
        job.is_abandoned.set()
        successor = Job(job.name, job.producer, job.answers)
        self._start(successor, self._find_out)
        return successor

    def _start(self, job: Job, work: Callable[[Job], bool]) -> None:
        job.thread = threading.Thread(target=self._run, args=(job, work), name="commit", daemon=True)
        job.thread.start()

    def _run(self, job: Job, work: Callable[[Job], bool]) -> None:
        """Runs on the thread: `work`, and whatever it takes to know its outcome."""
        try:
            try:
                job.is_committed = work(job)
            except KafkaException as error:
                log.warning("the outcome of a transaction is unknown: %s", told(error))
                job.is_committed = self._find_out(job)
        except _AbandonedError:
            log.warning("a commit that was given up has ended")
        except PositionsMovedError as error:
            job.moved = error
        except Exception as error:
            job.failure = error

    def _commit(self, job: Job) -> bool:
        offsets = last_offsets(self._settings.topics.transactions, job.answers)
        with self._metrics.timed_commit():
            try:
                hand_in = job.producer.send_offsets_to_transaction
                _retrying(job, partial(hand_in, offsets, job.group, CALL_TIMEOUT_S))
                _retrying(job, partial(job.producer.commit_transaction, CALL_TIMEOUT_S))
            except KafkaException as error:
                if not error.args[0].txn_requires_abort():
                    raise
                log.warning("the commit failed (%s); the transaction is aborted and sent again", told(error))
            else:
                return True
        self._abort(job)
        recheck_permissions(self._settings)
        return False

    def _abort(self, job: Job) -> bool:
        self._metrics.aborts.inc()
        _retrying(job, partial(job.producer.abort_transaction, CALL_TIMEOUT_S))
        return False

    def _find_out(self, job: Job) -> bool:
        """Fence whatever the old producer left, and ask the group's offsets what became of it."""
        self._metrics.producers_replaced.inc()
        job.producer = self._new_producer(job)
        recheck_permissions(self._settings)
        was_committed = bool(job.answers) and is_committed(job.answers, self._committed(job))
        log.warning("the transaction in doubt was %s", "committed" if was_committed else "not committed")
        return was_committed

    def _committed(self, job: Job) -> list[TopicPartition]:
        topic = self._settings.topics.transactions
        partitions = sorted({one.partition for one in job.answers})
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        # A client of its own in the same group: it reads the group's offsets without joining.
        reader = Consumer(consumer_config(self._settings, self._settings.serving.group_id))
        try:
            return list(_retrying(job, partial(reader.committed, wanted, CALL_TIMEOUT_S)))
        finally:
            reader.close()

    def _new_producer(self, job: Job) -> Any:
        config = {
            "transactional.id": job.name,
            "transaction.timeout.ms": int(self._settings.serving.transaction_timeout_s * 1_000),
            "delivery.report.only.error": True,
        }
        while True:
            producer = Producer(producer_config(self._settings, **config))
            try:
                _retrying(job, partial(producer.init_transactions, CALL_TIMEOUT_S))
            except KafkaException as error:
                refused = permission_error(
                    self._settings.kafka, error.args[0], f"transactions as {job.name!r}"
                )
                if refused is not None:
                    raise refused from error
                log.warning("no transactional producer yet: %s", told(error))
                time.sleep(_PAUSE_S)
            else:
                return producer


def told(error: KafkaException) -> str:
    """What Kafka says."""
    fault = error.args[0]
    return f"{fault.name()}: {fault.str()}"


def _retrying(job: Job, call: Callable[[], Any]) -> Any:
    """The same call again while Kafka asks for that, until it succeeds or the job is abandoned."""
    while True:
        try:
            return call()
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            log.info("Kafka asks to try again: %s", told(error))
        finally:
            if job.is_abandoned.is_set():
                raise _AbandonedError
        time.sleep(_PAUSE_S)
