"""The load during a fault, and the watch on the predictions."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, flush, producer_config
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.serving.world import BASE_MS, disorderly, profiles, wait_for

PARTITIONS = 3
MERCHANTS = tuple(f"merchant-{number}" for number in range(9))
POISON = (b"not json", b"", b"\xff\xfe", b"{}", b"[" * 2_000, b'{"transaction_id": "x", "amount": "-5"}')
_EVERY_S = 0.1
_AT_ONCE = 25
_POISON_EVERY = 5
_PROFILES_EVERY = 60
Position = tuple[int, int]


class Load:
    """Some 250 transactions a second from another thread: late, out of order, repeated, poison among them.

    They have the fields of `tests.definitions.EXTENDED`, which the shipped definitions skip. `sent_at` is
    when a transaction was sent first, on the monotonic clock; `acknowledged` has the content of every
    message that Kafka acknowledged, by its partition and offset.

    Every few seconds a new version of the merchant profiles is published.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._producer: Any = Producer(producer_config(settings, **{"message.timeout.ms": 0}))
        self._profile_version = 0
        self.sent_at: dict[str, float] = {}
        self.acknowledged: dict[Position, bytes | None] = {}
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def poison(self, count: int, messages: Sequence[bytes | None] = POISON) -> None:
        """Send a flood of messages that cannot be admitted."""
        for number in range(count):
            self._produce(messages[number % len(messages)], f"card-{number % 40}", BASE_MS)
        self._producer.poll(0)

    def stop(self) -> None:
        """Stop sending; afterwards everything is acknowledged."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            flush(self._producer, 120)

    def _send(self) -> None:
        round_number = 0
        while not self._stop.wait(_EVERY_S):
            for event in disorderly(_AT_ONCE, round_number * _AT_ONCE):
                event |= further_fields(event["transaction_id"])
                self.sent_at.setdefault(event["transaction_id"], time.monotonic())
                content = json.dumps({name: value for name, value in event.items() if value is not None})
                self._produce(content.encode(), event["card_id"], event["timestamp"])
            if round_number % _POISON_EVERY == 0:
                self.poison(1)
            if round_number % _PROFILES_EVERY == 0:
                self._publish_profiles()
            round_number += 1
            self._producer.poll(0)

    def _produce(self, content: bytes | None, card: str, timestamp: int) -> None:
        topic = self._settings.topics.transactions
        self._producer.produce(topic, content, card, timestamp=timestamp, on_delivery=self._note)

    def _note(self, error: object, message: Any) -> None:
        if error is None:
            self.acknowledged[message.partition(), message.offset()] = message.value()

    def _publish_profiles(self) -> None:
        day = date(2025, 10, 1) + timedelta(days=self._profile_version)
        for profile in profiles(day.isoformat(), MERCHANTS, self._profile_version):
            content = msgspec.json.encode(profile)
            self._producer.produce(self._settings.topics.profiles, content, profile.merchant_id)
        self._profile_version += 1


def further_fields(transaction_id: str) -> dict[str, Any]:
    """The fields that only `tests.definitions.EXTENDED` declares."""
    choice = random.Random(transaction_id)
    return {
        "device": {"fingerprint": f"device-{choice.randrange(60)}"} if choice.random() < 0.9 else None,
        "ip_country": choice.choice(["DE", "FR", None]),
        "entry_mode": choice.choice(["chip", "keyed", None]),
    }


class PredictionWatch:
    """Follows the committed predictions: when scoring resumed, with which models and definitions.

    `arrived_at` is when a transaction's prediction could be read first, on the monotonic clock.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scored_at = dict.fromkeys(range(PARTITIONS), 0)
        self.versions: set[str] = set()
        self.definitions: Counter[str | None] = Counter()
        self.arrived_at: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def seconds_until_all_score(self, since: float, timeout_s: float = 120.0) -> float:
        """Seconds from the time `since` until every partition has a committed prediction made later."""
        wait_for(lambda: min(self._scored_at.values()) > since * 1_000, timeout_s)
        return time.time() - since

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = Consumer(consumer_config(self._settings, "watch", log_level=0))
        topic = self._settings.topics.predictions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        while not self._stop.is_set():
            for message in consumer.consume(10_000, 0.05):
                if message.error() is None:
                    made = msgspec.json.decode(message.value(), type=Prediction)
                    self._scored_at[message.partition()] = made.scored_at
                    self.versions.add(made.model_version)
                    self.definitions[made.definitions] += 1
                    self.arrived_at.setdefault(made.transaction_id, time.monotonic())
        consumer.close()
