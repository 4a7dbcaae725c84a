"""At least once: what is acknowledged is committed while scoring goes on, and nothing after what is not."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.settings import Settings
from serving.delivery.at_least_once import AtLeastOnce
from serving.delivery.protocol import OutboxBatch
from serving.ops.metrics import Metrics

pytestmark = pytest.mark.broker

PARTITION = 0
LARGER_THAN_KAFKA_TAKES = b"x" * 2_000_000


class World:
    """A delivery with the consumer that commits for it."""

    delivery: AtLeastOnce

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        config = {"on_commit": lambda error, _: self.delivery.on_commit(error)}
        self.consumer = Consumer(consumer_config(settings, settings.serving.group_id, **config))
        self.consumer.assign([TopicPartition(settings.topics.transactions, PARTITION, 0)])
        self.delivery = AtLeastOnce(settings, self.consumer, self.metrics)

    def committed(self) -> int:
        """The group's offset."""
        wanted = TopicPartition(self.settings.topics.transactions, PARTITION)
        (found,) = self.consumer.committed([wanted], timeout=10)
        return int(found.offset)

    def visible(self) -> float:
        """How many predictions are counted as acknowledged."""
        return sum(value for _, value in self.metrics.samples("fraud_end_to_end_seconds_count"))

    def poll_until(self, is_over: Callable[[], bool]) -> None:
        """Go round as the engine does when nothing new comes."""
        deadline = time.monotonic() + 30
        while not is_over():
            assert time.monotonic() < deadline
            self.consumer.consume(1, 0.01)
            self.delivery.poll()


def batch_from(start: int, value: bytes = b"{}") -> OutboxBatch:
    """Ten messages, whose predictions are `value`."""
    predictions = [{"key": "card-1", "value": value} for _ in range(10)]
    arrived = np.full(10, int(time.time() * 1_000))
    return OutboxBatch(PARTITION, start, start + 10, 1, predictions, [], arrived)


def test_positions_are_committed_after_acknowledgement_without_waiting(settings: Settings) -> None:
    # given two batches in flight
    world = World(settings)
    world.delivery.enqueue([batch_from(0), batch_from(10)])
    # when the engine goes on
    world.poll_until(lambda: world.delivery.is_idle)
    # then they are committed, and counted once
    assert world.committed() == 20
    assert world.visible() == 20


def test_nothing_after_a_prediction_that_kafka_refuses_is_committed(settings: Settings) -> None:
    # given a batch that Kafka refuses between two that it takes
    world = World(settings)
    world.delivery.enqueue([batch_from(0), batch_from(10, LARGER_THAN_KAFKA_TAKES), batch_from(20)])
    # when everything has had its time
    world.poll_until(lambda: world.committed() >= 10)
    is_settled = world.delivery.flush(1.0)
    # then what is before it is committed, and no more
    assert not is_settled
    assert world.committed() == 10
    assert not world.delivery.is_idle


def test_what_waits_behind_a_refused_prediction_is_limited(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a batch that Kafka refuses, and as many after it, which Kafka takes, as may wait
    monkeypatch.setattr("serving.delivery.at_least_once._MAX_UNACKNOWLEDGED", 25)
    world = World(settings)
    world.delivery.enqueue([batch_from(0, LARGER_THAN_KAFKA_TAKES), batch_from(10)])
    assert not world.delivery.is_saturated
    # when one more comes, then nothing more is to be scored, although Kafka has it
    world.delivery.enqueue([batch_from(20)])
    world.poll_until(lambda: not len(world.delivery._producer))
    assert world.delivery.is_saturated


def test_what_kafka_refuses_is_sent_again_less_and_less_often(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # given a batch that Kafka refuses each time
    world, started = World(settings), time.monotonic()
    world.delivery.enqueue([batch_from(0, LARGER_THAN_KAFKA_TAKES)])
    # when it is sent for the seventh time, then that took the pauses before, each twice as long as the last
    world.poll_until(lambda: caplog.text.count("sent again") >= 7)
    assert time.monotonic() - started > 0.05 * (2**6 - 1)


def test_what_goes_to_another_worker_is_not_committed_here(settings: Settings) -> None:
    # given a batch in flight, and no poll since it was produced
    world = World(settings)
    world.delivery.enqueue([batch_from(0)])
    # when its partition is revoked
    world.delivery.discard({PARTITION})
    # then there is nothing to commit
    assert world.delivery.flush(5.0)
    assert world.committed() < 0
