"""Models of two definitions on the same rows: each takes its columns of the rows with all features."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from fraud.errors import IncompatibleModelError
from fraud.evaluation.backtest.candidates import RegisteredCandidates, RetrainingPlan
from fraud.evaluation.backtest.history import make_backtest_history
from fraud.evaluation.backtest.walk import run_backtest
from fraud.evaluation.comparison.champion import Champion
from fraud.evaluation.comparison.champion_scores import score_champion
from fraud.lake import open_lake
from fraud.monitoring.monitor import build_report
from fraud.monitoring.predictions import to_columns
from fraud.registry.bundle import ModelBundle
from fraud.settings import Settings
from fraud.training.dataset import Dataset, feature_matrix, make_dataset
from fraud.training.splits import TimeRange
from fraud.training.thresholds import ThresholdRules
from tests.conftest import SettingsFactory
from tests.definitions import EXTENDED, EXTENDED_FILE, V1
from tests.fraud.evaluation.backtest.histories import NOTHING, plan
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import dataset, tables, write_history


@pytest.fixture
def extended(make_settings: SettingsFactory) -> Settings:
    """Settings under which six features more are computed."""
    return make_settings(definitions=EXTENDED_FILE)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Rows with all features of the extended definitions."""
    return dataset(EXTENDED, days=40, per_day=100, fraud_rate=0.05)


def shipped_columns(data: Dataset) -> np.ndarray:
    """The columns of v1.yaml, by name."""
    return data.rows[:, [EXTENDED.feature_names.index(name) for name in V1.feature_names]]


def test_a_champion_of_the_shipped_features_scores_rows_with_more(extended: Settings, data: Dataset) -> None:
    # given
    champion, period = a_bundle(), TimeRange(int(data.timestamps[0]), int(data.timestamps[-1]) + 1)
    # when
    found = score_champion(extended, data, period, Champion("1", champion, champion.metadata))
    # then
    assert not isinstance(found, str)
    assert np.array_equal(found[1].scores, champion.score(shipped_columns(data)))


@pytest.mark.parametrize("of_shipped", [True, False])
def test_a_backtest_takes_the_model_of_either(data: Dataset, of_shipped: bool) -> None:
    # given a registered model of one of the two
    bundle = a_bundle(definitions=V1 if of_shipped else EXTENDED)
    rows, labels = tables(days=60, per_day=60, fraud_rate=0.05, definitions=EXTENDED)
    history = make_backtest_history(make_dataset(EXTENDED, rows, NOTHING, 0), labels)
    rules = RetrainingPlan(trials=1, seed=1, threads=1, rules=ThresholdRules("cost", 500, 0.8, 100))
    candidates = RegisteredCandidates(EXTENDED, bundle, rules)
    # when
    result = next(iter(run_backtest(history, plan(folds=1), candidates, review_cost=500, seed=1)))
    # then it has scored its own columns
    own = shipped_columns(result.test) if of_shipped else result.test.rows
    assert np.array_equal(result.scored[0].scores, bundle.score(own))


def test_rows_without_the_features_of_a_model_are_refused() -> None:
    with pytest.raises(IncompatibleModelError, match="devices_30d"):
        a_bundle(definitions=EXTENDED).select(V1, dataset(days=2, per_day=5).rows)


def test_the_monitor_compares_its_own_definitions_and_counts_the_others(extended: Settings) -> None:
    # given a champion of the shipped features, and predictions before and after the definitions grew
    champion: ModelBundle = replace(a_bundle(), version="1")
    lake = open_lake(extended)
    rows, labels = tables(days=40, per_day=150, definitions=EXTENDED)
    rows = with_profile_dates(rows)
    write_history(lake, rows, labels, EXTENDED)
    older, newer = rows.slice(rows.num_rows - 2_000, 500), rows.slice(rows.num_rows - 1_500)
    changed = predictions_on(older.slice(0, 200), np.zeros(200), definitions=EXTENDED)
    scored = [
        *(msgspec.structs.replace(one, definitions="0" * 16) for one in changed),
        *predictions_on(older.slice(200), np.zeros(300)),
        *predictions_on(newer, np.zeros(newer.num_rows), definitions=EXTENDED),
    ]
    # when
    predictions = to_columns(EXTENDED, scored)
    report = build_report(extended, lake, predictions, champion, 0)
    # then
    assert (len(predictions), len(predictions.sampled), predictions.other_definitions) == (2_000, 1_500, 500)
    assert np.array_equal(predictions.rows, feature_matrix(newer, EXTENDED.feature_names), equal_nan=True)
    assert report.consistency is not None
    assert (report.consistency.compared, report.consistency.mismatched) == (1_500, 0)
    assert any("500 predictions have features that other definitions computed" in one for one in report.notes)


def test_drift_is_that_of_all_features_and_of_the_score_of_the_champion_s(extended: Settings) -> None:
    # given a champion of the shipped features, trained on the first weeks of a history
    rows, labels = tables(days=40, per_day=150, definitions=EXTENDED)
    rows = with_profile_dates(rows)
    first = a_bundle()
    trained = first.metadata.model_copy(
        update={"train_start": rows["timestamp"].cast("timestamp[ms]")[0].as_py(),
                "train_end": rows["timestamp"].cast("timestamp[ms]")[3_000].as_py()}
    )  # fmt: skip
    champion = replace(first, metadata=trained, version="1")
    lake = open_lake(extended)
    write_history(lake, rows, labels, EXTENDED)
    recent = rows.slice(rows.num_rows - 3_000)
    vectors = feature_matrix(recent, EXTENDED.feature_names)
    scores = champion.score(champion.select(EXTENDED, vectors))
    # when
    predictions = to_columns(EXTENDED, predictions_on(recent, scores, definitions=EXTENDED))
    report = build_report(extended, lake, predictions, champion, 0)
    # then
    assert {one.name for one in report.features} == {
        one.name for one in EXTENDED.features if not one.is_calendar
    }
    assert report.score is not None
    assert report.score.psi < 0.1
