from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from fraud.evaluation.backtest.summary import summarise
from fraud.evaluation.backtest.walk import CandidateScores, FoldResult
from fraud.evaluation.metrics import evaluate
from fraud.evaluation.report.figures import Pooled, by_amount, by_fraud_type, calibration, savings, top_missed
from fraud.evaluation.report.page import render_report
from fraud.training.splits import Fold, TimeRange
from tests.fraud.training.synthetic import dataset

THRESHOLD = 0.5
ABOUT = {
    "plan": {"train_days": 7, "delay_days": 7, "k": 5, "drop_known_cards": True},
    "review_cost": 500,
    "min_precision": 0.8,
    "warnings": ["<i>mind</i> this"],
}


@pytest.fixture
def results() -> list[FoldResult]:
    return a_fold()


def a_fold() -> list[FoldResult]:
    """One fold, scored so that frauds above a median amount are flagged and the others are not."""
    test = dataset(days=10, per_day=60, fraud_rate=0.1)
    dear = test.amounts >= np.median(test.amounts[test.labels == 1])
    names = np.where(dear, "bust-out", "<b>testing</b>")
    test = replace(test, fraud_types=pa.chunked_array([pa.array(np.where(test.labels == 1, names, ""))]))
    scores = np.where((test.labels == 1) & dear, 0.9, 0.1) + test.amounts / test.amounts.max() / 100
    scored = [
        CandidateScores(name, scores, THRESHOLD) for name in ("model", "constant", "amount rule", "logistic")
    ]
    judged = {one.name: evaluate(test, one.scores, THRESHOLD, review_cost=500, k=5) for one in scored}
    period = TimeRange(int(test.timestamps[0]), int(test.timestamps[-1]) + 1)
    return [FoldResult(Fold(period, period), 100, 10, test, scored, judged)]


def test_recall_is_told_by_campaign_and_amount(results: list[FoldResult]) -> None:
    # given that every dear fraud was found, when frauds are grouped
    pooled = Pooled(results, 0)
    fraud_types = {group.name: group for group in by_fraud_type(pooled)}
    bands = by_amount(pooled)
    # then the dear campaign was found whole, the other not at all
    assert fraud_types["bust-out"].recall == 1
    assert fraud_types["<b>testing</b>"].recall == 0
    # and the bands hold every fraud once, the cheap ones missed, the dear ones found
    assert sum(group.frauds for _, _, group in bands) == pooled.labels.sum()
    assert [group.recall for _, _, group in bands] == [0, 0, 0, 1, 1, 1]


def test_the_largest_missed_come_first(results: list[FoldResult]) -> None:
    missed = top_missed(results, 0)
    test = results[0].test
    expected = sorted(test.amounts[(test.labels == 1) & (results[0].scored[0].scores < THRESHOLD)])[::-1]
    assert [one.amount for one in missed] == expected[: len(missed)]
    assert all(len(one.unusual) for one in missed)


def test_calibration_weighs_every_row(results: list[FoldResult]) -> None:
    mean, observed = calibration(Pooled(results, 0))
    assert (np.diff(mean) > 0).all()
    assert observed[0] < 0.1
    assert observed[-1] == 1


def test_savings_end_where_every_alert_is_raised(results: list[FoldResult]) -> None:
    pooled = Pooled(results, 0)
    alerts, saved = savings(pooled, results, 500, most_alerts=1e9)
    assert alerts[-1] == pytest.approx(len(pooled.labels) / 10)
    assert saved[-1] == (pooled.amounts * pooled.labels - 500).sum()


def test_the_page_is_whole_and_escapes_what_it_is_told(results: list[FoldResult]) -> None:
    page = render_report(results, summarise(results, ABOUT))
    for part in ("By kind of fraud", "bust-out", "By amount", "Fold by fold", "How to read this", "10 Mar"):
        assert part in page
    assert "&lt;b&gt;testing&lt;/b&gt;" in page
    assert not [word for word in ("<b>testing", "<i>mind", "://", "<script", "src=") if word in page]


def test_names_from_data_are_escaped_and_isolated(results: list[FoldResult]) -> None:
    # given merchants, cards and payments whose names turn the line or are markup
    (one,) = results
    identity = one.test.identity
    names = pa.array(["\u202e<i>x</i>"] * len(one.test.labels))
    for field in ("transaction_id", "card_id", "merchant_id"):
        identity = identity.set_column(identity.schema.get_field_index(field), field, names)
    turned = [replace(one, test=replace(one.test, identity=identity))]
    # when the page is made, then each is text, in an element of its own direction
    page = render_report(turned, summarise(turned, ABOUT))
    safe = "\u202e&lt;i&gt;x&lt;/i&gt;"
    assert page.count(safe) >= 3
    assert page.count(f"<bdi>{safe}</bdi>") == page.count(safe)
    assert "<bdi>&lt;b&gt;testing&lt;/b&gt;</bdi>" in page
