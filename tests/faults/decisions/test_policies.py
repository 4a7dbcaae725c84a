"""Policies are moved and entries put on lists under load, while workers are killed."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fraud.decisions.log.reading import read_policies
from fraud.errors import UnreachableError
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from tests.faults.conftest import CheckScene
from tests.faults.harness.scene import Scene, drain, scene
from tests.serving.decisions.changes import make_live, put_on_list
from tests.serving.decisions.recomputed import wrong_decisions
from tests.serving.decisions.support import BANDS, named_policy
from tests.serving.world import predictions, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(300)]

CARDS = 40


def declining_from(amount: int) -> str:
    """A policy with a list, a rule, a control group and samples."""
    rule = f"{{name: large, when: amount >= {amount}, outcome: decline, owner: jane, reason: large}}"
    return named_policy(
        f"from_{amount}",
        "lists: {blocked: {field: card_id, outcome: decline, reason: card is blocked}}\n"
        f"rules: [{rule}]\ncontrol_group: 0.1\nreview: {{sample: 0.1}}\n{BANDS}",
    )


@contextmanager
def changing_decisions(settings: Settings) -> Iterator[list[str]]:
    """Another policy every half second, and a card that comes onto the list; yields the versions."""
    stop, versions = threading.Event(), list[str]()

    def change() -> None:
        for number in itertools.count():
            # A broker on a busy machine may be late for one of several requests; the next change goes on.
            with contextlib.suppress(UnreachableError):
                versions.append(make_live(settings, declining_from(100 + number)))
                put_on_list(settings, "blocked", f"card-{number % CARDS}")
            if stop.wait(0.5):
                return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield versions
    finally:
        stop.set()
        thread.join()


def check_decisions(made: Scene, versions: list[str]) -> None:
    """Every decision is the one that the log gives, several policies decided, and entries counted."""
    drain(made)
    served = predictions(made.settings)
    assert wrong_decisions(made.settings, served) == []
    assert len({one.policy for one in served} & {*versions}) > 2
    assert {one.decided_by for one in served} >= {"list blocked", "rule large", None}


def test_policies_and_entries_change_under_load_with_kill_9(
    fault_settings: Settings, check_scene: CheckScene
) -> None:
    create_topics(fault_settings)
    with changing_decisions(fault_settings) as versions, scene(fault_settings, 2) as made:
        # given
        wait_for(lambda: len(versions) > 2, 60)
        # when
        seconds = max(made.kill_and_restart(worker) for worker in [*made.workers, *made.workers])
        # then
        made.load.stop()
        check_decisions(made, versions)
        check_scene(made, "kill -9 while policies and lists change, four times", seconds)


def test_a_policy_and_an_entry_are_in_force_on_all_workers_under_load(
    fault_settings: Settings, check_scene: CheckScene
) -> None:
    with scene(fault_settings, 2) as made:
        # when a policy is moved and a card blocked
        since = time.time()
        version = make_live(fault_settings, declining_from(500))
        digest = read_policies(fault_settings).version(int(version)).digest
        sample = f'fraud_policy_info{{alias="live",digest="{digest}",version="{version}"}}'
        wait_for(lambda: all(worker.counted(sample) == 1 for worker in made.workers), 30, 0.05)
        seconds = time.time() - since
        position = put_on_list(fault_settings, "blocked", "card-1")
        wait_for(lambda: position in {one.lists_position for one in predictions(fault_settings)}, 60, 0.5)
        # then
        drain(made)
        assert wrong_decisions(fault_settings, predictions(fault_settings)) == []
        check_scene(made, "policy moved and card blocked under load, two workers", seconds)
