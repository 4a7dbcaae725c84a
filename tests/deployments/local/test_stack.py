import os
import shutil
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from deployments.local.processes import free_port
from deployments.local.stack import NAMES, ServerStatus, Stack
from fraud.settings import load_settings
from tests.deployments.conftest import FraudCommand
from tests.serving.world import wait_for

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, _migrated_database: Path) -> Iterator[Stack]:
    """A running stack on free ports."""
    running = Stack(tmp_path_factory.mktemp("stack"))
    shutil.copy(_migrated_database, running.home)
    try:
        running.start({name: free_port() for name in NAMES})
        yield running
    finally:
        running.stop()


@pytest.fixture
def home(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of these tests speak of the running stack."""
    monkeypatch.setenv("FRAUD_HOME", str(stack.home))
    return stack.home


def test_every_server_answers(stack: Stack) -> None:
    assert {server.name: server.state for server in stack.status()} == dict.fromkeys(NAMES, "ready")


def test_what_has_a_schedule_is_planned(stack: Stack) -> None:
    # given a deployment that is to run every night
    with httpx.Client(base_url=stack.addresses()["PREFECT_API_URL"] + "/", timeout=30) as prefect:
        flow = _make(prefect, "flows/", {"name": "nightly"})
        nightly = {"schedule": {"cron": "0 3 * * *"}, "active": True}
        content = {"name": "local", "flow_id": flow, "schedules": [nightly]}
        deployment = _make(prefect, "deployments/", content)
        # then, within a minute or so, the server plans its runs
        of_it = {"deployments": {"id": {"any_": [deployment]}}, "limit": 1}
        wait_for(lambda: prefect.post("flow_runs/filter", json=of_it).json(), 90)


def _make(prefect: httpx.Client, path: str, content: dict[str, Any]) -> str:
    """The id of what was made; a server whose database is busy says so instead, and is asked again."""
    return str(wait_for(lambda: prefect.post(path, json=content).json().get("id")))


def test_servers_listen_on_the_loopback_interface_only(stack: Stack) -> None:
    listening = [
        connection.laddr.ip
        for process in _processes_of(stack.status())
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_settings_find_the_stack(stack: Stack, home: Path) -> None:
    settings = load_settings()
    assert settings.kafka.bootstrap_servers == stack.addresses()["FRAUD_KAFKA__BOOTSTRAP_SERVERS"]
    assert settings.tracking_uri == stack.addresses()["MLFLOW_TRACKING_URI"]
    assert settings.kafka.retention_days == -1


def test_mlflow_refuses_a_foreign_host_name(stack: Stack) -> None:
    request = urllib.request.Request(
        f"{stack.addresses()['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments/search",
        headers={"Host": "evil.example"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    refused.value.close()
    assert refused.value.code == 403


def servers_of(stack: Stack) -> dict[str, str]:
    """Name and a page of each HTTP server that has no password."""
    addresses = stack.addresses()
    return {
        "Prefect": f"{addresses['PREFECT_API_URL']}/flows/filter",
        "MLflow": f"{addresses['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments/create",
    }


@pytest.mark.parametrize("server", ["Prefect", "MLflow"])
@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Origin": "http://evil.example"}],
    ids=["rebound name", "similar name", "page of another site"],
)
def test_a_website_in_a_browser_of_this_machine_is_refused(
    stack: Stack, server: str, headers: dict[str, str]
) -> None:
    # given a request that the server answers to this machine's own clients
    url, body = servers_of(stack)[server], {"name": uuid.uuid4().hex} if server == "MLflow" else {}
    with httpx.Client(trust_env=False, timeout=30) as client:
        # when a website sends it, under a name that it has pointed here or from its own page
        refused = client.post(url, json=body, headers=headers)
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
        # then it had no effect, and we are still answered
        assert client.post(url, json=body).status_code == 200


def test_a_website_sends_no_events_to_prefect(stack: Stack) -> None:
    url = stack.addresses()["PREFECT_API_URL"].replace("http", "ws") + "/events/in"
    with connect(url, proxy=None) as ours:
        ours.ping().wait(10)
    with pytest.raises(InvalidStatus), connect(url, origin=Origin("http://evil.example"), proxy=None):
        pass


def test_starting_again_changes_nothing(stack: Stack) -> None:
    before = stack.status()
    assert stack.start() == []
    assert stack.status() == before


def test_env_prints_the_addresses_for_a_shell(stack: Stack, fraud: FraudCommand) -> None:
    lines = fraud("env").out.splitlines()
    assert f"export PREFECT_API_URL={stack.addresses()['PREFECT_API_URL']}" in lines
    assert f"export FRAUD_HOME={stack.home}" in lines


def test_doctor_finds_everything_well_once_topics_exist(stack: Stack, fraud: FraudCommand) -> None:
    # given a stack without topics, with which the doctor is not content
    before = fraud("doctor")
    assert before.code == 1
    assert "run `fraud topics create`" in before.out
    # when they are created
    created = fraud("topics", "create")
    assert created.code == 0, created.err
    # then he is
    after = fraud("doctor")
    assert after.code == 0, after.out
    assert "✗" not in after.out


def test_a_dead_server_is_reported_and_started_again_on_its_port(stack: Stack, fraud: FraudCommand) -> None:
    # given a Kafka that was killed
    before = {server.name: server for server in stack.status()}
    assert before["Kafka"].pid
    kafka = psutil.Process(before["Kafka"].pid)
    kafka.kill()
    kafka.wait(20)
    # when somebody looks
    seen = fraud("status")
    # then it is reported
    assert seen.code == 1
    assert "dead" in seen.out
    assert "fraud up" in seen.out
    # and when it is started again, it alone is, where it was
    assert stack.start() == ["Kafka"]
    after = {server.name: server for server in stack.status()}
    assert after["Kafka"].state == "ready"
    assert after["Kafka"].address == before["Kafka"].address
    assert after["MLflow"] == before["MLflow"]


def test_down_leaves_no_process_and_no_address(stack: Stack, fraud: FraudCommand) -> None:
    # given the processes of a running stack
    processes = _processes_of(stack.status())
    assert len(processes) >= len(NAMES)
    # when it is stopped
    stopped = fraud("down")
    # then none is left
    assert stopped.code == 0, stopped.err
    assert sorted(stopped.out.removeprefix("stopped ").strip().split(", ")) == sorted(NAMES)
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive
    assert not (stack.home / "stack.env").exists()
    assert {server.state for server in stack.status()} == {"stopped"}
    assert fraud("down").out.strip() == "nothing ran"


def _processes_of(servers: list[ServerStatus]) -> list[psutil.Process]:
    groups = {server.pid for server in servers}
    return [process for process in psutil.process_iter() if _group(process.pid) in groups]


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
