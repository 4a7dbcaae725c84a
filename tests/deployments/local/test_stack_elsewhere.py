"""The whole path, from `fraud up` to training rows, in surroundings that other people have."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.local.processes import free_port, spawn
from deployments.local.records import ServerRecord, ServerRecords
from deployments.local.stack import Stack
from tests.recording_proxy import RecordingProxy, recording_proxy

ROOT = Path(__file__).parents[3]
STRANGE = "Söhne, [GmbH] & 'Co' #1 50% {x} $y"
REPOSITORY = "répo, [x] & 'y' #1 {x}"
"""Without a percent sign, which MLflow's own migrations cannot have in the path of their files."""

Run = Callable[..., str]

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    with recording_proxy() as one:
        yield one


@pytest.fixture
def run(tmp_path: Path, proxy: RecordingProxy, _migrated_database: Path) -> Iterator[Run]:
    """Runs our Python in a strange folder, from a repository in a strange folder, and stops the stack."""
    folder, repository = tmp_path / STRANGE, tmp_path / REPOSITORY
    (folder / "home").mkdir(parents=True)
    repository.symlink_to(ROOT)
    shutil.copy(_migrated_database, folder / "home")
    environment = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"} | {
        "FRAUD_HOME": str(folder / "home"), "TMPDIR": str(folder), "LC_ALL": "C", "TZ": "Asia/Kathmandu",
        "HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url, "ALL_PROXY": proxy.url, "COLUMNS": "11",
        "FRAUD_SPARK__MASTER": "local[1]", "FRAUD_SPARK__DRIVER_MEMORY": "1g",
        "PREFECT_HOME": str(folder / "p"),
    }  # fmt: skip
    python = repository / ".venv" / "bin" / "python"

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), *arguments], cwd=folder, env=environment, capture_output=True, text=True,
            check=False, timeout=400,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
        return done.stdout

    try:
        yield command
    finally:
        end_stack(folder / "home", lambda: command("-m", "deployments.cli", "down", "--all"))


def end_stack(home: Path, down: Callable[[], object]) -> None:
    """End the servers of a home by `fraud down`, which may be what fails in such surroundings."""
    try:
        down()
    finally:
        Stack(home).stop()


def test_no_server_is_left_where_down_fails(tmp_path: Path) -> None:
    # given a server of a home
    server = spawn("Kafka", ["/bin/sleep", "300"], tmp_path / "log", {})
    ServerRecords(tmp_path).put(ServerRecord("Kafka", free_port(), server.pid, server.created))

    def down() -> None:
        raise AssertionError("no such command")

    # when `fraud down` fails, then that is said, and the server has ended
    try:
        with pytest.raises(AssertionError, match="no such command"):
            end_stack(tmp_path, down)
        assert not server.alive()
    finally:
        server.kill()


@pytest.mark.skipif(not (ROOT / ".venv").is_dir(), reason="runs what `make setup` installs")
def test_from_up_to_training_rows(run: Run, proxy: RecordingProxy, tmp_path: Path) -> None:
    # given a stack, through which a few days of payments go
    ports = [text for name in ("kafka", "mlflow", "prefect") for text in (f"--{name}-port", str(free_port()))]
    run("-m", "deployments.cli", "up", "--no-dashboard", *ports)
    run("-m", "deployments.cli", "simulate", "--scenario", "small", "--cards", "40", "--days", "4")
    # when they become rows of the lake and training rows
    flows = tmp_path / REPOSITORY / "flows"
    run(str(flows / "ingest.py"))
    run(str(flows / "preprocess.py"))
    # then they are there
    lake = tmp_path / STRANGE / "home" / "lake"
    for folder in ("transactions", "features", "profiles"):
        assert list((lake / folder).rglob("*.parquet")), folder
    # and no server of this machine was asked through the proxy
    assert [one for one in proxy.asked if "127.0.0.1" in one or "localhost" in one] == []
    # and the doctor, who tries Kafka, MLflow, Prefect, the lake, Java and Spark, is content
    assert "✗" not in run("-m", "deployments.cli", "doctor")
