import numpy as np
import pytest

from fraud.evaluation.backtest.summary import summarise
from tests.fraud.evaluation.backtest.histories import a_history, plan, walk


def test_figures_are_pooled_over_a_test_and_averaged_over_folds() -> None:
    # given a walk of two folds
    results = walk(a_history(), plan())
    # when it is summed up
    summary = summarise(results, {})
    # then every fold has its figures and the mean and the deviation are theirs
    values = [fold["contenders"]["amount"]["average_precision"]["value"] for fold in summary["folds"]]
    mean = summary["mean"]["amount"]["average_precision"]
    assert mean == {
        "mean": pytest.approx(np.mean(values)),
        "deviation": pytest.approx(np.std(values, ddof=1)),
    }
    assert values[0] == pytest.approx(results[0].evaluations["amount"].average_precision.value)


def test_one_fold_has_no_deviation() -> None:
    summary = summarise(walk(a_history(), plan(folds=1)), {})
    assert summary["mean"]["amount"]["auc"]["deviation"] is None
