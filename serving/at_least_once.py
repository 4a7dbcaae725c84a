"""At least once: answers leave at once, positions are committed after they were acknowledged.

After a crash the messages since the last commit are answered again, with the same transaction_id.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from fraud.kafka import producer_config
from fraud.settings import Settings
from serving.delivery import Answers, Clock, last_offsets
from serving.metrics import Metrics
from serving.sending import send, wait_until_sent

log = logging.getLogger(__name__)

_FLUSH_TIMEOUT_S = 5.0


class AtLeastOnce:
    """Delivers through an idempotent producer."""

    def __init__(self, settings: Settings, consumer: Consumer, metrics: Metrics) -> None:
        self._settings = settings
        self._consumer = consumer
        self._metrics = metrics
        self._sent: list[Answers] = []
        self._failures = 0
        self._clock = Clock(settings.serving.commit_interval_s)
        config = {"delivery.report.only.error": True, "on_delivery": self._not_delivered, "linger.ms": 1}
        self._producer: Any = Producer(producer_config(settings, **config))

    @property
    def is_saturated(self) -> bool:
        """Never: a commit waits for the acknowledgements."""
        return False

    @property
    def is_idle(self) -> bool:
        """Whether everything published is committed."""
        return not self._sent

    def publish(self, answers: Iterable[Answers]) -> None:
        """Take answers over and send them."""
        for one in answers:
            self._send(one)
            self._sent.append(one)
            self._clock.start()
        self.tend()

    def tend(self) -> None:
        """Commit when it is due."""
        self._producer.poll(0)
        if self._sent and self._clock.is_due:
            self.settle(_FLUSH_TIMEOUT_S)

    def settle(self, timeout_s: float) -> bool:
        """Commit everything taken over; False: it was not possible in time."""
        begun = time.monotonic()
        if not self._sent:
            return True
        if not wait_until_sent(self._producer, timeout_s):
            log.warning("Kafka has not acknowledged everything within %.0f s; still waiting", timeout_s)
            return False
        if self._failures:
            self._send_again()
            return False
        is_committed = self._commit()
        self._metrics.commit_seconds.observe(time.monotonic() - begun)
        return is_committed

    def forget(self, partitions: set[int]) -> None:
        """Stop answering for partitions that now belong to another worker."""
        self._sent = [one for one in self._sent if one.partition not in partitions]

    def close(self) -> None:
        """Let go of the producer; what is not committed will be answered again."""
        self._producer.flush(_FLUSH_TIMEOUT_S)
        self._producer = None

    def _commit(self) -> bool:
        offsets = last_offsets(self._settings.topics.transactions, self._sent)
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("the offsets were not committed: %s", error.args[0].str())
            self._metrics.aborts.inc()
            self._clock.start()
            return False
        self._metrics.visible(self._sent)
        self._sent = []
        self._clock.stop()
        return True

    def _send_again(self) -> None:
        log.warning("%d messages were not delivered; everything uncommitted is sent again", self._failures)
        self._failures = 0
        for one in self._sent:
            self._send(one)

    def _send(self, answers: Answers) -> None:
        try:
            send(self._producer, self._settings, answers)
        except KafkaException as error:
            log.warning("producing failed: %s", error.args[0].str())
            self._failures += len(answers)

    def _not_delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._failures += 1
