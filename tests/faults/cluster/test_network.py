"""One of three brokers is cut off from the others and from every client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster.conftest import CheckCluster, ClusterSettings, cluster_scene, paths
from tests.faults.harness.cluster import Cluster, run_cluster
from tests.faults.harness.load import PARTITIONS
from tests.faults.harness.namespaces import Namespace, network_namespace
from tests.serving.world import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def network() -> Iterator[Namespace]:
    """Where the last broker is."""
    with network_namespace() as made:
        yield made


@pytest.fixture
def cluster(tmp_path: Path, network: Namespace) -> Iterator[Cluster]:
    """Three brokers, the last one in a network of its own."""
    hosts = (network.near, network.near, network.far)
    with run_cluster(paths(tmp_path), hosts, ((), (), network.launcher)) as made:
        yield made


def test_a_broker_is_cut_off(
    make_cluster_settings: ClusterSettings, cluster: Cluster, network: Namespace, check_cluster: CheckCluster
) -> None:
    with cluster_scene(cluster, make_cluster_settings(cluster)) as made:
        # given a broker that leads a partition of the payments
        alone, topic = cluster.brokers[-1], made.scene.settings.topics.transactions
        assert alone in [cluster.leader_of(topic, number) for number in range(PARTITIONS)]

        # when it is cut off, then the other two take its place, while it runs on
        network.cut()
        seconds = made.wait_until_scoring()
        wait_for(lambda: alone not in [cluster.leader_of(topic, number) for number in range(PARTITIONS)])
        assert alone.process is not None
        assert alone.process.alive()

        # and it follows them when the network is whole again
        network.heal()
        cluster.wait_until_in_sync()
        made.wait_until_scoring()
        assert made.scene.workers[0].is_alive
        check_cluster(made, "three brokers: one cut off from the others and the clients, back", seconds)
