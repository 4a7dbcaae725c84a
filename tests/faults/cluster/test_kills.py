"""Brokers of three that are killed or restarted, and all three at once."""

from collections.abc import Iterator

import pytest

from fraud.settings import Settings
from tests.faults.cluster.conftest import CheckCluster, ClusterSettings, cluster_scene
from tests.faults.harness.cluster import Cluster

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def replicated(make_cluster_settings: ClusterSettings, cluster: Cluster) -> Iterator[Settings]:
    """Settings of the three brokers, which all run again in the end."""
    yield make_cluster_settings(cluster)
    cluster.start()


def test_the_leader_of_a_partition_is_killed(
    replicated: Settings, cluster: Cluster, check_cluster: CheckCluster
) -> None:
    with cluster_scene(cluster, replicated) as made:
        # when it is killed, then the other two go on without it
        cluster.leader_of(replicated.topics.predictions).kill()
        seconds = made.wait_until_scoring()

        # and with it again
        cluster.start()
        cluster.wait_until_in_sync()
        made.wait_until_scoring()
        assert made.scene.workers[0].is_alive
        check_cluster(made, "three brokers: the leader of a partition killed with -9, started again", seconds)


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
