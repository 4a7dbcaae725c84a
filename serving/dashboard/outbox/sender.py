"""Sends messages that are pending in the store until Kafka has them, after a restart too.

Of several replicas one has a message leased; what a replica could not send another one sends after the lease,
so that a message may be sent twice, with the same id.
"""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Producer

from fraud.kafka.clients import producer_config
from fraud.kafka.errors import call_failed
from fraud.settings import Settings

log = logging.getLogger(__name__)
LEASE_MS = 30_000
"""Longer than a message waits for Kafka."""
MOST_AT_ONCE = 500

_LOOK_S = 1.0
_RETRY_S = 15.0
_DELIVERY_TIMEOUT_MS = 10_000
_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class PendingMessage:
    """A message with the number of its row; `at` is its time in ms UTC."""

    seq: int
    key: str
    value: bytes
    at: int


class OutboxSender(ABC):
    """Sends on a thread of its own, which owns the producer.

    Args:
        settings: name Kafka.
        topic: that the messages go to.
        name: of the messages in the log.
        thread: its name.

    Attributes:
        problem: why the last messages that were due have not been sent; empty if they have.
    """

    def __init__(self, settings: Settings, topic: str, name: str, *, thread: str) -> None:
        self._settings = settings
        self._topic = topic
        self._name = name
        self.problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=thread, daemon=True)

    @abstractmethod
    def lease(self) -> list[PendingMessage]:
        """Messages that are due, oldest first, which no other replica sends at the same time."""

    @abstractmethod
    def release(self, delivered: Sequence[int], failed: Sequence[int]) -> None:
        """Store which rows Kafka has, and end the lease of the others."""

    def start(self) -> None:
        """Start to send, first what is pending from before."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is pending waits for the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)  # it may wait for a silent Kafka

    def _run(self) -> None:
        producer, pause_s = self._producer(), 0.0
        while not self._stop.wait(pause_s):
            try:
                pause_s = _LOOK_S if self._send_due(producer) else _RETRY_S
            except Exception:
                log.exception("%s could not be sent; trying again", self._name)
                producer, pause_s = self._producer(), _RETRY_S

    def _producer(self) -> Producer:
        extra = {"log_level": 2, "linger.ms": 0, "message.timeout.ms": _DELIVERY_TIMEOUT_MS}
        return Producer(producer_config(self._settings, **extra))

    def _send_due(self, producer: Producer) -> bool:
        """Send what is due; returns whether Kafka has all of it."""
        due, arrived, problems = self.lease(), set[int](), set[str]()
        for message in due:
            self._enqueue(producer, message, arrived, problems)
        while len(producer) and not self._stop.is_set():
            producer.flush(0.5)  # until each is delivered or has timed out
        if due:
            sent = [one.seq for one in due]
            self.release([one for one in sent if one in arrived], [one for one in sent if one not in arrived])
            self.problem = "; ".join(sorted(problems))
        if problems:
            log.warning("%d %s wait: %s", len(due) - len(arrived), self._name, self.problem)
        return len(arrived) == len(due)

    def _enqueue(
        self, producer: Producer, message: PendingMessage, arrived: set[int], problems: set[str]
    ) -> None:
        def on_delivery(error: Any, _: object) -> None:
            if error is None:
                arrived.add(message.seq)
            else:
                problems.add(str(call_failed(self._settings.kafka, error, f"writing to {self._topic}")))

        producer.produce(
            self._topic, message.value, message.key, timestamp=message.at, on_delivery=on_delivery
        )
