"""The monitor on a real broker, registry and Prefect server."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import mlflow
import msgspec
import pyarrow.compute as pc
import pytest
from confluent_kafka import Producer
from prefect.client.orchestration import get_client

from flows.monitor import monitor
from fraud.definitions.features import DAY_MS
from fraud.errors import IncompatibleModelError, UnreachableError
from fraud.kafka.clients import flush, producer_config
from fraud.lake import open_lake
from fraud.monitoring.predictions import MonitoredPrediction
from fraud.registry.aliases import promote
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.versions import log_and_register
from fraud.settings import Settings
from fraud.training.dataset import feature_matrix
from tasks.monitor import ALARM
from tests.definitions import V1
from tests.flows.test_ingest import environment
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates
from tests.fraud.signing.signed import force_alias
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import START_MS, tables, write_history

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
PATIENCE_S = 60


@pytest.fixture
def home(
    settings: Settings, mlflow_db: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings as the flow reads them."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    yield settings
    mlflow.end_run()


def put(settings: Settings, predictions: list[MonitoredPrediction]) -> None:
    """What serving would have put on the topic, scored now."""
    producer = Producer(producer_config(settings))
    for one in predictions:
        producer.produce(settings.topics.predictions, msgspec.json.encode(one), key=one.transaction_id)
    producer.produce(settings.topics.predictions, b"no prediction", key="x")
    producer.produce(settings.topics.predictions, msgspec.json.encode(predictions[0]), key="x")
    flush(producer, 30)


def alarms_on(model: str) -> list[dict[str, Any]]:
    """What the server has heard of this model; it hears a moment later."""

    async def ask() -> list[dict[str, Any]]:
        wanted = {"event": {"name": [ALARM]}, "resource": {"id": [f"fraud.model.{model}"]}}
        async with get_client() as client:
            answer = await client._client.post("/events/filter", json={"filter": wanted})
            return list(answer.json()["events"])

    deadline = time.monotonic() + PATIENCE_S
    while not (found := asyncio.run(ask())) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_drifted_traffic_is_reported_everywhere_and_raises_the_alarm(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a champion, the history that it learnt from, and its predictions on the days after
    name = f"detector-{home.topics.predictions.partition('.')[0]}"
    monkeypatch.setenv("FRAUD_REGISTRY__MODEL_NAME", name)
    settings = home.model_copy(update={"registry": home.registry.model_copy(update={"model_name": name})})
    trained = datetime.fromtimestamp(START_MS / 1_000, UTC) + timedelta(days=20)
    bundle = a_bundle(
        model_name=name, train_start=trained - timedelta(days=20), train_end=trained, metrics={"recall": 0.3}
    )
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment_id(settings)) as run:
        version = log_and_register(settings, bundle, run.info.run_id)
    promote(settings, version, "the first")
    rows, labels = tables(days=40, per_day=100)
    rows = with_profile_dates(rows)
    write_history(open_lake(settings), rows, labels)
    recent = rows.filter(pc.greater(rows["timestamp"], START_MS + 27 * DAY_MS))
    scores = bundle.score(feature_matrix(recent, V1.feature_names))
    # when the score drifts
    drifted = 0.5 + scores / 2
    put(settings, predictions_on(recent, drifted, threshold=bundle.threshold, version=version))
    report = monitor()
    # then the report says so
    assert report.predictions == recent.num_rows
    assert report.repeated == 1
    assert "1 messages are no predictions" in report.notes
    assert report.consistency is not None
    assert (report.consistency.compared, report.consistency.mismatched) == (recent.num_rows, 0)
    assert (report.consistency.missing, report.consistency.extra) == (0, 0)
    # and the lake and MLflow have it
    kept = open_lake(settings).read_json(f"monitoring/{report.date}.json")
    assert "score has drifted" in kept["alarms"][0]
    with mlflow_client(settings) as client:
        experiment = client.get_experiment_by_name(f"{settings.registry.experiment}-monitoring")
        (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.metrics["score_psi"] == kept["score"]["psi"]
    with mlflow_client(settings) as client:
        daily = client.get_metric_history(logged.info.run_id, "daily_alert_rate")
    assert [one.value for one in daily] == [day.alert_rate for day in report.days]
    # and Prefect has heard the alarm
    (alarm,) = alarms_on(name)
    assert alarm["payload"] == {"model_version": version, "reasons": kept["alarms"]}


def test_with_nothing_there_yet_the_report_says_so(home: Settings) -> None:
    report = monitor()
    assert report.predictions == 0
    assert "there are no predictions yet" in report.notes
    assert open_lake(home).exists(f"monitoring/{report.date}.json")


def test_without_mlflow_it_ends_with_a_sentence(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setenv("FRAUD_REGISTRY__TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr("tasks.monitor.check_model.retries", 0)
    # then
    with pytest.raises(UnreachableError, match="MLflow at"):
        monitor()


def test_a_champion_of_another_feature_version_ends_with_a_sentence(home: Settings) -> None:
    # given an alias that somebody moved by hand to a model of before the features changed
    with mlflow_client(home), mlflow.start_run(experiment_id=experiment_id(home)) as run:
        version = log_and_register(home, a_bundle(feature_version=99), run.info.run_id)
    force_alias(home, version)
    # then no figure is held against it
    with pytest.raises(IncompatibleModelError, match="needs feature version 99"):
        monitor()
    assert not open_lake(home).exists("monitoring")
