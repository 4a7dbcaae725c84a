"""The plan of a backtest that follows from the history's days."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from fraud.errors import DataError
from fraud.evaluation.backtest.chosen_plan import AskedPlan, choose_plan, describe_plan

FIRST = date(2024, 1, 1)


def daily(*days: int) -> np.ndarray:
    start = datetime(2024, 1, 1, 12, tzinfo=UTC)
    return np.array([int((start + timedelta(days=day)).timestamp() * 1_000) for day in days], np.int64)


def chosen(days: int, frauds: np.ndarray, **asked: object):  # type: ignore[no-untyped-def]
    return choose_plan(FIRST, FIRST + timedelta(days=days - 1), frauds, AskedPlan(**asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "folds", "train", "delay", "test"),
    [(365, 4, 90, 7, 28), (122, 4, 67, 7, 12), (60, 4, 29, 7, 6), (10, 4, 4, 2, 1)],
)
def test_the_last_days_are_tested_and_those_before_train(
    days: int, folds: int, train: int, delay: int, test: int
) -> None:
    # given a history with a fraud on every day
    plan = chosen(days, daily(*range(days)))
    # then the folds fit it
    assert (plan.folds, plan.train_days, plan.delay_days, plan.test_days) == (folds, train, delay, test)
    assert plan.start + timedelta(days=folds * test) == FIRST + timedelta(days=days)


def test_there_are_as_many_folds_as_have_a_fraud_each() -> None:
    # given frauds in the training days, and on two days of the last ones
    plan = chosen(100, daily(5, 70, 95))
    # then
    assert (plan.folds, plan.test_days) == (2, 20)


def test_what_is_given_is_kept() -> None:
    plan = chosen(100, daily(*range(100)), start=date(2024, 3, 1), folds=2, train_days=10, test_days=5)
    assert (plan.start, plan.folds, plan.train_days, plan.step_days) == (date(2024, 3, 1), 2, 10, 5)
    asked = AskedPlan(start=date(2024, 3, 1), folds=2, train_days=10, test_days=5)
    assert describe_plan(plan, asked) == (
        "2 folds: 10 days to train, 7 for labels to arrive, 5 to test, which are 2024-03-01 to 2024-03-10 "
        "(UTC) in all; chosen from the history's days: --delay-days, --step-days"
    )


def test_a_history_without_days_to_train_on_is_an_error() -> None:
    with pytest.raises(DataError, match=r"2 days, UTC\), which leaves nothing to train"):
        chosen(2, daily(0, 1), delay_days=7)
