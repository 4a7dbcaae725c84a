"""A bare passthrough: what any program pays that reads, decodes, encodes and writes with Kafka's guarantees.

It has no features, no model and no decisions, but the clients, the settings and the delivery mode of the
engine. As a process (`python -m benchmarks.serving.harness.passthrough`) it runs until it is ended.
"""

import time
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from confluent_kafka import Consumer, Producer

from fraud.definitions.loading import load_definitions
from fraud.kafka.clients import producer_config
from fraud.messages.transaction import transaction_type
from fraud.schema import Prediction
from fraud.settings import Settings, load_settings
from serving.delivery.clients import KafkaTransactionClients
from serving.group_consumer import make_group_consumer, poll_batch

_TIMEOUT_S = 30


class Sink(Protocol):
    """Where predictions go, with the offsets of what they were made of."""

    def send(self, predictions: list[dict[str, Any]]) -> None:
        """Produce a micro-batch."""

    def commit(self) -> None:
        """Commit all that was sent."""

    def close(self) -> None:
        """Leave nothing open."""


class Passthrough:
    """Passes messages on, a micro-batch at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._decode: Any = msgspec.json.Decoder(transaction_type(load_definitions())).decode
        self._encode = msgspec.json.Encoder().encode
        self._consumer = make_group_consumer(settings, lambda error: None)
        is_exact = settings.serving.delivery == "exactly_once"
        self._sink: Sink = (_ExactlyOnce if is_exact else _AtLeastOnce)(settings, self._consumer)
        self._consumer.subscribe([settings.topics.transactions])
        self._uncommitted = 0
        self._committed_at = time.perf_counter()

    def pass_batch(self) -> int:
        """Pass on what is there; returns how many messages it was."""
        batch = poll_batch(self._consumer, self._settings)
        if batch:
            self._sink.send([self._pass(message.value()) for message in batch])
            self._uncommitted += len(batch)
        if time.perf_counter() - self._committed_at > self._settings.serving.commit_interval_s:
            self.commit()
        return len(batch)

    def commit(self) -> None:
        """Commit what was passed on since the last time."""
        if self._uncommitted:
            self._sink.commit()
        self._uncommitted, self._committed_at = 0, time.perf_counter()

    def close(self) -> None:
        """Leave the group."""
        self._sink.close()
        self._consumer.close()

    def _pass(self, value: bytes) -> dict[str, Any]:
        one = self._decode(value)
        prediction = Prediction(
            one.transaction_id, one.card_id, one.timestamp, 1, one.currency, 0.5, "approve", 0.9,
            "model", "1", 1, 1,
        )  # fmt: skip
        return {"key": one.card_id, "value": self._encode(prediction)}


class _ExactlyOnce:
    """Predictions and offsets in one transaction; the next one begins when it is committed."""

    def __init__(self, settings: Settings, consumer: Consumer) -> None:
        self._topic, self._consumer = settings.topics.predictions, consumer
        self._producer = KafkaTransactionClients(settings).make_producer(settings.serving.transactional_id)
        self._producer.init_transactions(_TIMEOUT_S)
        self._producer.begin_transaction()

    def send(self, predictions: list[dict[str, Any]]) -> None:
        self._producer.produce_batch(self._topic, predictions)

    def commit(self) -> None:
        positions = self._consumer.position(self._consumer.assignment())
        known = [position for position in positions if position.offset >= 0]
        self._producer.send_offsets_to_transaction(known, self._consumer.consumer_group_metadata())
        self._producer.commit_transaction(_TIMEOUT_S)
        self._producer.begin_transaction()

    def close(self) -> None:
        self._producer.abort_transaction(_TIMEOUT_S)


class _AtLeastOnce:
    """Offsets are committed when their predictions are acknowledged."""

    def __init__(self, settings: Settings, consumer: Consumer) -> None:
        self._topic, self._consumer = settings.topics.predictions, consumer
        self._producer = Producer(producer_config(settings, **{"linger.ms": 0}))

    def send(self, predictions: Sequence[dict[str, Any]]) -> None:
        self._producer.produce_batch(self._topic, list(predictions))
        self._producer.poll(0)

    def commit(self) -> None:
        positions = self._consumer.position(self._consumer.assignment())
        self._producer.flush(_TIMEOUT_S)
        known = [position for position in positions if position.offset >= 0]
        self._consumer.commit(offsets=known, asynchronous=True)

    def close(self) -> None:
        self._producer.flush(_TIMEOUT_S)


def main() -> None:
    """Pass on until the process is ended."""
    passthrough = Passthrough(load_settings())
    while True:
        passthrough.pass_batch()


if __name__ == "__main__":
    main()
