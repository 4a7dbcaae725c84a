"""The disk of one of three brokers is full."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster.conftest import CheckCluster, ClusterSettings, cluster_scene, paths
from tests.faults.harness.cluster import Cluster, run_cluster
from tests.faults.harness.disk import fill_disk, mounted_disk
from tests.serving.world import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

_DISK_MB = 512


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, for the last broker's data."""
    with mounted_disk(tmp_path / "disk", _DISK_MB) as folder:
        yield folder


@pytest.fixture
def cluster(tmp_path: Path, disk: Path) -> Iterator[Cluster]:
    """Three brokers, the last one on the small disk."""
    with run_cluster([*paths(tmp_path)[:-1], disk / "broker-3"]) as made:
        yield made


def test_the_disk_of_a_broker_is_full(
    make_cluster_settings: ClusterSettings, cluster: Cluster, disk: Path, check_cluster: CheckCluster
) -> None:
    with cluster_scene(cluster, make_cluster_settings(cluster)) as made:
        # when its disk is full, the broker ends by itself
        full = cluster.brokers[-1]
        filler = fill_disk(disk)
        assert full.process is not None
        process = full.process
        wait_for(lambda: not process.alive(), 60)
        # then the other two go on without it
        seconds = made.wait_until_scoring()

        # and with it, when it has room again
        filler.unlink()
        full.restart()
        cluster.wait_until_in_sync()
        made.wait_until_scoring()
        assert made.scene.workers[0].is_alive
        check_cluster(made, "three brokers: the disk of one full, room made, started again", seconds)
