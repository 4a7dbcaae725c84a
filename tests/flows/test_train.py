import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pyarrow as pa
import pytest
from prefect.settings import PREFECT_API_URL

from flows.train import train
from fraud.definitions.features import FEATURE_VERSION
from fraud.errors import DataError, UnreachableError
from fraud.lake import open_lake
from fraud.registry.aliases import version_of_alias
from fraud.registry.bundle import probe_rows
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.trust.loading import load_bundle
from fraud.registry.versions import list_versions
from fraud.settings import Settings
from tests.definitions import V1
from tests.fraud.training.synthetic import tables, write_history

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(
    local_settings: Settings, mlflow_db: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings as the flow reads them, of a short history and one thread."""
    small = {"THREADS": 1, "TRAIN_DAYS": 20, "VALIDATION_DAYS": 7, "TEST_DAYS": 7, "SEARCH_FOLDS": 2}
    monkeypatch.setenv("FRAUD_HOME", str(local_settings.home))
    for name, value in small.items():
        monkeypatch.setenv(f"FRAUD_TRAINING__{name}", str(value))
    yield local_settings
    mlflow.end_run()


@pytest.mark.timeout(300)
def test_training_registers_a_champion_and_the_next_must_beat_it(home: Settings) -> None:
    # given a history in the lake
    write_history(open_lake(home), *tables(days=60, per_day=120, fraud_rate=0.05))
    # when a model is trained
    first = train(trials=2)
    # then it is the champion, with all that serving and people need
    assert first.decision.promote
    bundle = load_bundle(home, "1")
    assert version_of_alias(home) == "1"
    assert np.isfinite(bundle.score(probe_rows(len(V1.feature_names)))).all()
    assert bundle.metadata.metrics["average_precision"] > 0.3
    assert bundle.metadata.data_fingerprint
    # and the run has its plots
    with mlflow_client(home) as client:
        plots = {file.path for file in client.list_artifacts(list_versions(home)[0].run_id, "plots")}
    assert {"plots/precision_recall.png", "plots/savings.png", "plots/study.png"} <= plots
    # and its page says what it was trained on, what matters of its metrics, and what the gate decided
    newest = list_versions(home)[0]
    with mlflow_client(home) as client:
        run = client.get_run(newest.run_id)
        description = client.get_model_version("fraud-detector", "1").description
    (dataset,) = run.inputs.dataset_inputs
    rows = json.loads(dataset.dataset.profile)["num_rows"]
    assert (dataset.dataset.digest, rows > 1_000) == (bundle.metadata.data_fingerprint[:16], True)
    assert dataset.tags[0].value == "training"
    assert json.loads(dataset.dataset.source)["uri"].endswith(f"/features/v{FEATURE_VERSION}")
    assert bundle.metadata.train_start.strftime("trained on %Y-%m-%d to ") in run.info.run_name
    headline = {name for name in run.data.metrics if name.startswith("headline/")}
    assert len(headline) == 5
    assert run.data.metrics["headline/recall"] == run.data.metrics["test_recall"]
    assert run.data.tags["gate"] == "promoted"
    for text in (description, run.data.tags["mlflow.note.content"]):
        assert "| average precision |" in text
        assert "**promoted**. promoted as the first" in text
    # when the same is trained again, then the equal model is not promoted and the registry says why
    second = train(trials=2)
    assert not second.decision.promote
    assert version_of_alias(home) == "1"
    newest = list_versions(home)[0]
    assert newest.version == "2"
    assert "not better beyond noise" in newest.reason


@pytest.mark.timeout(300)
def test_a_training_by_alarm_makes_a_challenger_unless_configured(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a champion
    write_history(open_lake(home), *tables(days=60, per_day=60, fraud_rate=0.05))
    assert train(trials=1).decision.promote
    # when an alarm starts a training
    decision = train(trials=1, alarm=True).decision
    # then its model is the challenger, and the flow's result says what a person must do
    assert (decision.promote, decision.challenger) == (False, True)
    assert "`fraud promote 2 --reason ...`" in decision.reason
    assert decision.figures["champion_scores"] == "scored again"
    assert (version_of_alias(home), version_of_alias(home, "challenger")) == ("1", "2")
    # and where alarms may promote, the gate decides
    monkeypatch.setenv("FRAUD_TRAINING__PROMOTE_ON_ALARM", "auto")
    gated = train(trials=1, alarm=True).decision
    assert (gated.promote, gated.challenger) == (False, False)
    assert "not better beyond noise" in gated.reason


def test_an_empty_lake_registers_nothing(home: Settings) -> None:
    with pytest.raises(DataError, match="no training rows"):
        train(trials=1)
    assert list_versions(home) == []


def test_a_history_without_fraud_registers_nothing(home: Settings) -> None:
    rows, labels = tables(days=60, per_day=20)
    write_history(open_lake(home), rows, labels.slice(0, 1))
    with pytest.raises(DataError, match=r"no fraud|nothing but"):
        train(trials=1)
    assert list_versions(home) == []


def test_a_history_too_short_registers_nothing(home: Settings) -> None:
    write_history(open_lake(home), *tables(days=20, per_day=100))
    with pytest.raises(DataError, match="too short"):
        train(trials=1)
    assert list_versions(home) == []


def test_a_leaked_label_stops_the_training(home: Settings) -> None:
    # given a feature that is the label
    rows, labels = tables(days=60, per_day=60)
    leaked = np.isin(rows["transaction_id"].to_numpy(), labels["transaction_id"].to_numpy())
    column = rows.column_names.index("high_recent")
    rows = rows.set_column(column, "high_recent", [leaked.astype(np.float32)])
    write_history(open_lake(home), rows, labels)
    # then training says which
    with pytest.raises(DataError, match="high_recent"):
        train(trials=1)
    assert list_versions(home) == []


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("amount", None, r"have no amount \(first: t700\)"),
        ("hour", 25.0, r"features are within their bounds.*first: t700"),
    ],
)
def test_broken_rows_stop_the_training_and_are_named(
    home: Settings, column: str, value: object, words: str
) -> None:
    # given a lake of which one row is broken
    rows, labels = tables(days=60, per_day=20)
    values = rows[column].to_pylist()
    values[700] = value
    broken = pa.array(values, rows[column].type)
    write_history(open_lake(home), rows.set_column(rows.column_names.index(column), column, broken), labels)
    # then training names it, and registers nothing
    with pytest.raises(DataError, match=words):
        train(trials=1)
    assert list_versions(home) == []


def test_a_store_that_fails_midway_leaves_no_half_made_version(home: Settings) -> None:
    # given an artifact store that takes nothing
    write_history(open_lake(home), *tables(days=60, per_day=60, fraud_rate=0.05))
    (home.home / "mlartifacts").write_text("a file where a folder should be")
    # then the training ends with a sentence, its run has failed, and no version is there
    with pytest.raises(UnreachableError, match="MLflow at"):
        train(trials=1)
    assert list_versions(home) == []
    with mlflow_client(home) as client:
        runs = client.search_runs([experiment_id(home)])
    assert [run.info.status for run in runs] == ["FAILED"]


@pytest.mark.spark
@pytest.mark.timeout(300)
def test_the_model_of_the_engine_spark_serves_like_any_other(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a history and a Spark of two cores
    write_history(open_lake(home), *tables(days=60, per_day=60, fraud_rate=0.05))
    monkeypatch.setenv("FRAUD_SPARK__MASTER", "local[2]")
    monkeypatch.setenv("FRAUD_SPARK__DRIVER_MEMORY", "1g")
    # when it trains
    decision = train(trials=1, engine="spark").decision
    # then the champion is its model, which only its record shows
    bundle = load_bundle(home, "1")
    assert decision.promote
    assert bundle.metadata.engine == "spark"
    assert np.isfinite(bundle.score(probe_rows(len(V1.feature_names)))).all()
    with mlflow_client(home) as client:
        run = client.get_run(list_versions(home)[0].run_id)
    assert run.data.params["engine"] == "spark"


def test_without_mlflow_the_sentence_comes_before_the_search(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_history(open_lake(home), *tables(days=60, per_day=60))
    monkeypatch.setenv("FRAUD_REGISTRY__TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(Exception, match="MLflow at"):
        train(trials=1)


def test_the_file_runs_alone_and_ends_with_a_message(home: Settings) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "flows" / "train.py"), "--trials", "1"],
        cwd=home.home, env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == DataError.exit_code, done.stderr
    assert "error: the lake has no training rows" in done.stderr
    assert "Traceback" not in done.stderr
