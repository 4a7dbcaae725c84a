"""The registry starts again: its "version 1" is another model, while workers serve the former one."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud.registry.cache import last_good_bundle
from fraud.settings import Settings
from tests.faults.conftest import CheckScene, FaultSettings
from tests.faults.harness.registry import registry
from tests.faults.harness.scene import Scene, scene
from tests.serving.world import predictions, tiny_bundle, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(900)]


def nothing(made: Scene) -> None:
    """Workers go on while the registry is away."""


def kill_9(made: Scene) -> None:
    """A worker is killed while the registry is away, and starts from its disk."""
    made.kill_and_restart(made.workers[0])


@pytest.mark.parametrize("happens", [nothing, kill_9])
def test_the_registry_starts_again_with_another_version_1(
    make_fault_settings: FaultSettings,
    broker: str,
    check_scene: CheckScene,
    tmp_path: Path,
    happens: Callable[[Scene], None],
) -> None:
    with registry(tmp_path / "first") as first:
        settings = make_fault_settings(broker, registry=first.settings | {"model_name": "fraud-detector"})
        version = first.register(settings, seed=1)
        former = _digest(settings, 1)
        with scene(settings, workers=2) as made:
            # given two workers that serve version 1
            wait_for(lambda: _all_serve(made, former), 60)
            # when the registry ends, and an empty one replaces it and has another version 1
            first.server.stop()
            happens(made)
            since = time.time()
            with registry(tmp_path / "second", first) as second:
                assert second.register(settings, seed=2) == version
                other = _digest(settings, 2)
                # then both workers load it
                wait_for(lambda: _all_serve(made, other), 60)
                seconds = made.watch.seconds_until_all_score(since)
                case = "the registry starts again, its version 1 is another model"
                check_scene(made, f"{case}; meanwhile {happens.__name__}", seconds)
        # and predictions and the disk distinguish the two
        found = predictions(settings)
        assert {(one.model_version, one.model_digest) for one in found} >= {
            (version, former),
            (version, other),
        }
        assert len({one.model_run for one in found if one.model_digest == other}) == 1
        saved = last_good_bundle(settings.home / "serving" / "model")
        assert saved is not None
        assert (saved.digest, saved.version) == (other, version)


def _digest(settings: Settings, seed: int) -> str:
    return tiny_bundle(settings, seed).digest


def _all_serve(made: Scene, digest: str) -> bool:
    """Whether every worker says that it serves the model as champion."""
    return all(
        any(
            line.startswith("fraud_model_digest_info{")
            and f'digest="{digest}"' in line
            and 'role="champion"' in line
            for line in worker.get_page("/metrics").splitlines()
        )
        for worker in made.workers
    )
