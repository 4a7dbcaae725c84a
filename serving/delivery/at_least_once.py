"""At least once: predictions leave at once, positions are committed after they were acknowledged.

Nothing waits: acknowledgements are counted as they arrive, and at every interval the positions whose
predictions have all been acknowledged are committed. After a crash the messages since the last commit are
scored again, with the same transaction_id.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud.deadline import Deadline
from fraud.kafka.clients import producer_config
from fraud.kafka.errors import MISSING_TOPIC, permission_error
from fraud.settings import Settings
from serving.delivery.offset_metadata import last_offsets
from serving.delivery.protocol import CommitTimer, OutboxBatch
from serving.delivery.sending import DeadLetterSender, produce_outbox_batch
from serving.ops.metrics import Metrics
from serving.ops.permission_check import recheck_permissions
from serving.ops.shutdown import Shutdown, call_within

log = logging.getLogger(__name__)

_PAUSE_S = 0.05
_FLUSH_TIMEOUT_S = 5.0
_LONGEST_PAUSE_S = 10.0
"""Between two attempts to produce what Kafka refuses; each doubles the predictions that it takes."""
_MAX_UNACKNOWLEDGED = 50_000
"""Messages; beyond this nothing more is scored until Kafka has acknowledged some."""


class _InFlightBatch:
    """A batch that was produced, and how many of its messages have no delivery report yet."""

    def __init__(self, batch: OutboxBatch) -> None:
        self.batch = batch
        self.unreported = len(batch)
        self.failure: Any = None

    def on_delivery(self, error: Any, _message: Any) -> None:
        """The producer's callback for each message; `error` is None if Kafka has it."""
        self.unreported -= 1
        if error is not None:
            self.failure = error


class AtLeastOnce:
    """Delivers through an idempotent producer.

    `_in_flight` is produced, in order. What was acknowledged before everything after it moves to
    `_acknowledged`, the last batch of each partition, and from there to `_committing` until the commit ends.
    """

    def __init__(
        self, settings: Settings, consumer: Consumer, metrics: Metrics, shutdown: Shutdown | None = None
    ) -> None:
        self._shutdown = shutdown or Shutdown(settings.serving.drain_timeout_s)
        self._settings = settings
        self._consumer = consumer
        self._metrics = metrics
        self._letters = DeadLetterSender()
        self._in_flight: deque[_InFlightBatch] = deque()
        self._acknowledged: dict[int, OutboxBatch] = {}
        self._committing: dict[int, OutboxBatch] = {}
        self._committing_since = 0.0
        self._timer = CommitTimer(settings.serving.commit_interval_s)
        self._pause_s = _PAUSE_S
        self._next_attempt = Deadline(0.0)
        # One request under way, although the messages are of now: what comes meanwhile goes with the next.
        # With five, thousands of small requests a second keep the broker busy, and everyone waits for it.
        self._producer: Any = Producer(producer_config(settings, **{"linger.ms": 0}))

    @property
    def is_saturated(self) -> bool:
        """Whether so much is unacknowledged that nothing more should be scored."""
        return sum(len(one.batch) for one in self._in_flight) > _MAX_UNACKNOWLEDGED

    @property
    def is_idle(self) -> bool:
        """Whether everything enqueued is committed."""
        return not (self._in_flight or self._acknowledged or self._committing)

    @property
    def due_in_s(self) -> float:
        """Infinite: predictions do not wait for a commit."""
        return math.inf

    def enqueue(self, batches: Iterable[OutboxBatch]) -> None:
        """Take batches over and produce them."""
        for batch in batches:
            self._in_flight.append(self._produce(batch))
            self._timer.start()
        self.poll()

    def poll(self) -> None:
        """Count acknowledgements; start a commit when it is due."""
        self._producer.poll(0)
        self._collect_acknowledged()
        if not self._timer.is_due:
            return
        self._produce_failed_again()
        if self._acknowledged and not self._committing:
            self._start_commit()

    def on_commit(self, error: Any) -> None:
        """The consumer's callback at the end of a commit; `error` is None on success.

        Raises:
            RefusedError: the group may not commit.
        """
        tried, self._committing = self._committing, {}
        if not error:
            self._metrics.delivery.commit_seconds.observe(time.monotonic() - self._committing_since)
            return
        refused = permission_error(self._settings.kafka, error, "committing offsets")
        if refused is not None:
            raise refused
        log.warning("the offsets were not committed: %s", error.str())
        self._metrics.delivery.aborts.inc()
        self._acknowledged = tried | self._acknowledged
        self._timer.restart()

    def flush(self, timeout_s: float) -> bool:
        """Commit everything enqueued; returns False if that was not possible in time."""
        deadline = Deadline(timeout_s)
        while self._in_flight and not deadline.is_over:
            self._producer.poll(_PAUSE_S)
            self._collect_acknowledged()
            self._produce_failed_again()
        if self._in_flight:
            log.warning("Kafka has not acknowledged everything within %.0f s", timeout_s)
            return False
        return self.is_idle or self._commit_now(deadline)

    def discard(self, partitions: set[int]) -> None:
        """Drop what is not committed of partitions that now belong to another worker."""
        self._in_flight = deque(one for one in self._in_flight if one.batch.partition not in partitions)
        for partition in partitions:
            self._acknowledged.pop(partition, None)
            self._committing.pop(partition, None)

    def close(self) -> None:
        """Release the producer; what is not committed is scored again by the next owner."""
        self._producer.flush(min(_FLUSH_TIMEOUT_S, self._shutdown.close_remaining_s))
        self._producer = None

    def _produce(self, batch: OutboxBatch) -> _InFlightBatch:
        in_flight = _InFlightBatch(batch)
        try:
            produce_outbox_batch(self._producer, self._settings, batch, self._letters, in_flight.on_delivery)
        except KafkaException as error:
            in_flight.failure = error.args[0]
        return in_flight

    def _produce_failed_again(self) -> None:
        """With all that follows, so that a card's predictions keep their order; earlier reports are void.

        Raises:
            RefusedError: a permission was withdrawn.
            MissingTopicError: a topic was deleted.
        """
        failure = next((one.failure for one in self._in_flight if one.failure), None)
        if failure is None or not self._next_attempt.is_over:
            return
        refused = permission_error(self._settings.kafka, failure, "writing predictions")
        if refused is not None:
            raise refused
        if failure.code() in MISSING_TOPIC:
            recheck_permissions(self._settings)
        log.warning(
            "Kafka did not take predictions (%s); what is unacknowledged is sent again", failure.str()
        )
        self._next_attempt = Deadline(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._in_flight = deque(self._produce(one.batch) for one in self._in_flight)
        self._timer.restart()

    def _collect_acknowledged(self) -> None:
        batches = []
        while self._in_flight and not (self._in_flight[0].unreported or self._in_flight[0].failure):
            batches.append(self._in_flight.popleft().batch)
        if batches:
            self._pause_s = _PAUSE_S
        self._metrics.delivery.observe_latency(batches)
        self._acknowledged |= {batch.partition: batch for batch in batches}

    def _start_commit(self) -> None:
        """Beside the scoring; the consumer calls `on_commit` while it is polled."""
        self._timer.stop()
        self._committing, self._acknowledged = self._acknowledged, {}
        self._committing_since = time.monotonic()
        try:
            self._consumer.commit(offsets=self._offsets(self._committing), asynchronous=True)
        except KafkaException as error:
            self.on_commit(error.args[0])
        if self._in_flight:
            self._timer.start()

    def _commit_now(self, deadline: Deadline) -> bool:
        due = self._committing | self._acknowledged
        try:
            commit = partial(self._consumer.commit, offsets=self._offsets(due), asynchronous=False)
            # It waits for the group's coordinator for as long as that is unreachable.
            call_within(deadline.remaining_s, commit)
        except (KafkaException, TimeoutError) as error:
            log.warning("the offsets were not committed: %s", error)
            self._metrics.delivery.aborts.inc()
            time.sleep(_PAUSE_S)
            return False
        self._committing, self._acknowledged = {}, {}
        self._timer.stop()
        return True

    def _offsets(self, batches: dict[int, OutboxBatch]) -> list[TopicPartition]:
        return last_offsets(self._settings.topics.transactions, list(batches.values()))
