"""Workers that are killed, stopped, added and continued."""

import signal
import time

import psutil
import pytest

from fraud.kafka.topics import create_topics
from fraud.settings import Settings, load_settings
from tests.definitions import PROFILED_FILE
from tests.faults.conftest import CheckScene
from tests.faults.harness.scene import scene
from tests.faults.harness.workers import BARE
from tests.serving.made_up_profiles import publishing_runs
from tests.serving.world import predictions, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.timeout(200)]


def test_sigterm_under_load_drains(fault_settings: Settings, check_scene: CheckScene) -> None:
    with scene(fault_settings) as made:
        # when
        started = time.monotonic()
        code = made.workers[0].terminate()
        drained_s = time.monotonic() - started
        since = time.time()
        made.workers[0].restart()
        seconds = made.watch.seconds_until_all_score(since)

        # then
        assert code == 0
        assert drained_s < fault_settings.serving.drain_timeout_s
        check_scene(made, "SIGTERM under load, started again", seconds)


@pytest.mark.faults
@pytest.mark.short
def test_kill_9_in_an_open_transaction_and_a_restart(
    fault_settings: Settings, check_scene: CheckScene
) -> None:
    with scene(fault_settings) as made:
        # when
        seconds = max(made.kill_and_restart(made.workers[0]) for _ in range(3))

        # then
        check_scene(made, "kill -9 in an open transaction and a restart, three times", seconds)


@pytest.mark.faults
def test_kill_9_while_profiles_are_published(fault_settings: Settings, check_scene: CheckScene) -> None:
    # given workers with definitions that have profiles, and run after run of these
    profiled = load_settings(**fault_settings.model_dump() | {"definitions": PROFILED_FILE})
    create_topics(profiled)
    with publishing_runs(profiled, pause_s=0.3), scene(profiled, 2) as made:
        # when
        seconds = max(made.kill_and_restart(worker) for worker in [*made.workers, *made.workers])

        # then every feature is the one of the moment that its prediction names
        check_scene(made, "kill -9 while profiles are published, four times", seconds)
        moments = {one.profile_moment for one in predictions(profiled)}
    assert len(moments) > 4


@pytest.mark.faults
def test_kill_9_at_start_up_and_while_restoring(fault_settings: Settings, check_scene: CheckScene) -> None:
    with scene(fault_settings) as made:
        # when
        worker = made.workers[0]
        for uptime_s in (0.3, 1.5):
            worker.kill()
            worker.restart()
            time.sleep(uptime_s)
        worker.kill()
        worker.restart()
        worker.wait_until_restoring()
        seconds = made.kill_and_restart(worker)

        # then
        check_scene(made, "kill -9 at start-up, twice, and while restoring", seconds)


@pytest.mark.faults
@pytest.mark.parametrize("workers", [2, 3])
def test_one_of_several_workers_is_killed(
    fault_settings: Settings, check_scene: CheckScene, workers: int
) -> None:
    with scene(fault_settings, workers) as made:
        # when
        since = time.time()
        made.workers[0].kill()
        seconds = made.watch.seconds_until_all_score(since)

        # then
        check_scene(made, f"one of {workers} workers killed with -9, the rest takes over", seconds)


@pytest.mark.faults
def test_a_killed_worker_is_started_again_by_its_parent(
    fault_settings: Settings, check_scene: CheckScene
) -> None:
    with scene(fault_settings, program=(*BARE, "--workers", "2")) as made:
        # when
        parent = psutil.Process(made.workers[0].process.pid)
        victim, other = parent.children()
        since = time.time()
        victim.kill()
        seconds = made.watch.seconds_until_all_score(since)
        wait_for(lambda: len(set(parent.children()) - {victim}) == 2)

        # then
        assert other in parent.children()
        check_scene(made, "one of `--workers 2` killed with -9, its parent starts another", seconds)


@pytest.mark.faults
def test_workers_end_with_their_killed_parent(fault_settings: Settings, check_scene: CheckScene) -> None:
    with scene(fault_settings, program=(*BARE, "--workers", "2")) as made:
        # when
        parent = made.workers[0]
        orphans = psutil.Process(parent.process.pid).children()
        parent.process.kill()
        parent.process.wait()
        since = time.time()
        parent.restart()
        _, living = psutil.wait_procs(orphans, timeout=60)
        seconds = made.watch.seconds_until_all_score(since)

        # then
        assert not living
        check_scene(made, "the parent of `--workers 2` killed with -9 and started again", seconds)


@pytest.mark.faults
def test_workers_join_and_leave(fault_settings: Settings, check_scene: CheckScene) -> None:
    with scene(fault_settings) as made:
        # when
        newcomers = [made.add_worker(), made.add_worker()]
        wait_for(lambda: all(newcomer.restorations for newcomer in newcomers), 60)
        since = time.time()
        assert made.workers[0].terminate() == 0
        seconds = made.watch.seconds_until_all_score(since)

        # then
        check_scene(made, "two workers join, the first leaves by SIGTERM", seconds)


@pytest.mark.faults
@pytest.mark.parametrize("workers", [2, 3])
def test_a_stopped_worker_wakes_as_a_zombie(
    fault_settings: Settings, check_scene: CheckScene, workers: int
) -> None:
    with scene(fault_settings, workers) as made:
        # when
        zombie = made.workers[0]
        owned_before = zombie.restorations
        since = time.time()
        zombie.signal(signal.SIGSTOP)
        try:
            seconds = made.watch.seconds_until_all_score(since)
        finally:
            zombie.signal(signal.SIGCONT)
        wait_for(lambda: zombie.restorations > owned_before, 60)
        made.wait_until_scoring()

        # then
        check_scene(
            made, f"one of {workers} workers stopped past its session, replaced, woken again", seconds
        )


@pytest.mark.faults
def test_a_flood_of_poison_and_a_kill(fault_settings: Settings, check_scene: CheckScene) -> None:
    with scene(fault_settings) as made:
        # when
        made.load.poison(5_000)
        seconds = made.kill_and_restart(made.workers[0])

        # then
        check_scene(made, "5,000 poison messages at once, and kill -9 upon them", seconds)
