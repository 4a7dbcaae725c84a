"""The loop: the world changes, the monitor notices, a training brings a challenger, a person promotes it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings

from flows.monitor import monitor
from flows.retrain import retrain
from fraud.definitions.features import DAY_MS
from fraud.kafka.offsets import group_lag
from fraud.monitoring.report import MonitoringReport, alarms
from fraud.registry.versions import list_versions
from fraud.settings import Settings
from producer.history import HistoryPeriod, due_labels, publish_history
from producer.publisher import Publisher
from producer.scenario import load_scenario
from producer.simulator import Simulator
from producer.simulator.cardholders import midnight_ms
from producer.simulator.tables import LABELS
from producer.wire import label_messages
from tests.flows.small_training import flow_settings
from tests.flows.test_deploying import ROOT, prefect, program, runs_started_by_alarm
from tests.flows.test_monitor import alarms_on
from tests.serving.world import Running, predictions, running, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.spark, pytest.mark.timeout(600)]

SCENARIO = Path(__file__).with_name("drift_loop.yaml")
START = date(2026, 3, 2)
CALM_DAYS, CHANGED_DAYS = 50, 16
DAY = timedelta(days=1)
POOL = "drift-loop"
PATIENCE_S = 240


@pytest.fixture
def home(
    settings: Settings, mlflow_db: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings as the flows here and in the worker read them from the environment."""
    with flow_settings(settings, monkeypatch) as made:
        yield made


class World:
    """The simulated world, as long as it has lived."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._simulator = Simulator(load_scenario(str(SCENARIO)), seed=7, start=START)
        self.today = START
        self._pending = LABELS.empty_table()

    def live(self, days: int) -> None:
        """Let days pass: their payments, and the labels that fall due, go to Kafka."""
        span = HistoryPeriod(self.today, midnight_ms(self.today) + days * DAY_MS - 1)
        with Publisher(self._settings) as publisher:
            lived = publish_history(self._settings, publisher, self._simulator, span)
            known = pa.concat_tables([self._pending, lived.pending])
            due, self._pending = due_labels(known, span.end)
            publisher.send(self._settings.topics.labels, label_messages(due))
        self.today += days * DAY


@contextmanager
def deployed_with_a_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`retrain` and its automation as `prefect deploy` leaves them, and a worker that waits for runs."""
    environment = os.environ | {
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
    with monkeypatch.context() as patched:
        patched.chdir(ROOT)
        prefect("deploy", "--name", "retrain/local", "--pool", POOL)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(60)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            with get_client(sync_client=True) as client:
                client.delete_deployment(client.read_deployment_by_name("retrain/local").id)
                client.delete_work_pool(POOL)


def run_that_the_alarm_started(known: set[UUID]) -> FlowRun:
    """The finished run of `retrain` that was not there before."""

    def finished() -> FlowRun | None:
        new = [run for run in runs_started_by_alarm() if run.id not in known]
        return new[0] if new and new[0].state and new[0].state.is_final() else None

    run: FlowRun = wait_for(finished, PATIENCE_S)
    return run


def wait_until_scored(settings: Settings) -> None:
    """Everything on the topic has its prediction."""
    group, topic = settings.serving.group_id, settings.topics.transactions
    wait_for(lambda: group_lag(settings, group, topic) == 0, 60)


def versions_in_service(serving: Running) -> set[str]:
    """What the engine's metrics say of who scores."""
    samples = serving.metrics.samples("fraud_model_info")
    return {labels["version"] for labels, value in samples if labels["role"] == "champion" and value}


def test_drift_brings_a_challenger_that_a_person_puts_into_service(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(home)
    with deployed_with_a_worker(tmp_path, monkeypatch):
        # given a champion of calm days, in service
        world.live(CALM_DAYS)
        assert retrain().decision.promote
        with running(home) as serving:
            wait_until_scored(home)
            # then there is no alarm on what it did, and its features are those that it learnt from
            calm = monitor()
            assert alarms(calm, home.monitoring) == ()
            assert_consistent(calm)
            earlier = {run.id for run in runs_started_by_alarm()}
            # when thieves and card holders change their ways, and the monitor looks as it does every hour
            world.live(CHANGED_DAYS)
            wait_until_scored(home)
            drifted = monitor()
            # then Prefect hears the alarm, and it alone
            (alarm,) = alarms_on(home.registry.model_name)
            assert alarm["payload"] == {
                "model_version": "1",
                "reasons": list(alarms(drifted, home.monitoring)),
            }
            # and the automation starts a training, which goes through
            run = run_that_the_alarm_started(earlier)
            assert run.created_by is not None
            assert run.created_by.type == "AUTOMATION"
            assert run.state_name == "Completed", (tmp_path / "worker.log").read_text()[-5_000:]
            # and what it brought is the challenger, because an alarm alone promotes nothing
            newest, former = list_versions(home)
            assert (newest.version, newest.aliases) == ("2", ("challenger",))
            assert "a person promotes it with `fraud promote 2 --reason ...`" in newest.reason
            assert float(newest.tags["gate_average_precision_gain"]) > 0
            assert former.aliases == ("champion",)
            assert former.reason.startswith("promoted as the first")
            assert versions_in_service(serving) == {"1"}
            # when that person does it
            program("deployments.cli", "promote", "2", "--reason", "thieves take small sums now")
            # then the engine, which has been running all the while, scores with it
            wait_for(lambda: versions_in_service(serving) == {"2"})
            world.live(1)
            wait_until_scored(home)
    found = predictions(home)
    assert {one.model_version for one in found if one.timestamp < midnight_ms(world.today - DAY)} == {"1"}
    assert {one.model_version for one in found if one.timestamp >= midnight_ms(world.today - DAY)} == {"2"}
    # and what was served in the changed days, too, is what the lake has of them
    assert_consistent(monitor())


def assert_consistent(report: MonitoringReport) -> None:
    """Every prediction that can be compared has the features of its training row, and none is alone."""
    found = report.consistency
    assert found is not None
    assert found.compared > report.predictions / 2
    assert (found.mismatched, found.missing, found.extra) == (0, 0, 0), found.features
