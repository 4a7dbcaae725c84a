import numpy as np
import pytest

from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.report.figures import Pooled, by_amount, by_fraud_type, calibration, savings, top_missed
from tests.fraud.evaluation.report.folds import THRESHOLD


def test_recall_by_kind_of_fraud_and_amount(results: list[FoldResult]) -> None:
    # given that every dear fraud was found, when frauds are grouped
    pooled = Pooled(results, 0)
    fraud_types = {group.name: group for group in by_fraud_type(pooled)}
    bands = by_amount(pooled)
    # then the dear kind was found whole, the other not at all
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
