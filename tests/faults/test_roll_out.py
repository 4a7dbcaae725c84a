"""Other definitions are rolled out under load, and rolled back: warm-up beside the group, then take-over."""

import time
from functools import partial

import pytest

from fraud.settings import Settings, load_settings
from tests.definitions import EXTENDED, EXTENDED_FILE
from tests.faults.conftest import SERVING, CheckScene, FaultSettings
from tests.faults.harness.scene import Scene, scene
from tests.faults.harness.workers import BARE, Worker
from tests.serving.world import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

LONGEST_WAIT_S = 2.0


@pytest.mark.faults
def test_definitions_are_rolled_out_and_back_without_a_gap(
    broker: str, make_fault_settings: FaultSettings, check_scene: CheckScene
) -> None:
    # given two workers with the shipped definitions, which commit as often as by default
    settings = make_fault_settings(broker, serving=SERVING | {"commit_interval_s": 0.1})
    extended = with_definitions(settings)
    with scene(settings, 2) as made:
        # when the state of others is warmed up beside them, and workers with these take over one by one
        waits = roll_out(made, extended)
        assert made.watch.definitions[EXTENDED.digest] > 0
        # and back
        waits += roll_out(made, settings)

        # then nothing is lost, doubled or of other features, and no transaction waited for long
        case = "other definitions rolled out under load, and rolled back: the longest wait at a take-over"
        check_scene(made, case, max(waits))
        assert max(waits) <= LONGEST_WAIT_S, waits


def with_definitions(settings: Settings) -> Settings:
    """The settings with the extended definitions."""
    return load_settings(**settings.model_dump() | {"definitions": EXTENDED_FILE})


def is_member(worker: Worker) -> bool:
    """Whether it has joined the group."""
    return "partitions" in worker.get_page("/ready")


def has_restored(worker: Worker) -> bool:
    """Whether it has taken a partition over."""
    return worker.restorations > 0


def roll_out(made: Scene, settings: Settings) -> list[float]:
    """Warm up, then replace each worker by one with these settings; returns the longest wait of each."""
    warm_up = Worker(settings, f"warm-up-{len(made.workers)}", (*BARE, "--warm-up"))
    assert warm_up.process.wait(120) == 0, warm_up.log.read_text()
    former = [worker for worker in made.workers if worker.is_alive]
    waits = [replace(made, worker, settings) for worker in former]
    newcomers = [worker for worker in made.workers if worker.is_alive]
    # Every partition came from a snapshot of the warm-up, not from a replay of the whole log.
    assert sum(worker.restored_from("replay") for worker in newcomers) == 0
    return waits


def replace(made: Scene, worker: Worker, settings: Settings) -> float:
    """Start a newcomer and stop `worker` once it is replaced; returns the longest wait meanwhile."""
    newcomer = Worker(settings, f"worker-{len(made.workers)}")
    made.workers.append(newcomer)
    wait_for(partial(is_member, newcomer), 120, every_s=0.01)
    since = time.monotonic() - 1.0  # what was sent when it joined waits, too
    wait_for(partial(has_restored, newcomer), 60)
    assert worker.terminate() == 0
    made.wait_until_scoring()
    return made.longest_wait_s(since)
