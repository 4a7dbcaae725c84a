"""How a start fails."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments.local import stack as stack_module
from deployments.local.cluster.member import cluster_id_of
from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import ServerProcess, free_port, spawn, wait_until_ready
from deployments.local.records import ServerRecord, ServerRecords
from deployments.local.stack import Stack
from fraud.errors import ConfigurationError, UnreachableError
from tests.deployments.conftest import FraudCommand

SLEEP = ("/bin/sh", "-c", "sleep 60 & sleep 60")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a child, neither of which ever answers."""
    log = tmp_path / "sleeper.log"
    process = spawn("Sleeper", SLEEP, log, {})
    wait_until_ready(process, lambda: bool(psutil.Process(process.pid).children()), log, 20)
    yield process
    process.kill()


def test_a_port_that_was_asked_for_and_is_taken_is_refused(fraud: FraudCommand, taken_port: int) -> None:
    refused = fraud("up", "--kafka-port", str(taken_port))
    assert refused.code == ConfigurationError.exit_code
    assert refused.err == f"error: port {taken_port} is taken; choose another with --kafka-port\n"


def test_a_usual_port_that_is_taken_is_replaced_by_a_free_one(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stack_module.WELL_KNOWN_PORTS, "Kafka", taken_port)
    assert stack_module._choose_port("Kafka", None, {}) not in (taken_port, 0)


def test_a_server_that_dies_at_its_start_names_its_log(tmp_path: Path) -> None:
    # given a broker whose configuration makes no sense
    kafka = EmbeddedKafka(tmp_path / "kafka", properties={"num.network.threads": "-7"})
    # when it is started, then the error names a file that says why
    with pytest.raises(UnreachableError, match=r"see .*kafka\.log"):
        kafka.start()
    assert "num.network.threads" in kafka.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("first", [0, 248, 251])  # base64 of 248 to 251 begins with a dash
def test_a_clusters_id_is_never_taken_for_an_option(first: int) -> None:
    cluster = cluster_id_of(bytes([first]) + b"\xff" * 15)
    assert len(cluster) == 22
    assert not cluster.startswith("-")


def test_a_server_that_never_answers_is_stopped(sleeper: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="not ready within"):
        wait_until_ready(sleeper, lambda: False, tmp_path / "sleeper.log", 0.2)
    assert not sleeper.alive()


def test_when_one_server_fails_the_others_are_stopped_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a stack in which one server never comes up
    home = tmp_path / "home"
    log = home / "logs" / "sleeper.log"

    class Sleeper:
        def __init__(self, name: str, port: int) -> None:
            self.name, self.port, self.log = name, port, log.with_name(f"{name}.log")

        def spawn(self) -> ServerProcess:
            self.process = spawn(self.name, SLEEP, self.log, {})
            return self.process

        def wait(self) -> None:
            wait_until_ready(self.process, lambda: self.name != "MLflow", self.log, 0.5)

        def stop(self) -> None:
            self.process.kill()

        def answers(self) -> bool:
            return True

    monkeypatch.setattr(Stack, "_server", lambda self, name, port: Sleeper(name, port))
    # when it is started
    stack = Stack(home)
    with pytest.raises(UnreachableError, match=r"MLflow was not ready .*MLflow\.log"):
        stack.start()
    # then no server is left and no address is written
    assert {server.state for server in stack.status()} == {"dead"}
    assert not (home / "stack.env").exists()


def test_stopping_takes_the_children_along(sleeper: ServerProcess) -> None:
    children = psutil.Process(sleeper.pid).children()
    assert children
    sleeper.stop(grace_s=5)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def test_children_of_a_killed_leader_are_found(sleeper: ServerProcess) -> None:
    # given a leader that was killed alone
    leader = psutil.Process(sleeper.pid)
    children = leader.children()
    leader.kill()
    leader.wait(5)
    assert not sleeper.alive()
    # when what is left is stopped
    sleeper.stop(grace_s=5)
    # then its children are gone too
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def test_a_pid_that_now_belongs_to_somebody_else_is_spared(sleeper: ServerProcess) -> None:
    # given a record of an earlier process with the same pid
    earlier = ServerProcess("Kafka", sleeper.pid, sleeper.created - 3600)
    # when that is stopped
    earlier.stop(grace_s=1)
    # then nobody is hurt
    assert not earlier.alive()
    assert sleeper.alive()


def test_two_commands_do_not_change_a_stack_at_once(fraud: FraudCommand, home: Path) -> None:
    with ServerRecords(home).changing():
        refused = fraud("down")
    assert refused.code == ConfigurationError.exit_code
    assert "is at work" in refused.err


def test_a_broken_record_is_refused_in_a_sentence(fraud: FraudCommand, home: Path) -> None:
    home.mkdir()
    (home / "stack.json").write_text("{broken", encoding="utf-8")
    refused = fraud("status")
    assert refused.code == ConfigurationError.exit_code
    assert "stack.json is broken" in refused.err


def test_records_of_servers_started_side_by_side_are_all_kept(tmp_path: Path) -> None:
    records = ServerRecords(tmp_path)
    for name in ("Kafka", "MLflow"):
        records.put(ServerRecord(name, free_port(), 1, time.time()))
    assert records.load().keys() == {"Kafka", "MLflow"}
