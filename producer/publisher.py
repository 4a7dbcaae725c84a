"""Sends tables to Kafka: idempotently, in order, keyed by card, stamped with event time."""

import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from fraud.errors import UnreachableError
from fraud.kafka import flush, producer_config
from fraud.settings import Settings

_IN_FLIGHT = 200_000
_BATCH = 50_000
"""Together less than `queue.buffering.max.messages`, so that the client always has room for a batch."""


class Publisher:
    """A producer that stops at the first message Kafka does not take.

    Messages of one card arrive in the order of sending; memory is bounded by what is in flight.
    """

    def __init__(self, settings: Settings, **extra: Any) -> None:
        self._patience_s = max(30.0, 3 * settings.kafka.request_timeout_s)
        config = {"delivery.report.only.error": True} | extra
        self._producer = Producer(producer_config(settings, **config))
        self._fault: str | None = None

    def send(
        self, topic: str, keys: Sequence[str], values: Sequence[bytes], timestamps: Sequence[int]
    ) -> None:
        """Queue messages; `timestamps` are in ms.

        Raises:
            UnreachableError: Kafka has not taken an earlier message, or takes none any more.
        """
        produce, delivered = self._producer.produce, self._delivered
        for number, (key, value, time_ms) in enumerate(zip(keys, values, timestamps, strict=True)):
            if number % _BATCH == 0:
                self._make_room()
            produce(topic, value, key, on_delivery=delivered, timestamp=time_ms)

    def poll(self, timeout_s: float) -> None:
        """Serve the client for a while.

        Raises:
            UnreachableError: Kafka has not taken a message.
        """
        self._producer.poll(timeout_s)
        if self._fault:
            raise UnreachableError(f"Kafka did not take a message: {self._fault}")

    def flush(self) -> None:
        """Wait until everything is acknowledged.

        Raises:
            UnreachableError: some of it was not.
        """
        flush(self._producer, self._patience_s)
        self.poll(0)

    def _make_room(self) -> None:
        """Wait until a batch fits."""
        left, since = len(self._producer), time.monotonic()
        self.poll(0)
        while len(self._producer) > _IN_FLIGHT:
            self.poll(0.05)
            if len(self._producer) < left:
                left, since = len(self._producer), time.monotonic()
            elif time.monotonic() - since > self._patience_s:
                raise UnreachableError(f"Kafka took nothing for {self._patience_s:.0f} s; is it up?")

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self._fault is None:
            self._fault = error.str()
