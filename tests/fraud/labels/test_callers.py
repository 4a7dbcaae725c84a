"""All who ask for a label get the same one: training, backtest, monitor, shadow, explain, profiles, Spark."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.foreign.evaluation import _frauds
from fraud.evaluation.backtest.history import history_from_tables
from fraud.evaluation.backtest.lake_history import history_from_lake
from fraud.features.daily import date_of, fraud_spans
from fraud.features.table import FeatureRows
from fraud.labels.joining import join_labels
from fraud.lake import Lake, open_lake
from fraud.lineage.labels import find_labels
from fraud.monitoring.monitor import build_report
from fraud.monitoring.predictions import Predictions, to_columns
from fraud.monitoring.shadow import ShadowPrediction, _as_dataset
from fraud.schema import Prediction
from fraud.settings import Settings
from fraud.training.contracts.columns import IDENTITY_COLUMNS
from fraud.training.dataset import feature_matrix, make_dataset
from fraud.training.history import load_history
from fraud.training.spark_engine import _frauds as frauds_for_spark
from fraud.training.splits import TimeRange
from tests.definitions import V1
from tests.fraud.evaluation.backtest.histories import a_history, at, plan
from tests.fraud.labels.reports import DAY, Row, labels_table
from tests.fraud.monitoring.scored import predictions_on, with_profile_dates
from tests.fraud.training.synthetic import START, START_MS, tables, write_history

DAYS = 60
MOMENT = START_MS + 50 * DAY
NEWEST = 45
"""The labels of payments until this day are compared."""


NASTY: list[list[tuple[float, str, bool]]] = [
    [(3, "analyst", True), (33, "chargeback", True)],  # confirmed later
    [(2, "chargeback", True), (4, "analyst", False)],  # a lower source contradicts
    [(5, "chargeback", False), (1, "chargeback", True)],  # revised, and arrived the wrong way round
    [(-1, "chargeback", True)],  # before its payment
    [(1, "customer", True), (2, "customer", False), (3, "analyst", True)],  # revoked and reported again
]
"""Days after the payment, source and report of the reports on a payment."""


def nasty(rows: pa.Table) -> pa.Table:
    """Reports on some of the payments: `NASTY`, of another card, just after the moment, in a far future."""
    labels: list[Row] = []

    def say(one: Row, time: int, source: str, is_fraud: bool, card: str | None = None) -> None:
        wire = {
            "transaction_id": one["transaction_id"], "card_id": card or one["card_id"], "is_fraud": is_fraud,
            "reported_at": time, "source": source, "partition": 0, "offset": len(labels),
        }  # fmt: skip
        labels.append(wire)

    for index, one in enumerate(rows.select(["transaction_id", "card_id", "timestamp"]).to_pylist()):
        kind = index % 40
        for days, source, is_fraud in NASTY[kind] if kind < len(NASTY) else ():
            say(one, one["timestamp"] + int(days * DAY), source, is_fraud)
        if kind == len(NASTY):
            say(one, one["timestamp"] + DAY, "chargeback", True, "somebody")
        if kind == len(NASTY) + 1:
            say(one, MOMENT + 1, "chargeback", True)
            say(one, MOMENT + 20_000 * DAY, "chargeback", True)
    return labels_table(labels)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return with_profile_dates(tables(days=DAYS, per_day=60)[0])


@pytest.fixture
def lake(local_settings: Settings, rows: pa.Table) -> Lake:
    lake = open_lake(local_settings)
    write_history(lake, rows.filter(pc.less_equal(rows["timestamp"], MOMENT)), nasty(rows))
    return lake


def asked(rows: pa.Table, names: pa.ChunkedArray, labels: np.ndarray) -> dict[str, int]:
    """Labels by transaction, of those up to `NEWEST`."""
    recent = rows.filter(pc.less(rows["timestamp"], START_MS + NEWEST * DAY))["transaction_id"].to_pylist()
    found = dict(zip(names.to_pylist(), labels.tolist(), strict=True))
    return {name: found[name] for name in recent if name in found}


def expected(rows: pa.Table) -> dict[str, int]:
    history = join_labels(rows, nasty(rows)).history
    return asked(rows, rows["transaction_id"], history.as_known_at(MOMENT))


def test_training_and_backtest_agree(local_settings: Settings, lake: Lake, rows: pa.Table) -> None:
    truth = expected(rows)
    assert 0 < sum(truth.values()) < len(truth) / 10
    # training
    data = make_dataset(V1, rows, nasty(rows), MOMENT)
    assert asked(rows, data.identity["transaction_id"], data.labels) == truth
    history = load_history(V1, lake, longest=timedelta(days=90), delay=timedelta(days=1))
    known = history.data.as_known_at(MOMENT)
    found = asked(rows, known.identity["transaction_id"], known.labels)
    assert found == {name: truth[name] for name in found}
    assert "were reported before their payment" in " ".join(history.notes)
    # backtest over the lake and over files
    period = TimeRange(START_MS, MOMENT)
    walked = history_from_lake(V1, lake, period).as_known_before(MOMENT + 1)
    assert asked(rows, walked.identity["transaction_id"], walked.labels) == truth
    features = FeatureRows(feature_matrix(rows, V1.feature_names), np.arange(rows.num_rows))
    own = rows.select([*IDENTITY_COLUMNS, "timestamp", "amount"])
    filed = history_from_tables(V1, own, nasty(rows), features).as_known_before(MOMENT + 1)
    assert asked(rows, filed.identity["transaction_id"], filed.labels) == truth
    # the frauds that Spark's executors are given
    keys = {key.split("\0")[1] for key in frauds_for_spark(data).to_pylist()}
    assert {name: int(name in keys) for name in truth} == truth


def test_monitor_shadow_explain_and_quality_agree(
    local_settings: Settings, lake: Lake, rows: pa.Table
) -> None:
    truth = expected(rows)
    paid = rows.filter(pc.less_equal(rows["timestamp"], MOMENT))
    predictions = to_columns(V1, predictions_on(paid, np.zeros(paid.num_rows)))
    report = build_report(local_settings, lake, predictions, None, MOMENT)
    matured_days = [day for day in report.days if day.date < START + timedelta(days=NEWEST)]
    by_day = {day.date: day.matured.frauds for day in matured_days}
    assert all(day.matured.predictions for day in matured_days)
    by_now = join_labels(rows, nasty(rows)).history.as_known_at(report.moment)
    assert report.moment < MOMENT + 60 * DAY
    assert by_day == frauds_by_day(paid, asked(rows, rows["transaction_id"], by_now), by_day)
    # shadow
    both = [
        ShadowPrediction(one["transaction_id"], one["card_id"], one["timestamp"], 1, 0.0, 0.5, "1", "2", 0.0)
        for one in paid.select(["transaction_id", "card_id", "timestamp"]).to_pylist()
    ]
    shadow = _as_dataset(local_settings, both, nasty(rows), MOMENT)
    assert asked(rows, paid["transaction_id"], shadow.labels) == truth
    # explain and the benchmark of foreign data, as of now, when all but the far future is known
    scored = [prediction(one) for one in both[:60]]
    now = join_labels(rows, nasty(rows)).history.as_known_at(MOMENT + 10_000 * DAY)[:60]
    found = [find_labels(local_settings, lake, one).is_fraud for one in scored]
    assert [bool(one) for one in found] == now.astype(bool).tolist()
    ended = nasty(rows).filter(pc.less(nasty(rows)["reported_at"], MOMENT + 10_000 * DAY))
    assert _frauds(ended, scored, local_settings.labels).tolist() == now.tolist()


def test_profiles_agree_at_every_midnight(rows: pa.Table) -> None:
    history = join_labels(rows, nasty(rows)).history
    spans = fraud_spans(history, rows["transaction_id"]).to_pylist()
    for number in range(DAYS):
        midnight = START_MS + number * DAY
        labels = history.as_known_at(midnight - 1)
        names = {name for name, one in zip(rows["transaction_id"].to_pylist(), labels, strict=True) if one}
        day = midnight // DAY
        standing = [one for one in spans if one["since_day"] < day <= one["valid_until"]]
        assert {one["merchant_id"] for one in standing} == names
        assert len(standing) == len(names)


def frauds_by_day(paid: pa.Table, truth: dict[str, int], days: dict[date, int]) -> dict[date, int]:
    found = dict.fromkeys(days, 0)
    for name, time in zip(paid["transaction_id"].to_pylist(), paid["timestamp"].to_pylist(), strict=True):
        if (day := date_of(time // DAY)) in found and name in truth:
            found[day] += truth[name]
    return found


def prediction(one: ShadowPrediction) -> Prediction:
    return Prediction(
        transaction_id=one.transaction_id, card_id=one.card_id, timestamp=one.timestamp, amount=1,
        currency="EUR", score=0.0, decision="approve", threshold=0.5, model_name="m", model_version="1",
        feature_version=1, scored_at=one.timestamp,
    )  # fmt: skip


def stopped(labels: pa.Table, last: int) -> pa.Table:
    """The labels of a feed that stopped after so many days."""
    return labels.filter(pc.less(labels["reported_at"], START_MS + last * DAY))


def test_a_feed_that_stopped_makes_training_take_older_rows_and_say_so(local_settings: Settings) -> None:
    # given sixty days of payments, whose labels stopped after forty, and one label from the future
    rows, labels = tables(days=DAYS, per_day=100)
    lake = open_lake(local_settings)
    ahead = labels.slice(0, 1).set_column(2, "reported_at", pa.array([START_MS + 20_000 * DAY]))
    write_history(lake, rows, pa.concat_tables([stopped(labels, 40), ahead]))
    # when training reads them
    history = load_history(V1, lake, longest=timedelta(days=90), delay=timedelta(days=7))
    # then no row is younger than the last labels allow, and the notes say why
    assert START_MS + 32 * DAY < history.data.timestamps.max() < START_MS + 33 * DAY
    assert START_MS + 39 * DAY < history.moment < START_MS + 40 * DAY
    assert "20 days behind the newest payment" in " ".join(history.notes)


def test_a_feed_that_stopped_moves_the_monitor_to_older_predictions_with_a_note(
    local_settings: Settings,
) -> None:
    rows, labels = tables(days=DAYS, per_day=100)
    rows, lake = with_profile_dates(rows), open_lake(local_settings)
    write_history(lake, rows, stopped(labels, 50))
    recent = rows.filter(pc.greater(rows["timestamp"], START_MS + 30 * DAY))
    predictions: Predictions = to_columns(V1, predictions_on(recent, np.zeros(recent.num_rows)))
    report = build_report(local_settings, lake, predictions, None, MOMENT)
    matured = [day.date for day in report.days if day.matured.predictions]
    assert max(matured) == START + timedelta(days=42)
    assert "10 days behind the newest payment" in " ".join(report.notes)


def test_a_feed_that_stopped_makes_a_backtest_learn_from_older_rows_and_say_so() -> None:
    # given a fold whose test starts ten days after the last label
    whole = a_history(days=60, per_day=100, delay_days=2)
    fold = plan(start=START + timedelta(days=45), folds=1).steps()[0]
    cut = a_history(stopped(whole.feed, 35), days=60, per_day=100, delay_days=2)
    # then rows that the labels had not come to are not taken for legitimate
    assert cut.training_rows(fold).timestamps.max() < at(33)
    assert whole.training_rows(fold).timestamps.max() > at(39)
    # and both facts are said
    notes = " ".join(cut.notes_on(fold))
    assert "days behind the newest payment" in notes
    assert "may not have been reported before the labels end" in notes
    assert whole.notes_on(fold) == ()
