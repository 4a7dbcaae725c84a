"""Messages of many ids that nobody registered: their partition waits, the loop and the others go on."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.fraud.messages.formats.registries import framed
from tests.fraud.messages.formats.test_registry import MakeWorld, client, make_world
from tests.serving.world import (
    Running,
    read_all,
    register,
    running,
    tiny_bundle,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = pytest.mark.broker

log = logging.getLogger(__name__)

__all__ = ["client", "make_world"]

_FLOOD = int(os.environ.get("FRAUD_TEST_UNKNOWN_IDS", "400"))
_LONGEST_ROUND_S = 1.0


@dataclass
class SlowestRound:
    """The longest time between two heartbeats of the loop, s."""

    seconds: float = 0.0


@contextmanager
def slowest_round(running_engine: Running) -> Iterator[SlowestRound]:
    """Watch the loop's heartbeat until the block ends."""
    found, ended = SlowestRound(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            found.seconds = max(found.seconds, time.monotonic() - running_engine.engine.heartbeat)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def test_unknown_ids_hold_up_their_own_partition_only(make_world: MakeWorld, mlflow_db: str) -> None:
    # given an engine that has scored a payment in Avro
    world = make_world("flood", partitions=2)
    register(world.settings, tiny_bundle(world.settings))
    world.send([transaction(0)], "avro", partition=1)
    flood = [(framed(500_000 + number, b""), transaction(number)) for number in range(_FLOOD)]
    with running(world.settings) as engine:
        wait_for_predictions(world.settings, 1)
        with slowest_round(engine) as slowest:
            # when one partition gets messages of ids that nobody registered, then the other gets payments
            started = time.monotonic()
            world.send_bytes(flood, partition=0)
            time.sleep(0.5)
            world.send([transaction(number) for number in range(1, 21)], "avro", partition=1)
            wait_for_predictions(world.settings, 21, 600)
            scored_s = time.monotonic() - started
            letters = wait_for(
                lambda: (
                    (found := read_all(world.settings, world.settings.topics.dead_letters))
                    and len(found) == _FLOOD
                    and found
                ),
                timeout_s=900,
            )
            log.info(
                "%d ids: payments of others after %.2f s, all after %.1f s, longest round %.2f s",
                *(_FLOOD, scored_s, time.monotonic() - started, slowest.seconds),
            )
        wait_for(lambda: engine.engine.status().is_ready)
    # then the loop never stood still
    assert slowest.seconds < _LONGEST_ROUND_S
    # and each message is a dead letter, once and, in a partition of dead letters, in its order
    places = {value: place for place, (value, _) in enumerate(flood)}
    found = [(letter.partition(), places[letter.value()]) for letter in letters]
    assert sorted(place for _, place in found) == list(range(_FLOOD))
    for partition in {partition for partition, _ in found}:
        order = [place for own, place in found if own == partition]
        assert order == sorted(order)
