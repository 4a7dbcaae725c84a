from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud.definitions.features import DAY_MS
from fraud.lake import Lake, open_lake
from fraud.monitoring.monitor import build_report
from fraud.monitoring.predictions import Predictions, to_columns
from fraud.monitoring.report import (
    MonitoringReport,
    alarms,
    as_document,
    as_markdown,
    as_metrics,
    inconsistencies,
)
from fraud.registry.bundle import ModelBundle
from fraud.settings import Settings
from fraud.training.dataset import feature_matrix
from tests.definitions import V1
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import START_MS, labels_of, tables, write_history

NOW_MS = START_MS
TRAINED = START_MS + 20 * DAY_MS
Alter = Callable[[np.ndarray], np.ndarray]


def a_champion(recall: float = 0.3) -> ModelBundle:
    trained = datetime.fromtimestamp(TRAINED / 1_000, UTC)
    bundle = a_bundle(
        60,
        threshold=0.2,
        train_start=trained - timedelta(days=20),
        train_end=trained,
        metrics={"recall": recall},
    )
    return replace(bundle, version="1")


def scored(lake: Lake, champion: ModelBundle, alter: Alter = lambda vectors: vectors) -> Predictions:
    """A history in the lake, and the champion's predictions on its last 14 days."""
    rows, labels = tables(days=40, per_day=150)
    write_history(lake, with_profile_dates(rows), labels)
    recent = with_profile_dates(rows.filter(pc.greater(rows["timestamp"], START_MS + 26 * DAY_MS)))
    vectors = alter(feature_matrix(recent, V1.feature_names))
    for name, column in zip(V1.feature_names, vectors.T, strict=True):
        recent = recent.set_column(recent.column_names.index(name), name, pa.array(column))
    return to_columns(V1, predictions_on(recent, champion.score(vectors), threshold=champion.threshold))


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    return open_lake(local_settings)


def build(
    settings: Settings, lake: Lake, champion: ModelBundle, predictions: Predictions
) -> MonitoringReport:
    return build_report(settings, lake, predictions, champion, NOW_MS)


def test_a_model_that_does_as_expected_raises_no_alarm(local_settings: Settings, lake: Lake) -> None:
    # given
    champion = a_champion()
    # when
    report = build(local_settings, lake, champion, scored(lake, champion))
    # then
    limits = local_settings.monitoring
    assert alarms(report, limits) == ()
    assert inconsistencies(report) == ()
    assert report.notes == ()
    assert report.matured is not None
    assert report.matured.frauds >= limits.min_frauds
    assert report.label_delay["p50"] == pytest.approx(5.0)
    assert report.consistency is not None
    assert report.consistency.compared == report.predictions
    # and it can be kept and read
    assert as_document(report, limits)["matured"]["recall"] == report.matured.recall
    assert as_metrics(report)["matured_recall"] == report.matured.recall
    assert "No alarms." in as_markdown(report, limits)


def test_a_shift_raises_the_alarm_and_is_named(local_settings: Settings, lake: Lake) -> None:
    # given a feature that is far higher where serving looks
    def higher(vectors: np.ndarray) -> np.ndarray:
        vectors[:, V1.feature_names.index("amount_ratio_30d")] += 10
        return vectors

    champion = a_champion()
    # when
    report = build(local_settings, lake, champion, scored(lake, champion, higher))
    # then drift is an alarm; that serving computed something else than the lake is another matter
    sentences = " ".join(alarms(report, local_settings.monitoring))
    assert "amount_ratio_30d has drifted" in sentences
    assert "score has drifted" in sentences
    assert "amount_ratio_30d" in " ".join(inconsistencies(report))


def test_a_fallen_recall_raises_the_alarm(local_settings: Settings, lake: Lake) -> None:
    # given a champion that promised more
    champion = a_champion(recall=1.3)
    report = build(local_settings, lake, champion, scored(lake, champion))
    assert "recall has fallen" in " ".join(alarms(report, local_settings.monitoring))
    # but few frauds prove nothing
    limits = local_settings.monitoring.model_copy(update={"min_frauds": 10_000})
    assert alarms(report, limits) == ()


def test_what_a_policy_decides_is_not_held_against_the_model(local_settings: Settings, lake: Lake) -> None:
    # given a policy that approves everything, whatever the model says
    champion = a_champion()
    by_model = scored(lake, champion)
    approving = replace(by_model, outcomes=np.zeros_like(by_model.outcomes))
    # when
    expected, report = (build(local_settings, lake, champion, one) for one in (by_model, approving))
    # then the model's recall is as before, while no day has an alert
    assert report.matured == expected.matured
    assert [day.alerts for day in report.days] == [0] * len(report.days)


def test_only_the_champions_own_predictions_are_held_against_it(local_settings: Settings, lake: Lake) -> None:
    # given predictions of the version before
    champion = a_champion()
    predictions = scored(lake, champion)
    # when a new champion is in service
    report = build(local_settings, lake, replace(champion, version="2"), predictions)
    # then none of its predictions has matured, and the days are in the report all the same
    assert report.matured is None
    assert "no prediction of the champion has matured yet" in report.notes
    assert sum(day.matured.frauds for day in report.days) > 0


def test_missing_data_is_noted_and_no_error(local_settings: Settings, lake: Lake) -> None:
    # given neither model nor predictions, then predictions and an empty lake
    nothing = build_report(local_settings, lake, to_columns(V1, []), None, NOW_MS)
    rows, _ = tables(days=2, per_day=20)
    few = to_columns(V1, predictions_on(with_profile_dates(rows), np.zeros(rows.num_rows)))
    lonely = build_report(local_settings, lake, few, None, NOW_MS)
    # then the notes say what is not there
    assert "no predictions yet" in " ".join(nothing.notes)
    assert "alias champion" in " ".join(nothing.notes)
    for missing in ("no labels", "no training rows", "alias champion"):
        assert missing in " ".join(lonely.notes)
    for report in (nothing, lonely):
        assert alarms(report, local_settings.monitoring) == ()
        assert as_markdown(report, local_settings.monitoring)


def test_repeated_labels_and_labels_of_unknown_transactions_change_no_figure(
    local_settings: Settings, lake: Lake
) -> None:
    # given a report, and a lake with every label twice and some on transactions that nobody knows
    champion = a_champion()
    predictions = scored(lake, champion)
    report = build(local_settings, lake, champion, predictions)
    rows, labels = tables(days=40, per_day=150)
    strangers = labels_of([f"nobody-{number}" for number in range(50)], [START_MS + 30 * DAY_MS] * 50)
    untidy = Lake(lake.filesystem, f"{lake.root}-untidy")
    write_history(untidy, with_profile_dates(rows), pa.concat_tables([labels, labels, strangers]))
    # then the figures are equal
    assert build(local_settings, untidy, champion, predictions) == report


def test_of_contradicting_labels_the_latest_report_counts(local_settings: Settings, lake: Lake) -> None:
    # given every fraud taken back a day later
    champion = a_champion()
    predictions = scored(lake, champion)
    rows, labels = tables(days=40, per_day=150)
    later = (labels["reported_at"].to_numpy() + DAY_MS).tolist()
    corrections = labels_of(labels["transaction_id"].to_pylist(), later, is_fraud=False)
    corrected = Lake(lake.filesystem, f"{lake.root}-corrected")
    write_history(corrected, with_profile_dates(rows), pa.concat_tables([labels, corrections]))
    # then nothing was fraud
    report = build(local_settings, corrected, champion, predictions)
    assert report.matured is not None
    assert report.matured.frauds == 0
    assert report.matured.recall is None


def test_merchants_whose_profiles_are_of_other_days_have_not_drifted(
    local_settings: Settings, lake: Lake
) -> None:
    # given a history that was scored at once, with the newest profiles, which differ from those of its days
    champion = a_champion()

    def later(vectors: np.ndarray) -> np.ndarray:
        column = V1.feature_names.index("merchant_count_7d")
        vectors[:, column] += 5
        return vectors

    predictions = scored(lake, champion, later)
    assert build(local_settings, lake, champion, predictions).features[0].name == "merchant_count_7d"
    newest = pa.array(["2024-05-01"] * len(predictions.sampled))
    # when
    report = build(local_settings, lake, champion, replace(predictions, profile_dates=newest))
    # then
    assert alarms(report, local_settings.monitoring) == ()
    assert not [one for one in report.features if one.name.startswith("merchant_count")]
    assert any("profiles of their day, too few" in note for note in report.notes)


def test_what_is_younger_than_the_newest_report_has_not_matured(local_settings: Settings, lake: Lake) -> None:
    # given labels that were ingested last on the 35th of 40 days, with a delay of seven
    champion = a_champion()
    predictions = scored(lake, champion)
    rows, labels = tables(days=40, per_day=150)
    until = START_MS + 35 * DAY_MS
    late = Lake(lake.filesystem, f"{lake.root}-late")
    write_history(late, with_profile_dates(rows), labels.filter(pc.less(labels["reported_at"], until)))
    # then no prediction of after the 28th day counts as legitimate yet
    report = build(local_settings, late, champion, predictions)
    matured = {day.date.isoformat(): day.matured.predictions for day in report.days}
    assert matured["2024-03-28"] > 0
    assert not any(count for day, count in matured.items() if day >= "2024-03-30")
