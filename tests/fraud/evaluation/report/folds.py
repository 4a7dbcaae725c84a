"""The results of a backtest, for its report."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from fraud.evaluation.backtest.walk import CandidateScores, FoldResult
from fraud.evaluation.metrics import evaluate
from fraud.training.splits import Fold, TimeRange
from tests.fraud.training.synthetic import dataset

THRESHOLD = 0.5
ABOUT = {
    "plan": {"train_days": 7, "delay_days": 7, "k": 5, "drop_known_cards": True},
    "review_cost": 500,
    "min_precision": 0.8,
    "warnings": ["<i>mind</i> this"],
}


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
    evaluations = {one.name: evaluate(test, one.scores, THRESHOLD, review_cost=500, k=5) for one in scored}
    period = TimeRange(int(test.timestamps[0]), int(test.timestamps[-1]) + 1)
    return [FoldResult(Fold(period, period), 100, 10, test, scored, evaluations)]
