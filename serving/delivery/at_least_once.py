"""At least once: answers leave at once, positions are committed after they were acknowledged.

Nothing waits: acknowledgements are counted as they arrive, and at every interval the positions whose answers
have all arrived are committed. After a crash the messages since the last commit are answered again, with the
same transaction_id.
"""

import logging
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from fraud.kafka.clients import producer_config
from fraud.kafka.errors import permission_error
from fraud.settings import Settings
from serving.delivery.protocol import Clock, OutboxBatch, last_offsets
from serving.delivery.sending import send
from serving.ops.metrics import Metrics
from serving.ops.shutdown import Shutdown, call_within

log = logging.getLogger(__name__)

_PAUSE_S = 0.05
_FLUSH_TIMEOUT_S = 5.0
_MOST_UNACKNOWLEDGED = 50_000
"""Messages; beyond this nothing more is scored until Kafka has taken some."""


class _Flight:
    """Answers on their way, and how many of them were not reported on yet."""

    def __init__(self, answers: OutboxBatch) -> None:
        self.answers = answers
        self.missing = len(answers)
        self.failure: Any = None

    def reported(self, error: Any, _message: Any) -> None:
        """Called by the producer for each message, delivered or given up."""
        self.missing -= 1
        if error is not None:
            self.failure = error


class AtLeastOnce:
    """Delivers through an idempotent producer.

    `_flights` are sent, in order. What has arrived before everything else moves to `_arrived`, by partition
    the newest, and from there to `_committing` until Kafka tells how the commit ended.
    """

    def __init__(
        self, settings: Settings, consumer: Consumer, metrics: Metrics, shutdown: Shutdown | None = None
    ) -> None:
        self._shutdown = shutdown or Shutdown(settings.serving.drain_timeout_s)
        self._settings = settings
        self._consumer = consumer
        self._metrics = metrics
        self._flights: deque[_Flight] = deque()
        self._arrived: dict[int, OutboxBatch] = {}
        self._committing: dict[int, OutboxBatch] = {}
        self._committing_since = 0.0
        self._clock = Clock(settings.serving.commit_interval_s)
        self._producer: Any = Producer(producer_config(settings, **{"linger.ms": 0}))

    @property
    def is_saturated(self) -> bool:
        """Whether so much waits for Kafka that no more should be scored."""
        return len(self._producer) > _MOST_UNACKNOWLEDGED

    @property
    def is_idle(self) -> bool:
        """Whether everything published is committed."""
        return not (self._flights or self._arrived or self._committing)

    def publish(self, answers: Iterable[OutboxBatch]) -> None:
        """Take answers over and send them."""
        for one in answers:
            self._flights.append(self._send(one))
            self._clock.start()
        self.tend()

    def tend(self) -> None:
        """Note what has arrived; commit when it is due."""
        self._producer.poll(0)
        self._note_arrivals()
        if not self._clock.is_due:
            return
        self._send_failed_again()
        if self._arrived and not self._committing:
            self._begin_commit()

    def commit_ended(self, error: Any) -> None:
        """Kafka tells how the commit under way ended."""
        tried, self._committing = self._committing, {}
        if not error:
            self._metrics.commit_seconds.observe(time.monotonic() - self._committing_since)
            return
        refused = permission_error(self._settings.kafka, error, "committing offsets")
        if refused is not None:
            raise refused
        log.warning("the offsets were not committed: %s", error.str())
        self._metrics.aborts.inc()
        self._arrived = tried | self._arrived
        self._clock.start()

    def settle(self, timeout_s: float) -> bool:
        """Commit everything taken over; False: it was not possible in time."""
        deadline = time.monotonic() + timeout_s
        while self._flights and time.monotonic() < deadline:
            self._producer.poll(_PAUSE_S)
            self._note_arrivals()
            self._send_failed_again()
        if self._flights:
            log.warning("Kafka has not acknowledged everything within %.0f s", timeout_s)
            return False
        return self.is_idle or self._commit_now(deadline)

    def forget(self, partitions: set[int]) -> None:
        """Stop answering for partitions that now belong to another worker."""
        self._flights = deque(one for one in self._flights if one.answers.partition not in partitions)
        for partition in partitions:
            self._arrived.pop(partition, None)
            self._committing.pop(partition, None)

    def close(self) -> None:
        """Let go of the producer; what is not committed will be answered again."""
        self._producer.flush(min(_FLUSH_TIMEOUT_S, self._shutdown.close_left_s))
        self._producer = None

    def _send(self, answers: OutboxBatch) -> _Flight:
        flight = _Flight(answers)
        try:
            send(self._producer, self._settings, answers, flight.reported)
        except KafkaException as error:
            flight.failure = error.args[0]
        return flight

    def _send_failed_again(self) -> None:
        """With what came after, so that a card's answers keep their order; former reports are void."""
        failure = next((flight.failure for flight in self._flights if flight.failure), None)
        if failure is None:
            return
        refused = permission_error(self._settings.kafka, failure, "writing predictions")
        if refused is not None:
            raise refused
        log.warning("Kafka did not take answers (%s); what is unacknowledged is sent again", failure.str())
        self._flights = deque(self._send(flight.answers) for flight in self._flights)
        self._clock.stop()
        self._clock.start()

    def _note_arrivals(self) -> None:
        arrived = []
        while self._flights and not (self._flights[0].missing or self._flights[0].failure):
            arrived.append(self._flights.popleft().answers)
        self._metrics.visible(arrived)
        self._arrived |= {one.partition: one for one in arrived}

    def _begin_commit(self) -> None:
        """Beside the scoring; the consumer calls `commit_ended` while it is polled."""
        self._clock.stop()
        self._committing, self._arrived = self._arrived, {}
        self._committing_since = time.monotonic()
        try:
            self._consumer.commit(offsets=self._offsets(self._committing), asynchronous=True)
        except KafkaException as error:
            self.commit_ended(error.args[0])
        if self._flights:
            self._clock.start()

    def _commit_now(self, deadline: float) -> bool:
        due = self._committing | self._arrived
        try:
            commit = partial(self._consumer.commit, offsets=self._offsets(due), asynchronous=False)
            # It waits for the group's coordinator for as long as that is away.
            call_within(max(0.0, deadline - time.monotonic()), commit)
        except (KafkaException, TimeoutError) as error:
            log.warning("the offsets were not committed: %s", error)
            self._metrics.aborts.inc()
            time.sleep(_PAUSE_S)
            return False
        self._committing, self._arrived = {}, {}
        self._clock.stop()
        return True

    def _offsets(self, answers: dict[int, OutboxBatch]) -> Any:
        return last_offsets(self._settings.topics.transactions, list(answers.values()))
