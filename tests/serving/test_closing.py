"""A worker that ends leaves the group before it waits for anything else."""

from collections.abc import Callable
from typing import Any

from serving.engine import Engine
from serving.ops.shutdown import Shutdown

_PARTS = (
    "consumer",
    "snapshots",
    "partitions",
    "models",
    "profiles",
    "policies",
    "payload_wait",
    "delivery",
    "timer",
)


class Part:
    """A part of an engine, which notes its calls under its name."""

    def __init__(self, name: str, made: list[str]) -> None:
        self._name = name
        self._made = made

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *_: self._made.append(f"{self._name} {method}")


def test_the_group_is_left_before_threads_and_snapshots_are_waited_for() -> None:
    # given an engine of which each part notes its calls
    made: list[str] = []
    engine = Engine.__new__(Engine)
    engine._shutdown = Shutdown(30.0)
    for name in _PARTS:
        setattr(engine, f"_{name}", Part(name, made))

    # when it closes
    engine._close()

    # then others may take its partitions over first, and its producers go last
    assert made[0] == "consumer close"
    stopped = {"partitions stop", "models stop", "profiles stop", "policies stop", "payload_wait stop"}
    assert set(made[1:-2]) == {"snapshots wait", *stopped}
    assert made[-2:] == ["delivery close", "timer close"]
