"""Three brokers, workers and a gateway on them, and the check of what came out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from fraud.settings import Settings
from tests.faults.conftest import CheckScene, FaultSettings
from tests.faults.harness.cluster import COUNT, Cluster, run_cluster
from tests.faults.harness.gateway import Switch, asked_gateway, unexplained
from tests.faults.harness.scene import Scene, scene
from tests.serving.world import BASE_MS, predictions, transaction, wait_for

_MINUTE_MS = 60_000
_DEADLINE_MS = 4_000
"""Three brokers, a worker and a gateway share two cores: a decision may take a while."""
_LATENESS = timedelta(days=30)
"""The load's event time passes by two days in 12 s: a payment that waits for brokers would be too late."""


@dataclass
class ClusterScene:
    """A scene on three brokers with payments through the gateway on top of its load."""

    cluster: Cluster
    scene: Scene
    switch: Switch

    def wait_until_scoring(self) -> float:
        """Wait until every partition is scored and the gateway answers with decisions; returns the seconds.

        They are the ones until every partition is scored.
        """
        seconds = self.scene.wait_until_scoring()
        self.switch.wait_for_decisions()
        return seconds


ClusterSettings = Callable[[Cluster], Settings]
CheckCluster = Callable[[ClusterScene, str, float], None]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers that the tests of a file share; each test starts again what it kills."""
    with run_cluster(paths(tmp_path_factory.mktemp("cluster"))) as made:
        yield made


@pytest.fixture
def make_cluster_settings(make_fault_settings: FaultSettings) -> ClusterSettings:
    """Makes settings whose topics have a replica on every broker."""

    def make(cluster: Cluster) -> Settings:
        made = make_fault_settings(cluster.bootstrap_servers, admission={"lateness": _LATENESS})
        kafka = made.kafka.model_copy(update={"replication_factor": COUNT})
        return made.model_copy(update={"kafka": kafka})

    return make


@pytest.fixture
def check_cluster(check_scene: CheckScene) -> CheckCluster:
    """Checks a scene and the answers of its gateway.

    Every answered payment has one prediction, and the answer is its decision or an event says why not.
    """

    def check(made: ClusterScene, case: str, seconds: float) -> None:
        made.switch.stop()
        check_scene(made.scene, case, seconds)
        settings = made.scene.settings
        committed = {one.transaction_id: one.decision for one in predictions(settings)}
        lost = {name: made.switch.answers[name] for name in made.switch.sent.keys() - committed.keys()}
        assert not lost
        wait_for(lambda: not unexplained(settings, made.switch, committed), 30, 0.5)

    return check


@contextmanager
def cluster_scene(cluster: Cluster, settings: Settings) -> Iterator[ClusterScene]:
    """Workers score, a gateway answers, and every replica is in sync."""
    with scene(settings) as made:

        def payment(number: int) -> dict[str, object]:
            # Event time follows the load: a payment of today would make all of it late.
            now = BASE_MS + len(made.load.sent_at) * _MINUTE_MS
            one = transaction(number, transaction_id=f"gateway-{number}", timestamp=now)
            return {name: value for name, value in one.items() if value is not None}

        with asked_gateway(settings, payment, _DEADLINE_MS) as (_, switch):
            whole = ClusterScene(cluster, made, switch)
            switch.wait_for_decisions()
            cluster.wait_until_in_sync()
            yield whole


def paths(folder: Path) -> list[Path]:
    """Where each broker has its data."""
    return [folder / f"broker-{number}" for number in range(1, COUNT + 1)]
