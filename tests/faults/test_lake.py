"""S3 goes away while snapshots go to it."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deployments.local.processes import free_port
from fraud.settings import Settings
from tests.faults.conftest import CheckScene, FaultSettings
from tests.faults.harness.load import PARTITIONS
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.scene import scene
from tests.s3 import S3Server, s3_server
from tests.serving.world import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(300)]

_WRITTEN = 'fraud_snapshots_total{outcome="written"}'
_FAILED = 'fraud_snapshots_total{outcome="failed"}'


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server that the test may kill, with the bucket `lake`."""
    import s3fs

    folder = tmp_path / "s3"
    folder.mkdir()
    with s3_server(folder) as server:
        files = s3fs.S3FileSystem(
            key=server.key, secret=server.secret, endpoint_url=server.endpoint_url, skip_instance_cache=True
        )
        files.mkdir("lake")
        yield server


@pytest.fixture
def network(s3: S3Server) -> Iterator[Proxy]:
    """The way to the S3 server."""
    proxy = Proxy(free_port(), urlsplit(s3.endpoint_url).port or 0)
    yield proxy
    proxy.close()


@pytest.fixture
def on_s3(make_fault_settings: FaultSettings, broker: str, s3: S3Server, network: Proxy) -> Settings:
    """Settings whose lake is on S3."""
    lake = {
        "url": "s3://lake/fraud",
        "s3_endpoint_url": f"http://127.0.0.1:{network.port}",
        "s3_key": s3.key,
        "s3_secret": s3.secret,
    }
    return make_fault_settings(broker, lake=lake)


@pytest.mark.parametrize("outage", ["killed", "silent"])
def test_s3_is_down(
    on_s3: Settings, s3: S3Server, network: Proxy, check_scene: CheckScene, outage: str
) -> None:
    with scene(on_s3, workers=2) as made:
        # given
        wait_for(lambda: all(worker.counted(_WRITTEN) >= 2 * PARTITIONS for worker in made.workers), 60)

        # when
        since = time.time()
        if outage == "silent":
            network.hold()
        else:
            s3.kill()
        # (a store that takes no bytes, instead of giving no answer, is noticed after a minute)
        wait_for(lambda: any(worker.counted(_FAILED) for worker in made.workers), 100)
        made.wait_until_scoring()
        # A survivor that knows the lake, and a newcomer that does not
        since = time.time()
        made.workers[0].kill()
        taken_over_s = made.watch.seconds_until_all_score(since)
        made.workers[1].kill()
        restarted_s = made.kill_and_restart(made.workers[0])

        # then
        check_scene(
            made, f"S3 {outage}: a worker takes over, then one restarts", max(taken_over_s, restarted_s)
        )


def test_kill_9_while_a_snapshot_goes_to_s3(on_s3: Settings, network: Proxy, check_scene: CheckScene) -> None:
    with scene(on_s3) as made:
        # given
        worker = made.workers[0]
        wait_for(lambda: worker.counted(_WRITTEN) >= 2 * PARTITIONS, 60)

        # when the network stands still for longer than a snapshot is due
        network.hold()
        time.sleep(2 * on_s3.serving.snapshot_interval_s)
        worker.kill()
        network.heal()
        seconds = made.kill_and_restart(worker)

        # then
        assert worker.restored_from("snapshot") == PARTITIONS
        check_scene(made, "kill -9 while a snapshot goes to S3", seconds)
