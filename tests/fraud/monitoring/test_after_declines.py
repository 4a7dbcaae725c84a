"""Monitoring after declines: figures on what was observed, and the fraud that nobody reported."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud.definitions.features import DAY_MS
from fraud.lake import Lake, open_lake
from fraud.monitoring.monitor import build_report
from fraud.monitoring.predictions import MonitoredPrediction, to_columns
from fraud.monitoring.report import MonitoringReport, as_document, as_markdown, as_metrics
from fraud.monitoring.shadow import compare_models
from fraud.settings import Settings
from tests.definitions import V1
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates
from tests.fraud.monitoring.test_monitor import a_champion
from tests.fraud.monitoring.test_shadow import labels as shadow_labels
from tests.fraud.monitoring.test_shadow import scored_by_both
from tests.fraud.training.synthetic import START_MS, labels_of, tables, write_history

SHARE = 0.2
Flags = npt.NDArray[np.bool_]


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    return open_lake(local_settings)


def changed(
    predictions: list[MonitoredPrediction], chosen: Flags, **values: Any
) -> list[MonitoredPrediction]:
    return [
        msgspec.structs.replace(one, **values) if is_chosen else one
        for one, is_chosen in zip(predictions, chosen, strict=True)
    ]


def report_on(
    settings: Settings, lake: Lake, predictions: list[MonitoredPrediction], rows: pa.Table, labels: pa.Table
) -> MonitoringReport:
    write_history(lake, with_profile_dates(rows), labels)
    return build_report(settings, lake, to_columns(V1, predictions), a_champion(), START_MS)


def history() -> tuple[pa.Table, pa.Table, list[MonitoredPrediction]]:
    """Rows, labels and the champion's predictions, in order of time."""
    rows, labels = tables(days=40, per_day=150, fraud_rate=0.1)
    champion, made = a_champion(), with_profile_dates(rows)
    vectors = np.stack([rows[name].to_numpy() for name in V1.feature_names], axis=1).astype(np.float32)
    return rows, labels, predictions_on(made, champion.score(vectors), threshold=champion.threshold)


def without(labels: pa.Table, ids: list[str]) -> pa.Table:
    return labels.filter(pc.invert(pc.is_in(labels["transaction_id"], pa.array(ids))))


def test_a_control_group_gives_back_the_recall_that_declines_hide(
    local_settings: Settings, lake: Lake
) -> None:
    # given what the monitor would say if nothing were held back
    rows, labels, predictions = history()
    expected = report_on(local_settings, lake, predictions, rows, labels).matured
    # when the same payments are declined, but for those of the control group, and their frauds never reported
    flagged = np.array([one.decision != "approve" for one in predictions])
    control = flagged & (np.random.default_rng(0).random(len(predictions)) < SHARE)
    served = changed(predictions, flagged, decision="decline")
    served = changed(served, control, decision="approve", would_be="decline", control_share=SHARE)
    hidden = [one.transaction_id for one in served if one.decision == "decline"]
    report = report_on(local_settings, lake, served, rows, without(labels, hidden))
    # then precision and recall are about the same, and what was not observed is counted
    assert expected is not None
    assert report.matured is not None
    assert report.matured.recall == pytest.approx(expected.recall, abs=0.08)
    assert report.matured.precision == pytest.approx(expected.precision, abs=0.12)
    assert report.matured.unobserved > 0.7 * expected.alerts
    assert any("their outcomes are unobserved" in note for note in report.notes)
    assert as_metrics(report)["matured_unobserved"] == report.matured.unobserved


def test_without_declines_nothing_is_unobserved(local_settings: Settings, lake: Lake) -> None:
    rows, labels, predictions = history()
    report = report_on(local_settings, lake, predictions, rows, labels)
    assert report.matured is not None
    assert report.matured.unobserved == 0
    assert (report.notes, report.missed) == ((), None)


def test_reviewed_samples_give_the_fraud_that_nobody_reported(local_settings: Settings, lake: Lake) -> None:
    # given frauds of which half are never reported, and a fifth of the approved payments reviewed by analysts
    rows, labels, predictions = history()
    fraud = set(labels["transaction_id"].to_pylist())
    random = np.random.default_rng(1)
    approved = np.array([one.decision == "approve" for one in predictions])
    sampled = approved & (random.random(len(predictions)) < 0.2)
    quiet = [
        one.transaction_id for one in predictions if one.transaction_id in fraud and random.random() < 0.5
    ]
    served = changed(predictions, sampled, is_sample=True)
    reviews = [
        labels_of([one.transaction_id], [one.timestamp + DAY_MS], one.transaction_id in fraud)
        for one in served
        if one.is_sample
    ]
    reviewed = pa.concat_tables(reviews).append_column("source", pa.array(["analyst"] * len(reviews)))
    reported = without(labels, quiet)
    reported = reported.append_column("source", pa.array(["chargeback"] * reported.num_rows))
    # when the monitor looks
    report = report_on(local_settings, lake, served, rows, pa.concat_tables([reported, reviewed]))
    # then its interval has the true number of missed frauds among the payments that have matured
    newest = (
        max(labels["reported_at"].to_pylist()) - local_settings.training.label_delay.total_seconds() * 1_000
    )
    matured = [one for one in served if one.timestamp <= newest]
    true = sum(one.decision == "approve" and one.transaction_id in fraud for one in matured)
    assert report.missed is not None
    assert report.missed.payments.low < true < report.missed.payments.high
    assert report.missed.recall is not None
    assert report.matured is not None
    assert report.matured.recall is not None
    assert report.missed.recall.value < report.matured.recall
    assert "missed_fraud_high" in as_metrics(report)
    assert "| missed_fraud |" in as_markdown(report, local_settings.monitoring)
    assert as_document(report, local_settings.monitoring)["missed"]["reviewed"] == report.missed.reviewed


def test_champion_and_challenger_are_compared_on_what_was_observed(local_settings: Settings) -> None:
    # given payments that the champion declined, and of which nothing was reported
    scored = [
        msgspec.structs.replace(one, decision="decline") if one.score >= one.threshold else one
        for one in scored_by_both(1.0)
    ]
    hidden = [one.transaction_id for one in scored if one.decision == "decline"]
    # when both are compared
    report = compare_models(
        local_settings, scored, without(shadow_labels(), hidden), challenger_threshold=0.5
    )
    # then these payments are in neither evaluation
    assert report.evaluations is not None
    assert report.evaluations[0].rows == report.evaluations[1].rows < report.matured
    assert report.evaluations[0].alerts_per_day == 0
    assert report.evaluations[1].precision.value == 1.0
