"""What status and doctor say of scoring, the work pool and the champion, without any and with all of them."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deployments.local.parts import champion, parts, scoring, work_pool
from fraud.registry.aliases import promote
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.deployments.cli.test_models import registered
from tests.fraud.training.models import a_bundle

WORKERS = [{"name": "ProcessWorker 1", "status": "ONLINE"}, {"name": "gone", "status": "OFFLINE"}]


class _Answers(BaseHTTPRequestHandler):
    """A worker that is ready, and Prefect's list of workers."""

    def do_GET(self) -> None:
        self._answer({"status": "scoring"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(WORKERS)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def _answer(self, content: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def write_worker(home: Path, index: int, url: str) -> None:
    folder = home / "serving"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"worker-{index}.json").write_text(json.dumps({"url": url}))


def test_without_any_each_says_what_starts_it(local_settings: Settings) -> None:
    found = {one.name: one for one in parts(local_settings)}
    assert {one.state for one in found.values()} == {"stopped"}
    assert "flows/serve.py" in found["Scoring"].remedy
    assert "fraud up" in found["Work pool"].remedy


def test_workers_that_score_are_counted_and_a_silent_one_is_named(local_settings: Settings, url: str) -> None:
    write_worker(local_settings.home, 0, url)
    assert scoring(local_settings).detail == f"1 of 1 workers ready: {url}"
    write_worker(local_settings.home, 1, "http://127.0.0.1:9")
    found = scoring(local_settings)
    assert found.state == "silent"
    assert "1 of 2 workers ready" in found.detail
    assert "http://127.0.0.1:9: does not answer" in found.detail


def test_the_workers_that_poll_the_pool_are_named(make_settings: SettingsFactory, url: str) -> None:
    found = work_pool(make_settings(prefect_api_url=url))
    assert (found.state, found.detail) == ("ready", "local, polled by ProcessWorker 1")


def test_a_prefect_server_that_is_silent_is_said_to_be(make_settings: SettingsFactory) -> None:
    assert work_pool(make_settings(prefect_api_url="http://127.0.0.1:9/api")).state == "silent"


def test_the_champion_has_its_version_and_since_when(local_settings: Settings, mlflow_db: str) -> None:
    # given a registry without a champion
    version = registered(local_settings, a_bundle())
    assert "flows/retrain.py" in champion(local_settings).remedy
    # when a version becomes it
    promote(local_settings, version, "the first")
    # then
    found = champion(local_settings)
    assert found.state == "ready"
    assert found.detail.startswith(f"fraud-detector version {version} since 2")
    assert found.detail.endswith("UTC")
