"""A delivery on Kafka in memory, and the moves that its transactions make."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from fraud.settings import Settings
from serving.delivery import transactions
from serving.delivery.exactly_once import ExactlyOnce
from serving.delivery.protocol import OutboxBatch
from serving.delivery.transaction_state import OutboxTransaction, TransactionState
from serving.ops.metrics import Metrics
from serving.ops.shutdown import Shutdown
from tests.serving.delivery.fake_kafka import FakeKafka, FakeMember
from tests.serving.world import wait_for

Move = tuple[TransactionState, TransactionState]
PATIENCE_S = 10.0


class TimeLeft(Shutdown):
    """As much time to drain and to close as the test says."""

    def __init__(self) -> None:
        super().__init__(PATIENCE_S)
        self.drain_s = self.close_s = PATIENCE_S

    @property
    def drain_remaining_s(self) -> float:
        return self.drain_s

    @property
    def close_remaining_s(self) -> float:
        return self.close_s


@dataclass
class World:
    """A delivery on Kafka in memory."""

    kafka: FakeKafka
    member: FakeMember
    delivery: ExactlyOnce
    metrics: Metrics
    time_left: TimeLeft
    sent: list[bytes] = field(default_factory=list)

    def enqueue(self, start: int, partition: int = 0) -> None:
        """Ten messages of a partition from an offset on, answered with their offsets."""
        values = [f"{partition}:{offset}".encode() for offset in range(start, start + 10)]
        predictions = [{"key": "card-1", "value": value} for value in values]
        times = np.zeros(10, dtype=np.int64)
        self.delivery.enqueue([OutboxBatch(partition, start, start + 10, 1, predictions, [], times)])
        self.sent += values

    def poll_until_idle(self) -> None:
        """Go round as the engine does when nothing new comes."""

        def is_idle_after_a_poll() -> bool:
            self.delivery.poll()
            return self.delivery.is_idle

        wait_for(is_idle_after_a_poll, PATIENCE_S, every_s=0.001)

    def counted(self, name: str) -> float:
        """The value of a metric."""
        return sum(value for _, value in self.metrics.samples(name))

    def assert_exactly_once(self) -> None:
        assert self.delivery.is_idle
        assert self.kafka.visible == self.sent
        assert self.kafka.offsets == {0: len(self.sent)}


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> list[Move]:
    """Every move of every transaction, in order."""
    found: list[Move] = []
    move_to = OutboxTransaction.move_to

    def recorded(transaction: OutboxTransaction, state: TransactionState) -> None:
        before = transaction.state
        move_to(transaction, state)
        found.append((before, state))

    monkeypatch.setattr(OutboxTransaction, "move_to", recorded)
    return found


@pytest.fixture
def world(local_settings: Settings, monkeypatch: pytest.MonkeyPatch, moves: list[Move]) -> Iterator[World]:
    monkeypatch.setattr(transactions, "PAUSE_S", 0.001)
    kafka, member, metrics, time_left = FakeKafka(), FakeMember(), Metrics(), TimeLeft()
    delivery = ExactlyOnce(local_settings, member, "id", metrics, time_left, clients=kafka)
    yield World(kafka, member, delivery, metrics, time_left)
    delivery.close()
