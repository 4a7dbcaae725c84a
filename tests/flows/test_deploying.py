"""What the README says of Prefect's command line, on a real server with a real worker."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings

from fraud.settings import Settings
from tasks.monitor import ALARM

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture
def environment(prefect_server: None, settings: Settings) -> dict[str, str]:
    """What a user's shell would have set."""
    topics = {f"FRAUD_TOPICS__{name.upper()}": value for name, value in settings.topics.model_dump().items()}
    return {
        **os.environ,
        "COLUMNS": "200",
        **topics,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "FRAUD_HOME": str(settings.home),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_KAFKA__RETENTION_DAYS": "-1",
    }


def prefect(environment: dict[str, str], *arguments: str) -> str:
    return run(environment, "prefect", "--no-prompt", *arguments)


def fraud(environment: dict[str, str], *arguments: str) -> str:
    return run(environment, "deployments.cli", *arguments)


def run(environment: dict[str, str], module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_is_deployed_and_runs_on_a_process_pool_or_on_alarm(environment: dict[str, str]) -> None:
    # given the work pools, and every flow deployed
    fraud(environment, "orchestrate")
    prefect(environment, "deploy", "--all")
    # when
    listed = prefect(environment, "deployment", "ls")
    prefect(environment, "deployment", "run", "ingest/local")
    prefect(environment, "worker", "start", "--pool", "local", "--run-once")
    # then all are there, and the run went through
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    for deployment in deployments:
        assert f"{deployment['entrypoint'].split(':')[1]}/{deployment['name']}" in listed
    assert "COMPLETED" in prefect(environment, "flow-run", "ls", "--flow-name", "ingest").upper()
    # when the monitor's alarm sounds, then a run of retrain waits for a worker
    prefect(environment, "event", "emit", ALARM, "--resource-id", "fraud.model.fraud-detector")
    deadline = time.monotonic() + 60
    while not (found := runs_started_by_alarm()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(found) == 1


def runs_started_by_alarm() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        retrain = client.read_deployment_by_name("retrain/local").id
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[retrain]))
        )
    return [run for run in runs if not run.auto_scheduled]
