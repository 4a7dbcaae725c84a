"""The Prefect server goes away under the serving flow."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.local.servers import HttpServer, prefect_server
from fraud.settings import Settings
from tests.faults.conftest import CheckScene
from tests.faults.harness.scene import scene
from tests.faults.harness.workers import FLOW

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(250)]


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[HttpServer]:
    """A Prefect server that the test may kill."""
    server = prefect_server(tmp_path / "prefect")
    try:
        server.spawn()
        server.wait()
        yield server
    finally:
        server.stop()


def test_the_prefect_server_is_down(
    fault_settings: Settings, prefect: HttpServer, check_scene: CheckScene, tmp_path: Path
) -> None:
    extra_env = {
        "PREFECT_API_URL": f"{prefect.url}/api",
        "PREFECT_HOME": str(tmp_path / "flow"),
        "PREFECT_CLIENT_MAX_RETRIES": "1",
    }
    with scene(fault_settings, program=FLOW, extra_env=extra_env) as made:
        # when
        since = time.time()
        assert prefect.process is not None
        prefect.process.kill()
        seconds = made.watch.seconds_until_all_score(since)

        # then
        check_scene(made, "Prefect server killed under the serving flow", seconds)
