"""What the README says of Prefect's command line, on a real server with a real worker."""

import gc
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings
from prefect.testing.cli import CycloptsCliRunner

from deployments.cli import main
from fraud.settings import Settings
from tasks.monitor import ALARM

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture
def shell(prefect_server: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's shell would have set, in the repository's folder."""
    topics = {f"FRAUD_TOPICS__{name.upper()}": value for name, value in settings.topics.model_dump().items()}
    variables = topics | {
        "COLUMNS": "200",
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "FRAUD_HOME": str(settings.home),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_KAFKA__RETENTION_DAYS": "-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)


def prefect(*arguments: str) -> str:
    """The command line of Prefect, in this process, which has imported it already."""
    with warnings.catch_warnings():
        # It leaves its connections to the end of its process.
        warnings.simplefilter("ignore", ResourceWarning)
        done = CycloptsCliRunner().invoke(["--no-prompt", *arguments])
        gc.collect()
    assert done.exit_code == 0, done.output
    return done.stdout


def program(module: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """A command line as a program of its own."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("shell")
def test_local_flows_are_deployed_and_run_on_a_process_pool_or_on_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given the local work pool, and every flow deployed for it
    monkeypatch.setattr("sys.argv", ["fraud", "orchestrate"])
    with pytest.raises(SystemExit, match="0"):
        main()
    program("prefect", "--no-prompt", "deploy", "--name", "*/local")
    # when
    listed = prefect("deployment", "ls")
    prefect("deployment", "run", "ingest/local")
    program("prefect", "worker", "start", "--pool", "local", "--run-once")
    # then all are there, and the run went through
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    for deployment in deployments:
        if deployment["name"] == "local":
            assert f"{deployment['entrypoint'].split(':')[1]}/local" in listed
    assert "COMPLETED" in prefect("flow-run", "ls", "--flow-name", "ingest").upper()
    # when the monitor's alarm sounds, then a run of retrain waits for a worker
    prefect("event", "emit", ALARM, "--resource-id", "fraud.model.fraud-detector")
    deadline = time.monotonic() + 60
    while not (found := runs_started_by_alarm()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(found) == 1
    # and it knows what started it, so that its model is not promoted by itself
    assert found[0].parameters["alarm"] is True


def runs_started_by_alarm() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        retrain = client.read_deployment_by_name("retrain/local").id
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[retrain]))
        )
    return [run for run in runs if not run.auto_scheduled]
