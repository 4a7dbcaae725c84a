"""The producer: payments, labels and the gateway's events.

The event loop hands messages to librdkafka, which waits for nothing. The thread `gateway-sender` polls for
delivery reports; it owns nothing, and calls back.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import msgspec
from confluent_kafka import KafkaException, Producer

from fraud.kafka.clients import producer_config
from fraud.schema import Label
from fraud.settings import Settings
from serving.gateway.events import GatewayEvent
from serving.gateway.metrics import GatewayMetrics
from serving.gateway.payments import Payment

log = logging.getLogger(__name__)

_MAX_QUEUED = 20_000
_POLL_S = 0.1
_CLOSE_TIMEOUT_S = 5.0

Delivered = Callable[[Any], None]
"""Called on the sender's thread with the error of a message, or None when Kafka has it."""


class QueueFullError(Exception):
    """The producer's queue is full: Kafka takes messages more slowly than they come."""


class Sender:
    """Sends without waiting; `start` before anything else."""

    def __init__(self, settings: Settings, metrics: GatewayMetrics) -> None:
        self._topics = settings.topics
        self._metrics = metrics
        extra = {"linger.ms": 0, "queue.buffering.max.messages": _MAX_QUEUED, "log_level": 2}
        self._producer = Producer(producer_config(settings, **extra))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway-sender", daemon=True)

    @property
    def producer(self) -> Any:
        """The client, for questions about the cluster."""
        return self._producer

    def start(self) -> None:
        """Start to poll for delivery reports."""
        self._thread.start()

    def stop(self) -> None:
        """Wait a few seconds for what is queued, and stop."""
        self._producer.flush(_CLOSE_TIMEOUT_S)
        self._stop.set()
        self._thread.join(_CLOSE_TIMEOUT_S)

    def send_payment(self, payment: Payment, body: bytes, delivered: Delivered) -> None:
        """Send a payment as it came, with its card as key and its time as Kafka's, as all payments are.

        Raises:
            QueueFullError: the queue is full.
        """
        topic, card = self._topics.transactions, payment.card_id
        self._send(topic, body, card, delivered, timestamp=payment.timestamp)

    def send_label(self, label: Label, headers: dict[str, str], delivered: Delivered) -> None:
        """Send a label.

        Raises:
            QueueFullError: the queue is full.
        """
        extra = {"timestamp": label.reported_at, "headers": headers}
        self._send(self._topics.labels, msgspec.json.encode(label), label.card_id, delivered, **extra)

    def send_event(self, event: GatewayEvent) -> None:
        """Send an event; one that cannot be sent is in the log."""
        try:
            value = msgspec.json.encode(event)
            self._send(self._topics.gateway_events, value, event.card_id, lambda _: None)
        except QueueFullError:
            log.warning("an event could not be sent, the queue to Kafka is full: %s", event.kind)

    def _send(self, topic: str, value: bytes, key: str, delivered: Delivered, **extra: Any) -> None:
        def on_delivery(error: Any, _: Any) -> None:
            if error is not None:
                self._metrics.undelivered.labels(topic).inc()
                log.warning("Kafka has not taken a message of %r: %s", topic, error.str())
            delivered(error)

        try:
            self._producer.produce(topic, value, key, on_delivery=on_delivery, **extra)
        except (BufferError, KafkaException) as error:
            self._metrics.undelivered.labels(topic).inc()
            raise QueueFullError(str(error)) from None

    def _run(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(_POLL_S)
