"""The DAG in a real Airflow, in an environment of its own, against a real Prefect server with a worker.

`make test-airflow` runs it: Airflow and what it brings are installed once into the cache folder.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings

from fraud.machine.cache import cache_folder
from fraud.settings import Settings
from tests.flows.conftest import prefect_server as prefect_server
from tests.flows.test_deploying import ROOT, program

pytestmark = [pytest.mark.airflow, pytest.mark.broker, pytest.mark.timeout(1200)]

AIRFLOW = "apache-airflow==3.3.*"
DAGS = ROOT / "deployments" / "airflow"


@pytest.fixture(scope="session")
def airflow_python() -> Path:
    """The Python of an environment that has Airflow and nothing of this project."""
    home = cache_folder("airflow", AIRFLOW.encode())
    python = home / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    if not (home / "ready").exists():
        subprocess.run(
            [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True
        )
        subprocess.run([str(uv), "pip", "install", "--quiet", "--python", str(python), AIRFLOW], check=True)
        (home / "ready").touch()
    return python


@pytest.fixture
def environment(prefect_server: None, settings: Settings) -> dict[str, str]:
    """What the worker's shell and Airflow's would have set."""
    topics = {f"FRAUD_TOPICS__{name.upper()}": value for name, value in settings.topics.model_dump().items()}
    return {
        **os.environ,
        **topics,
        "COLUMNS": "200",
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "FRAUD_HOME": str(settings.home),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_KAFKA__RETENTION_DAYS": "-1",
    }


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[None]:
    """The pool, the deployments, and a worker that polls."""
    program("deployments.cli", "orchestrate", "local", environment=environment)
    program("prefect", "--no-prompt", "deploy", "--name", "*/local", environment=environment)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "local"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 120
        while pool_status() != "READY" and time.monotonic() < deadline:
            time.sleep(0.5)
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_the_dag_runs_the_deployment_and_fails_when_it_fails(
    airflow_python: Path, environment: dict[str, str], worker: None, tmp_path: Path
) -> None:
    # given an Airflow with an empty database
    airflow = Airflow(airflow_python, environment, tmp_path / "airflow")
    airflow("db", "migrate")
    # when
    done = airflow.test_dag("2026-01-05", '{"deployment": "ingest/local"}')
    # then
    assert done.returncode == 0, done.stdout + done.stderr
    assert runs_by_airflow() == ["COMPLETED"]
    # when the flow cannot run, for nothing is in the lake
    failed = airflow.test_dag("2026-01-06", '{"deployment": "train/local"}')
    # then the DAG run fails as well
    assert "state=failed" in failed.stdout + failed.stderr or failed.returncode != 0
    assert sorted(runs_by_airflow()) == ["COMPLETED", "FAILED"]


def pool_status() -> str:
    with get_client(sync_client=True) as client:
        return str(client.read_work_pool("local").status).rpartition(".")[2]


def runs_by_airflow() -> list[str]:
    with get_client(sync_client=True) as client:
        return [
            str(run.state_type.value)
            for run in client.read_flow_runs()
            if run.state_type and "airflow" in run.tags
        ]


class Airflow:
    """The command line of an Airflow of this test's own."""

    def __init__(self, python: Path, environment: dict[str, str], home: Path) -> None:
        self._python = python
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith("FRAUD_")
        } | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "false",
            "AIRFLOW__API_AUTH__JWT_SECRET": uuid.uuid4().hex * 2,
            "PYTHONPATH": "",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that must succeed."""
        done = self._run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def test_dag(self, date: str, conf: str) -> subprocess.CompletedProcess[str]:
        """Run the DAG for a day."""
        return self._run("dags", "test", "fraud_pipeline", date, "--conf", conf)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._python), "-m", "airflow", *arguments]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=900
        )
