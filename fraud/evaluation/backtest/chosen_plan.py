"""The plan of a backtest where the user leaves parts of it out: it follows from the history's days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from fraud.errors import DataError
from fraud.evaluation.backtest.walk import BacktestPlan

TEST_SHARE = 0.4
"""The part of a history that is tested on: its last days."""
MOST_FOLDS, LONGEST_TRAIN, LONGEST_TEST, LONGEST_DELAY = 4, 90, 28, 7
"""Folds and days: more of them cost time and say little more."""
SHORT_HISTORY = 28
"""Days below which the delay is a part of the history instead of a week."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AskedPlan:
    """What the user gave; None is chosen. The names are those of `BacktestPlan`."""

    start: date | None = None
    folds: int | None = None
    train_days: int | None = None
    delay_days: int | None = None
    test_days: int | None = None
    step_days: int | None = None
    k: int = 100
    drop_known_cards: bool = False
    known_days: int | None = None

    @property
    def chosen(self) -> list[str]:
        """The options that are left to choose."""
        names = ("start", "folds", "train_days", "delay_days", "test_days", "step_days")
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is None]


def choose_plan(first: date, last: date, frauds: Ints, asked: AskedPlan) -> BacktestPlan:
    """A plan that tests on the last days of a history, with as many folds as have a fraud each.

    Args:
        first: day (UTC) of the history.
        last: day (UTC) of the history.
        frauds: event times (ms) of the frauds; empty where they are not known.
        asked: what is given.

    Raises:
        DataError: nothing is left to train on.
    """
    folds = [asked.folds] if asked.folds is not None else list(range(MOST_FOLDS, 0, -1))
    plans = [_plan(first, last, number, asked) for number in folds]
    return next((one for one in plans if not len(frauds) or _all_have_frauds(one, frauds)), plans[-1])


def describe_plan(plan: BacktestPlan, asked: AskedPlan) -> str:
    """What was chosen, with the options that change it."""
    test = plan.steps()
    return (
        f"{plan.folds} folds: {plan.train_days} days to train, {plan.delay_days} for labels to arrive, "
        f"{plan.test_days} to test, which are {_day(test[0].test.start)} to {_day(test[-1].test.end - 1)} "
        f"(UTC) in all; chosen from the history's days: {', '.join(asked.chosen)}"
    )


def days_of(timestamps: Sequence[int] | Ints) -> tuple[date, date]:
    """The first and the last day (UTC) of event times (ms) that ascend.

    Raises:
        DataError: there are none.
    """
    if not len(timestamps):
        raise DataError("the history holds no transactions")
    return _day(int(timestamps[0])), _day(int(timestamps[-1]))


def _plan(first: date, last: date, folds: int, asked: AskedPlan) -> BacktestPlan:
    total, after = (last - first).days + 1, last + timedelta(days=1)
    tested = round(TEST_SHARE * total) if asked.start is None else (after - asked.start).days
    test_days = asked.test_days or min(max(tested // max(folds, 1), 1), LONGEST_TEST)
    step_days = asked.step_days or test_days
    start = asked.start or after - timedelta(days=(folds - 1) * step_days + test_days)
    delay = min(LONGEST_DELAY, total // 4) if total < SHORT_HISTORY else LONGEST_DELAY
    delay = delay if asked.delay_days is None else asked.delay_days
    train_days = asked.train_days or min((start - first).days - delay, LONGEST_TRAIN)
    if train_days < 1:
        raise DataError(
            f"the history covers {first} to {last} ({total} days, UTC), which leaves nothing to train on "
            f"before a test from {start} on and {delay} days for labels to arrive; give a longer history, or "
            "--start, --test-days and --delay-days"
        )
    return BacktestPlan(
        start, folds, train_days, delay, test_days, step_days,
        k=asked.k, drop_known_cards=asked.drop_known_cards, known_days=asked.known_days,
    )  # fmt: skip


def _all_have_frauds(plan: BacktestPlan, frauds: Ints) -> bool:
    periods = [period for fold in plan.steps() for period in (fold.train, fold.test)]
    return all(((frauds >= one.start) & (frauds < one.end)).any() for one in periods)


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1_000, UTC).date()
