"""Messages for tests: transactions with the accidents of real streams, and labels on them."""

import json
import random
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from fraud.definitions.features import DAY_MS
from fraud.kafka.clients import flush, producer_config
from fraud.settings import Settings

START_MS = 1_700_006_400_000
"""2023-11-15T00:00:00Z."""


def transaction(number: int, time_ms: int, **changes: Any) -> dict[str, Any]:
    """A transaction as it travels; `number` names it and picks its card and merchant."""
    wire = {
        "transaction_id": f"t{number}",
        "card_id": f"card-{number % 7}",
        "merchant_id": f"merchant-{number % 5}",
        "amount": f"{(number * 37) % 500 + 1}.25",
        "currency": "EUR",
        "timestamp": time_ms,
        "merchant_category": f"category-{number % 3}",
        "country": "FR" if number % 11 else "BR",
    }
    return wire | changes


def label(number: int, reported_at: int, *, is_fraud: bool = True) -> dict[str, Any]:
    """A label of the transaction of that number."""
    return {
        "transaction_id": f"t{number}",
        "card_id": f"card-{number % 7}",
        "is_fraud": is_fraud,
        "reported_at": reported_at,
        "source": "chargeback",
    }


def accidental_stream(count: int, days: float, seed: int = 5) -> list[dict[str, Any]]:
    """Transactions in arrival order: some late, some out of order, some delivered twice."""
    draw = random.Random(seed)
    step = int(days * DAY_MS / count)
    stream: list[dict[str, Any]] = []
    for number in range(count):
        time_ms = START_MS + number * step
        accident = draw.random()
        if accident < 0.05:
            time_ms -= draw.randrange(DAY_MS)  # late
        elif accident < 0.15:
            time_ms -= draw.randrange(60_000)  # out of order
        stream.append(transaction(number, max(START_MS, time_ms), card_id=f"card-{draw.randrange(7)}"))
        if draw.random() < 0.05:
            stream.append(stream[-draw.randrange(1, min(30, len(stream)) + 1)])  # delivered again
    return stream


def produce(settings: Settings, topic: str, values: Iterable[dict[str, Any] | bytes]) -> None:
    """Put the messages on the topic, keyed by card, with their time as Kafka's."""
    producer = Producer(producer_config(settings))
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    for value in values:
        known = {"card_id": "card-0", "timestamp": START_MS} if isinstance(value, bytes) else value
        text = value if isinstance(value, bytes) else json.dumps(value)
        time_ms = known.get("timestamp", known.get("reported_at"))
        producer.produce(topic, text, key=known["card_id"], timestamp=time_ms, on_delivery=delivered)
        producer.poll(0)
    flush(producer, 30)
    assert not failures
