"""The registry fails, and models that must not serve are promoted under load."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from fraud.settings import Settings
from tests.faults.conftest import CheckScene, FaultSettings
from tests.faults.harness.registry import Registry, registry
from tests.faults.harness.scene import scene
from tests.serving.world import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One MLflow server for all cases; each has a model name of its own."""
    with registry(tmp_path_factory.mktemp("mlflow")) as found:
        yield found


@pytest.fixture
def with_registry(make_fault_settings: FaultSettings, broker: str, mlflow: Registry) -> Iterator[Settings]:
    """Settings whose registry is up and has a champion, version 1."""
    settings = make_fault_settings(broker, registry=mlflow.settings | {"model_name": f"model-{uuid4().hex}"})
    mlflow.register(settings, seed=1)
    yield settings
    mlflow.network.heal()


@pytest.mark.parametrize("outage", ["killed", "silent"])
def test_mlflow_is_down(
    with_registry: Settings, mlflow: Registry, check_scene: CheckScene, outage: str
) -> None:
    with scene(with_registry) as made:
        # given
        wait_for(lambda: "1" in made.watch.versions, 60)

        # when
        _strike(mlflow, outage)
        made.wait_until_scoring()
        seconds = made.kill_and_restart(made.workers[0])
        _restore(mlflow, outage)
        second = mlflow.register(with_registry, seed=2)

        # then
        wait_for(lambda: second in made.watch.versions, 60)
        check_scene(made, f"MLflow {outage}, kill -9 upon it; MLflow back with a new champion", seconds)


@pytest.mark.parametrize("kind", ["corrupt", "incompatible"])
def test_a_model_that_must_not_serve_is_promoted(
    with_registry: Settings, mlflow: Registry, check_scene: CheckScene, kind: str
) -> None:
    with scene(with_registry) as made:
        # given
        wait_for(lambda: "1" in made.watch.versions, 60)
        if kind == "corrupt":
            bad_version = mlflow.register(with_registry, seed=2, alias=None)
            mlflow.corrupt_newest()
        else:
            bad_version = mlflow.register_for_other_features(with_registry)

        # when
        since = time.time()
        mlflow.give_alias(with_registry, bad_version)
        wait_for(lambda: made.workers[0].counted("fraud_models_refused_total"), 60)
        seconds = made.watch.seconds_until_all_score(since)

        # then
        assert bad_version not in made.watch.versions
        check_scene(made, f"{kind} model promoted under load: refused", seconds)


def test_a_model_that_is_slow_to_load_is_promoted(
    with_registry: Settings, mlflow: Registry, check_scene: CheckScene
) -> None:
    with scene(with_registry) as made:
        # given
        wait_for(lambda: "1" in made.watch.versions, 60)
        second = mlflow.register(with_registry, seed=2, alias=None)
        mlflow.network.delay_s = 1.0

        # when
        since = time.time()
        mlflow.give_alias(with_registry, second)
        seconds = made.watch.seconds_until_all_score(since)
        wait_for(lambda: second in made.watch.versions, 120)
        loaded_s = time.time() - since

        # then
        assert loaded_s > 3.0
        check_scene(made, f"model promoted under load that takes {loaded_s:.0f} s to load", seconds)


def _strike(mlflow: Registry, outage: str) -> None:
    if outage == "silent":
        mlflow.network.hold()
    else:
        assert mlflow.server.process is not None
        mlflow.server.process.kill()


def _restore(mlflow: Registry, outage: str) -> None:
    if outage == "silent":
        mlflow.network.heal()
    else:
        mlflow.server.spawn()
        mlflow.server.wait()
