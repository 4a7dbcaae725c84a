"""Brokers of three that are killed or restarted, and all three at once."""

import time
from collections.abc import Callable, Iterator

import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.settings import Settings
from serving.run import transactional_id
from tests.faults.cluster.conftest import CheckCluster, ClusterScene, ClusterSettings, cluster_scene
from tests.faults.harness.cluster import Cluster
from tests.serving.world import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def replicated(make_cluster_settings: ClusterSettings, cluster: Cluster) -> Iterator[Settings]:
    """Settings of the three brokers, which all run again in the end."""
    yield make_cluster_settings(cluster)
    cluster.start()


def _leader(made: ClusterScene) -> EmbeddedKafka:
    return made.cluster.leader_of(made.scene.settings.topics.predictions)


def _group_coordinator(made: ClusterScene) -> EmbeddedKafka:
    return made.cluster.group_coordinator(made.scene.settings)


def _transaction_coordinator(made: ClusterScene) -> EmbeddedKafka:
    return made.cluster.transaction_coordinator(transactional_id(made.scene.settings, 0))


@pytest.mark.parametrize(
    ("victim", "case"),
    [
        pytest.param(_leader, "the leader of a partition killed with -9", id="leader"),
        pytest.param(_group_coordinator, "the group's coordinator killed with -9", id="group coordinator"),
        pytest.param(
            _transaction_coordinator,
            "the transactions' coordinator killed with -9",
            id="transaction coordinator",
        ),
    ],
)
def test_one_of_three_brokers_is_killed(
    replicated: Settings,
    cluster: Cluster,
    check_cluster: CheckCluster,
    victim: Callable[[ClusterScene], EmbeddedKafka],
    case: str,
) -> None:
    with cluster_scene(cluster, replicated) as made:
        # when it is killed, then the other two go on without it
        victim(made).kill()
        seconds = made.wait_until_scoring()

        # and with it again
        cluster.start()
        cluster.wait_until_in_sync()
        made.wait_until_scoring()
        assert made.scene.workers[0].is_alive
        check_cluster(made, f"three brokers: {case}, started again", seconds)


def test_a_rolling_restart(replicated: Settings, cluster: Cluster, check_cluster: CheckCluster) -> None:
    with cluster_scene(cluster, replicated) as made:
        # when
        for broker in cluster.brokers:
            broker.restart()
            cluster.wait_until_in_sync()
        seconds = made.wait_until_scoring()

        # then
        assert made.scene.workers[0].is_alive
        check_cluster(made, "three brokers: restarted in order, one after the other", seconds)


def test_all_three_are_killed(replicated: Settings, cluster: Cluster, check_cluster: CheckCluster) -> None:
    with cluster_scene(cluster, replicated) as made:
        # when
        cluster.kill()
        cluster.start()
        seconds = made.wait_until_scoring()

        # then
        assert made.scene.workers[0].is_alive
        check_cluster(made, "three brokers: all killed with -9 at once and started again", seconds)


def test_two_are_lost_and_come_back(
    replicated: Settings, cluster: Cluster, check_cluster: CheckCluster
) -> None:
    with cluster_scene(cluster, replicated) as made:
        # when two are killed
        lost = cluster.brokers[:2]
        for broker in lost:
            broker.kill()

        # then nothing is acknowledged any more: scoring waits, and the gateway decides by itself
        struck, before = time.monotonic(), _fallbacks(made)
        wait_for(lambda: _fallbacks(made) > before + 20, 60)
        assert not _scored_of(made, struck)

        # and when they are back, it goes on
        cluster.start(lost)
        seconds = made.wait_until_scoring()
        assert made.scene.workers[0].is_alive
        check_cluster(made, "three brokers: two killed with -9, scoring waits; started again", seconds)


def _fallbacks(made: ClusterScene) -> int:
    return sum(one["status"] == "fallback" for one in [*made.switch.answers.values()])


def _scored_of(made: ClusterScene, since: float) -> list[str]:
    """Payments of the load that were sent since then and have a prediction."""
    sent = [*made.scene.load.sent_at.items()]
    return [name for name, moment in sent if moment > since and name in made.scene.watch.arrived_at]
