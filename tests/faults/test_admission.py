"""Senders with a wrong clock, and senders with another partitioner, while workers are killed."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from confluent_kafka import Producer

from fraud.kafka.clients import flush, producer_config
from fraud.settings import Settings
from tests.faults.conftest import CheckScene
from tests.faults.harness.scene import Scene, scene
from tests.fraud.kafka.topic_changes import alter_topic
from tests.serving.world import BASE_MS, DAY_MS, predictions, transaction, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(200)]

FAR_MS = BASE_MS + 10 * 365 * DAY_MS


def allow_any_time(settings: Settings) -> None:
    """The topic takes timestamps of any year, as before Kafka 4."""
    alter_topic(settings, settings.topics.transactions, "message.timestamp.after.max.ms", str(2**63 - 1))


def far_payments(many: int) -> Iterator[dict[str, object]]:
    """Payments of 2035, and some a month ahead, of cards that pay rightly too."""
    for number in range(many):
        ahead = FAR_MS if number % 3 else BASE_MS + 30 * DAY_MS
        yield transaction(number, transaction_id=f"far-{number}", timestamp=ahead + number)


def by_crc32(settings: Settings, first: int) -> Iterator[dict[str, object]]:
    """A hundred payments of the cards of the load, of about now."""
    now = max(one.timestamp for one in predictions(settings))
    for number in range(first, first + 100):
        yield transaction(
            number, transaction_id=f"crc-{number}", card_id=f"card-{number % 40}", timestamp=now + number
        )


def produce(settings: Settings, events: Iterator[dict[str, object]], **config: object) -> None:
    producer = Producer(producer_config(settings, **config))
    for event in events:
        content = json.dumps({name: value for name, value in event.items() if value is not None})
        time = event["timestamp"]
        assert isinstance(time, int)
        producer.produce(settings.topics.transactions, content, str(event["card_id"]), timestamp=time)
    flush(producer, 30)


def kill_twice(made: Scene) -> float:
    return max(made.kill_and_restart(made.workers[0]) for _ in range(2))


def test_clocks_that_are_years_ahead_and_a_kill(fault_settings: Settings, check_scene: CheckScene) -> None:
    with scene(fault_settings) as made:
        # when payments of 2035 come among the others, also in the transaction that is cut off
        allow_any_time(fault_settings)
        produce(fault_settings, far_payments(60))
        seconds = made.kill_and_restart(made.workers[0])
        produce(fault_settings, far_payments(90))
        seconds = max(seconds, kill_twice(made))

        # then the partitions go on, and the far ones alone are refused
        check_scene(made, "payments of 2035 on a topic that takes any time, kill -9 three times", seconds)
        served = {one.transaction_id for one in predictions(fault_settings) if one.timestamp < FAR_MS}
        assert len(served) > 1_000
        assert not any(one.timestamp >= FAR_MS for one in predictions(fault_settings))


def test_senders_with_different_partitioners_and_a_kill(
    fault_settings: Settings, check_scene: CheckScene
) -> None:
    with scene(fault_settings) as made:
        # when another sender partitions by CRC32
        numbers = count(step=100)

        def is_seen() -> bool:
            produce(fault_settings, by_crc32(fault_settings, next(numbers)), partitioner="consistent_random")
            return made.workers[0].counted('fraud_keys_total{kind="crc32"}') > 0

        wait_for(is_seen, 30, every_s=0.5)
        seconds = kill_twice(made)

        # then each partition is consistent
        check_scene(made, "a sender with CRC32 beside murmur2, kill -9 twice", seconds)
