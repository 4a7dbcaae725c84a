"""Workers killed, stopped, joined and woken again."""

import signal
import time

import pytest

from fraud.settings import Settings
from tests.faults.world import is_clean, scene, verdict

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(300)]


def test_kill_9_in_an_open_transaction_and_a_restart(fault_settings: Settings) -> None:
    with scene(fault_settings) as made:
        # when
        seconds = 0.0
        for _ in range(3):
            made.workers[0].kill()
            since = time.time()
            made.workers[0].restart()
            seconds = max(seconds, made.watch.seconds_until_all_score(since))

        # then
        assert is_clean(verdict(made, "kill -9 in an open transaction, restarted, three times", seconds))


def test_kill_9_at_start_up_and_while_restoring(fault_settings: Settings) -> None:
    with scene(fault_settings) as made:
        # when
        worker = made.workers[0]
        for life_s in (0.5, 2.0, 3.5, 5.0):
            worker.kill()
            worker.restart()
            time.sleep(life_s)
        worker.kill()
        since = time.time()
        worker.restart()
        seconds = made.watch.seconds_until_all_score(since)

        # then
        assert is_clean(verdict(made, "kill -9 at start-up and while restoring", seconds))


def test_one_of_two_workers_is_killed(fault_settings: Settings) -> None:
    with scene(fault_settings, workers=2) as made:
        # when
        made.workers[0].kill()
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert is_clean(verdict(made, "one of two workers killed, the other takes over", seconds))


def test_workers_join_and_leave(fault_settings: Settings) -> None:
    with scene(fault_settings) as made:
        # when
        made.add_worker()
        made.add_worker()
        time.sleep(12)
        assert made.workers[0].terminate() == 0
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert is_clean(verdict(made, "two workers join, the first leaves by SIGTERM", seconds))


def test_a_stopped_worker_wakes_as_a_zombie(fault_settings: Settings) -> None:
    with scene(fault_settings, workers=2) as made:
        # when
        made.workers[0].signal(signal.SIGSTOP)
        seconds = made.watch.seconds_until_all_score(time.time())
        time.sleep(3)
        made.workers[0].signal(signal.SIGCONT)
        made.wait_until_scoring()
        time.sleep(3)

        # then
        assert is_clean(verdict(made, "SIGSTOP past the session, another takes over, SIGCONT", seconds))


def test_sigterm_under_load_drains(fault_settings: Settings) -> None:
    with scene(fault_settings) as made:
        # when
        begun = time.monotonic()
        code = made.workers[0].terminate()
        drained_s = time.monotonic() - begun
        since = time.time()
        made.workers[0].restart()
        seconds = made.watch.seconds_until_all_score(since)

        # then
        assert code == 0
        assert drained_s < fault_settings.serving.drain_timeout_s
        assert is_clean(verdict(made, "SIGTERM under load, started again", seconds))
