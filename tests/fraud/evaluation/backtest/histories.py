"""Synthetic histories for backtests, and plans of steps through them."""

from datetime import timedelta

import pyarrow as pa

from fraud.definitions.features import DAY_MS
from fraud.evaluation.backtest.history import BacktestHistory, make_backtest_history
from fraud.evaluation.backtest.walk import (
    BacktestPlan,
    CandidateScores,
    FoldResult,
    run_backtest,
)
from fraud.training.dataset import Dataset, make_dataset
from fraud.training.splits import Fold
from tests.definitions import V1
from tests.fraud.training.synthetic import START, START_MS, labels_of, tables

NOTHING = labels_of([], [])


def plan(**changes: object) -> BacktestPlan:
    """Two folds in the middle of the synthetic history."""
    defaults: dict[str, object] = {
        "start": START + timedelta(days=30),
        "folds": 2,
        "train_days": 20,
        "delay_days": 5,
        "test_days": 7,
        "step_days": 7,
        "k": 5,
    }
    return BacktestPlan(**(defaults | changes))  # type: ignore[arg-type]


def a_history(labels: pa.Table | None = None, **how: float) -> BacktestHistory:
    """A synthetic history, with its own labels or these."""
    rows, own = tables(**how)  # type: ignore[arg-type]
    return make_backtest_history(make_dataset(V1, rows, NOTHING, 0), own if labels is None else labels)


def by_amount(fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
    """The amount rule alone."""
    return [CandidateScores("amount", test.amounts / 1e6, 0.01)]


def walk(history: BacktestHistory, steps: BacktestPlan) -> list[FoldResult]:
    return list(run_backtest(history, steps, by_amount, review_cost=500, seed=1))


def at(day: float) -> int:
    """The moment so many days into the synthetic history."""
    return START_MS + int(day * DAY_MS)
