"""Exactly once: two producers take turns, and what one could not commit comes before what the other has."""

import math
import time
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, producer_config
from fraud.settings import Settings
from serving.delivery.exactly_once import ExactlyOnce
from serving.delivery.protocol import OutboxBatch
from serving.ops.metrics import Metrics
from tests.serving.world import read_all

pytestmark = pytest.mark.broker

PARTITION = 0
PATIENCE_S = 30


class World:
    """A delivery with a consumer that is a member of the group."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.consumer = Consumer(consumer_config(settings, settings.serving.group_id))
        self.consumer.subscribe([settings.topics.transactions])
        self.go_round_until(lambda: bool(self.consumer.assignment()))
        self.name = f"{settings.serving.transactional_id}-test"
        self.delivery = ExactlyOnce(settings, self.consumer, self.name, self.metrics)

    def close(self) -> None:
        self.consumer.close()
        self.delivery.close()

    def go_round_until(self, is_over: Callable[[], bool], then: Callable[[], None] = lambda: None) -> None:
        """Poll as the engine does when nothing new comes."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_over():
            assert time.monotonic() < deadline
            self.consumer.consume(1, 0.01)
            then()

    def poll_until_idle(self) -> None:
        self.go_round_until(lambda: self.delivery.is_idle, self.delivery.poll)

    def enqueue_during_a_commit(self, batch: OutboxBatch) -> None:
        """Publish when the commit of what was published before has begun."""
        self.go_round_until(lambda: self.delivery._committing is not None, self.delivery.poll)
        self.delivery.enqueue([batch])

    def fence(self, name: str) -> None:
        """Take a transactional.id over, as a successor would."""
        usurper = Producer(producer_config(self.settings, **{"transactional.id": name}))
        usurper.init_transactions(30)

    def committed(self) -> int:
        """The group's offset."""
        wanted = TopicPartition(self.settings.topics.transactions, PARTITION)
        (found,) = self.consumer.committed([wanted], timeout=10)
        return int(found.offset)

    def visible(self) -> list[int]:
        """The numbers of the committed predictions, in their order."""
        found = read_all(self.settings, self.settings.topics.predictions)
        return [msgspec.json.decode(message.value()) for message in found]


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    made = World(settings)
    yield made
    made.close()


def batch_from(start: int) -> OutboxBatch:
    """Ten messages, whose predictions are their offsets."""
    numbers = range(start, start + 10)
    predictions = [{"key": "card-1", "value": str(number).encode()} for number in numbers]
    return OutboxBatch(
        PARTITION, start, start + 10, 1, predictions, [], np.full(10, int(time.time() * 1_000))
    )


def test_what_comes_during_a_commit_follows_it(world: World) -> None:
    # given a transaction that is being committed
    world.delivery.enqueue([batch_from(0)])
    # when more comes
    world.enqueue_during_a_commit(batch_from(10))
    world.poll_until_idle()
    # then it follows
    assert world.visible() == [*range(20)]
    assert world.committed() == 20


def test_a_commit_is_due_when_the_interval_says_but_not_during_another(world: World) -> None:
    # given nothing, a batch, and a transaction that is being committed while another batch waits
    due = [world.delivery.due_in_s]
    world.delivery.enqueue([batch_from(0)])
    due.append(world.delivery.due_in_s)
    world.enqueue_during_a_commit(batch_from(10))
    is_committing = world.delivery._committing is not None
    due.append(world.delivery.due_in_s if is_committing else math.inf)
    # then the engine may wait for messages for so long
    assert due[0] == math.inf
    assert 0 <= due[1] <= world.settings.serving.commit_interval_s
    assert due[2] == math.inf


@pytest.mark.parametrize("suffix", ["", ".b"], ids=["the first", "the second"])
def test_a_producer_that_was_fenced_costs_nothing_but_time(world: World, suffix: str) -> None:
    # given a transaction whose producer another takes over, and one after it
    world.delivery.enqueue([batch_from(0)])
    world.fence(world.name + suffix)
    world.enqueue_during_a_commit(batch_from(10))
    # when nothing more comes
    world.poll_until_idle()
    # then both are committed, once and in their order
    assert world.visible() == [*range(20)]
    assert world.committed() == 20


def test_what_goes_to_another_worker_is_not_committed_here(world: World) -> None:
    # given a transaction that was fenced, and one after it
    world.delivery.enqueue([batch_from(0)])
    world.fence(world.name)
    world.enqueue_during_a_commit(batch_from(10))
    # when their partition is revoked
    world.delivery.discard({PARTITION})
    # then there is nothing to commit
    assert world.delivery.is_idle
    assert world.visible() == []
    assert world.committed() < 0


def test_what_was_forgotten_does_not_come_with_the_next_transaction(world: World) -> None:
    # given a batch in an open transaction, whose partition is revoked
    world.delivery.enqueue([batch_from(0)])
    world.delivery.discard({PARTITION})
    # when others follow
    world.delivery.enqueue([batch_from(10)])
    world.poll_until_idle()
    # then they are alone
    assert world.visible() == [*range(10, 20)]
