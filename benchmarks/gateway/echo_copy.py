"""Copies every message of `transactions` to `fraud_predictions`, at once; runs as its own process.

Exactly once it does what the engine does: two transactional producers take turns, so that copying goes on
while one of them commits, and positions are part of the transaction.
"""

import threading
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, producer_config
from fraud.settings import Settings, load_settings

_IDLE_S = 0.005
_TIMEOUT_S = 30.0


class Copy:
    """At least once: what was produced is not waited for, and no position is stored."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.predictions
        self._producer = Producer(producer_config(settings, **{"linger.ms": 0}))

    def take(self, messages: Sequence[Any]) -> None:
        """Copy messages, of which there may be none."""
        for message in messages:
            self._producer.produce(self._topic, message.value(), message.key())
        self._producer.poll(0)


class ExactlyOnceCopy:
    """In transactions that are committed after the interval of the settings."""

    def __init__(self, settings: Settings, consumer: Consumer) -> None:
        self._topic, self._consumer = settings.topics.predictions, consumer
        self._interval_s = settings.serving.commit_interval_s
        self._active, self._standby = (_transactional(settings, name) for name in ("echo.a", "echo.b"))
        self._committing: threading.Thread | None = None
        self._since: float | None = None
        self._positions: dict[tuple[str, int], int] = {}

    def take(self, messages: Sequence[Any]) -> None:
        """Copy messages, of which there may be none, and commit when it is time."""
        for message in messages:
            if self._since is None:
                self._active.begin_transaction()
                self._since = time.monotonic()
            self._active.produce(self._topic, message.value(), message.key())
            self._positions[message.topic(), message.partition()] = message.offset() + 1
        is_free = self._committing is None or not self._committing.is_alive()
        if is_free and self._since is not None and time.monotonic() - self._since >= self._interval_s:
            self._start_commit()

    def _start_commit(self) -> None:
        positions = [TopicPartition(*place, offset) for place, offset in self._positions.items()]
        group = self._consumer.consumer_group_metadata()
        self._committing = threading.Thread(target=_commit, args=(self._active, positions, group))
        self._committing.start()
        self._active, self._standby = self._standby, self._active
        self._since, self._positions = None, {}


def _transactional(settings: Settings, name: str) -> Producer:
    producer = Producer(producer_config(settings, **{"linger.ms": 0, "transactional.id": name}))
    producer.init_transactions(_TIMEOUT_S)
    return producer


def _commit(producer: Producer, positions: Sequence[TopicPartition], group: object) -> None:
    producer.send_offsets_to_transaction(list(positions), group, _TIMEOUT_S)
    producer.commit_transaction(_TIMEOUT_S)


def main(
    exactly_once: Annotated[bool, typer.Option(help="As the engine delivers, in transactions.")] = False,
) -> None:
    """Copy until the process ends."""
    settings = load_settings()
    consumer, topic = Consumer(consumer_config(settings, "echo-copy")), settings.topics.transactions
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    found = [TopicPartition(topic, number) for number in partitions]
    for one in found:
        _, one.offset = consumer.get_watermark_offsets(one, timeout=10)
    consumer.assign(found)
    copy = ExactlyOnceCopy(settings, consumer) if exactly_once else Copy(settings)
    while True:
        messages = consumer.consume(1, _IDLE_S)
        if messages:
            messages += consumer.consume(5_000, 0)
        copy.take([one for one in messages if one.error() is None])


if __name__ == "__main__":
    typer.run(main)
