"""What a revoked partition leaves behind; `test_engine.py` has the engine on a real broker."""

from dataclasses import dataclass, field

import pytest
from confluent_kafka import TopicPartition

from serving.delivery.protocol import PositionsMovedError
from serving.engine import Engine
from serving.ops.shutdown import Shutdown

REVOKED = [TopicPartition("transactions", 1)]


@dataclass
class Calls:
    """The delivery and the partitions of an engine, which note how they are called."""

    flushes: bool | PositionsMovedError
    made: list[str] = field(default_factory=list)

    def flush(self, timeout_s: float) -> bool:
        self.made.append("flush")
        if isinstance(self.flushes, PositionsMovedError):
            raise self.flushes
        return self.flushes

    def discard(self, partitions: set[int]) -> None:
        self.made.append(f"discard {partitions}")

    def restore_again(self, partitions: set[int]) -> None:
        self.made.append(f"restore {partitions}")

    def release(self, partitions: set[int]) -> None:
        self.made.append(f"release {partitions}")


def _engine(calls: Calls) -> Engine:
    engine = Engine.__new__(Engine)
    engine._delivery = engine._partitions = calls  # type: ignore[assignment]
    engine._shutdown = Shutdown(30.0)
    return engine


@pytest.mark.parametrize(
    ("flushes", "timeout_s", "expected"),
    [
        (True, 10.0, ["flush", "release {1}"]),
        (False, 10.0, ["flush", "discard {1}", "release {1}"]),
        (True, 0.0, ["discard {1}", "release {1}"]),
        (PositionsMovedError({0}), 10.0, ["flush", "restore {0}", "discard {1}", "release {1}"]),
    ],
    ids=["committed", "not in time", "lost", "another partition was moved"],
)
def test_what_is_not_committed_of_a_revoked_partition_is_discarded(
    flushes: bool | PositionsMovedError, timeout_s: float, expected: list[str]
) -> None:
    calls = Calls(flushes)
    _engine(calls)._revoke(REVOKED, timeout_s)
    assert calls.made == expected
