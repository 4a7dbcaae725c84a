"""Exactly once: answers and positions in one Kafka transaction, committed beside the scoring.

A commit takes tens of milliseconds, in which no further message may be produced. It therefore runs on a
thread of its own, while the engine scores on and its answers wait in the outbox.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud.kafka import consumer_config, producer_config
from fraud.settings import Settings
from serving.delivery import Answers, Clock, PositionsMovedError, is_committed, last_offsets
from serving.metrics import Metrics
from serving.sending import send

log = logging.getLogger(__name__)

_CALL_TIMEOUT_S = 5.0
_PAUSE_S = 0.2
_MOST_UNCOMMITTED = 200_000
"""Answers; beyond this nothing more is scored until a commit succeeds."""


class ExactlyOnce:
    """Delivers through a transactional producer.

    `_sent` is in the open transaction, `_waiting` will be in the next one. While `_thread` runs, it alone
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
        self._thread: threading.Thread | None = None
        self._is_committed = False
        self._moved: PositionsMovedError | None = None
        self._give_up = threading.Event()
        self._producer = self._new_producer()

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
        if not self._has_ended():
            return
        self._send_waiting()
        if self._sent and self._clock.is_due:
            self._begin_commit()

    def settle(self, timeout_s: float) -> bool:
        """Commit everything taken over; False: it was not possible in time."""
        deadline = time.monotonic() + timeout_s
        while not self.is_idle and time.monotonic() < deadline:
            if self._thread is None:
                self._send_waiting()
            if self._thread is None and self._sent:
                self._begin_commit()
            if self._thread is not None:
                self._thread.join(max(0.0, deadline - time.monotonic()))
            self._has_ended()
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
        self._give_up.set()
        if self._thread is None and self._is_open:
            self._begin(self._abort)
        if self._thread is not None:
            self._thread.join(2 * _CALL_TIMEOUT_S)
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
        # Without a member id the coordinator would take the offsets of one it has put out.
        is_member = bool(self._consumer.memberid())
        self._begin(partial(self._commit, group) if is_member else self._abort)

    def _begin(self, job: Callable[[], bool]) -> None:
        """Run `job` on the thread; it returns whether what was sent is committed."""
        self._clock.stop()
        self._thread = threading.Thread(target=self._run, args=(job,), name="commit", daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._has_ended()

    def _has_ended(self) -> bool:
        """Take note of a commit or an abort that ended; False while one is under way."""
        if self._thread is None:
            return True
        if self._thread.is_alive():
            return False
        self._thread, self._is_open = None, False
        sent, self._sent = self._sent, []
        moved, self._moved = self._moved, None
        if self._is_committed:
            self._metrics.visible(sent)
        else:
            self._waiting = sent + self._waiting
        if moved:
            self._waiting = [one for one in self._waiting if one.partition not in moved.partitions]
        self._recount()
        if moved:
            raise moved
        return True

    def _run(self, job: Callable[[], bool]) -> None:
        """Runs on the thread: `job`, and whatever it takes to know its outcome."""
        try:
            self._is_committed = job()
        except KafkaException as error:
            log.warning("the outcome of a transaction is unknown: %s", _told(error))
            self._is_committed = self._find_out()

    def _commit(self, group: Any) -> bool:
        with self._metrics.commit_seconds.time():
            try:
                offsets = last_offsets(self._settings.topics.transactions, self._sent)
                hand_in = partial(self._producer.send_offsets_to_transaction, offsets, group, _CALL_TIMEOUT_S)
                self._retrying(hand_in)
                self._retrying(lambda: self._producer.commit_transaction(_CALL_TIMEOUT_S))
            except KafkaException as error:
                if not error.args[0].txn_requires_abort():
                    raise
                log.warning("the commit failed (%s); the transaction is aborted and sent again", _told(error))
            else:
                return True
        return self._abort()

    def _abort(self) -> bool:
        self._metrics.aborts.inc()
        self._retrying(lambda: self._producer.abort_transaction(_CALL_TIMEOUT_S))
        return False

    def _find_out(self) -> bool:
        """Fence whatever the old producer left, and ask the group's offsets what became of it."""
        self._metrics.producers_replaced.inc()
        self._producer = self._new_producer()
        try:
            committed = self._committed({one.partition for one in self._sent})
            was_committed = is_committed(self._sent, committed)
        except PositionsMovedError as error:
            self._moved = error
            return False
        log.warning("the transaction in doubt was %s", "committed" if was_committed else "not committed")
        return was_committed

    def _committed(self, partitions: set[int]) -> list[TopicPartition]:
        topic = self._settings.topics.transactions
        wanted = [TopicPartition(topic, partition) for partition in sorted(partitions)]
        # A client of its own in the same group: it reads the group's offsets without joining.
        reader = Consumer(consumer_config(self._settings, self._settings.serving.group_id))
        try:
            return list(self._retrying(lambda: reader.committed(wanted, _CALL_TIMEOUT_S)))
        finally:
            reader.close()

    def _new_producer(self) -> Any:
        config = {
            "transactional.id": self._transactional_id,
            "transaction.timeout.ms": int(self._settings.serving.transaction_timeout_s * 1_000),
            "delivery.report.only.error": True,
        }
        while True:
            producer = Producer(producer_config(self._settings, **config))
            try:
                self._retrying(partial(producer.init_transactions, _CALL_TIMEOUT_S))
            except KafkaException as error:
                if self._give_up.is_set() or not _may_pass(error):
                    raise
                log.warning("no transactional producer yet: %s", _told(error))
                time.sleep(_PAUSE_S)
            else:
                return producer

    def _retrying(self, call: Callable[[], Any]) -> Any:
        """The same call again while it asks for that, until it succeeds or the engine gives up."""
        while True:
            try:
                return call()
            except KafkaException as error:
                if not error.args[0].retriable() or self._give_up.is_set():
                    raise
                log.info("Kafka asks to try again: %s", _told(error))
                time.sleep(_PAUSE_S)

    def _recount(self) -> None:
        self._uncommitted = sum(len(one) for one in self._sent + self._waiting)


def _may_pass(error: KafkaException) -> bool:
    """A transactional.id that is not authorised will not become so by itself."""
    return "AUTHORIZATION" not in error.args[0].name()


def _told(error: KafkaException) -> str:
    fault = error.args[0]
    return f"{fault.name()}: {fault.str()}"
