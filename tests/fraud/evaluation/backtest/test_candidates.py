from dataclasses import replace

import numpy as np
import pytest

from fraud.errors import ConfigurationError
from fraud.evaluation.backtest.candidates import RetrainedCandidates, RetrainingPlan
from fraud.evaluation.backtest.walk import (
    run_backtest,
)
from fraud.training.thresholds import ThresholdRules
from tests.fraud.evaluation.backtest.histories import a_history, plan


def test_training_without_a_trial_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="--trials is 0"):
        RetrainingPlan(0, 1, 1, ThresholdRules("cost", 500, 0.8, 100))


@pytest.mark.parametrize(("shuffled", "low", "high"), [(False, 0.5, 1.0), (True, 0.0, 0.12)])
def test_a_leak_would_show(shuffled: bool, low: float, high: float) -> None:
    # given a history with a signal, and the same with its labels shuffled
    history = a_history(days=60, per_day=150, fraud_rate=0.05, delay_days=2)
    if shuffled:
        order = np.random.default_rng(3).permutation(len(history.data))
        history = replace(history, reports=history.reports.take(order))
        history = replace(history, data=history.as_known_before(2**62))
    rules = ThresholdRules("cost", 500, 0.8, 100)
    candidates = RetrainedCandidates(RetrainingPlan(trials=1, seed=1, threads=1, rules=rules), lambda _: None)
    # when models are trained and evaluated
    results = list(
        run_backtest(history, plan(folds=1, train_days=24, delay_days=2), candidates, review_cost=500, seed=1)
    )
    # then the signal is found, and nothing is found where there is none
    assert low < results[0].evaluations["model"].average_precision.value < high
