"""Splits in time: train < validation < test, with the label delay between them.

The delay is for the days whose labels are not known yet when a model goes into service. Without it a test
would use labels that production does not have (the delay period of the Fraud Detection Handbook, chapter 5).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fraud.errors import DataError

DAY = timedelta(days=1)


@dataclass(frozen=True)
class TimeRange:
    """Event times from `start` to before `end`, in ms UTC."""

    start: int
    end: int

    @property
    def days(self) -> float:
        """Its length."""
        return (self.end - self.start) / milliseconds(DAY)

    def __str__(self) -> str:
        return f"{_date(self.start)} to {_date(self.end)}"


@dataclass(frozen=True)
class Split:
    """The periods for training, for calibration and threshold, and for the test.

    `refit` is the newest period whose labels were known when `test` began: the train period moved up to
    the end of validation.
    """

    train: TimeRange
    validation: TimeRange
    refit: TimeRange
    test: TimeRange


@dataclass(frozen=True)
class Fold:
    """One step of walking forward: train on `train`, evaluate on `test`."""

    train: TimeRange
    test: TimeRange


def milliseconds(span: timedelta) -> int:
    """A span in whole ms."""
    return span // timedelta(milliseconds=1)


def temporal_split(
    history: TimeRange,
    *,
    delay: timedelta,
    train: timedelta,
    validation: timedelta,
    test: timedelta,
    least_train: timedelta = timedelta(days=7),
) -> Split:
    """Split a history of matured rows; the train periods start later when the history is short.

    Raises:
        DataError: even `least_train` does not fit.
    """
    test_start = history.end - milliseconds(test)
    known_end = test_start - milliseconds(delay)
    validation_start = known_end - milliseconds(validation)
    train_end = validation_start - milliseconds(delay)
    if train_end - history.start < milliseconds(least_train):
        needed = (test + delay + validation + delay + least_train) / DAY
        raise DataError(
            f"the matured history of {history.days:.0f} days is too short: {needed:.0f} days are "
            "needed to train, validate and test with the label delay between; "
            "ingest more or lower FRAUD_TRAINING__*_DAYS"
        )
    length = milliseconds(train)
    return Split(
        train=TimeRange(max(history.start, train_end - length), train_end),
        validation=TimeRange(validation_start, known_end),
        refit=TimeRange(max(history.start, known_end - length), known_end),
        test=TimeRange(test_start, history.end),
    )


def walk_forward(period: TimeRange, *, folds: int, test: timedelta, delay: timedelta) -> tuple[Fold, ...]:
    """Folds within `period`, oldest first: the test parts tile its end, each is trained on all before.

    When the period is short the test parts shrink so that half of it is left to train on in the first.

    Raises:
        DataError: nothing would be left to train on.
    """
    gap = milliseconds(delay)
    step = min(milliseconds(test), max((period.end - period.start) // 2 - gap, 0) // folds)
    if step < milliseconds(DAY):
        raise DataError(
            f"{period.days:.0f} days are too short for {folds} walk-forward folds with a label delay of "
            f"{delay / DAY:g} days; ingest more history or lower FRAUD_TRAINING__LABEL_DELAY"
        )
    starts = [period.end - step * (folds - number) for number in range(folds)]
    return tuple(
        Fold(TimeRange(period.start, start - gap), TimeRange(start, start + step)) for start in starts
    )


def prequential(
    start: int, *, folds: int, train: timedelta, delay: timedelta, test: timedelta, step: timedelta
) -> Iterator[Fold]:
    """Folds that move forward by `step` from a first test at `start` (ms), with trains of one length.

    Prequential validation as in the Fraud Detection Handbook, chapter 5: the train period is
    [start of test - delay - train, start of test - delay).
    """
    for number in range(folds):
        test_start = start + number * milliseconds(step)
        train_end = test_start - milliseconds(delay)
        yield Fold(
            train=TimeRange(train_end - milliseconds(train), train_end),
            test=TimeRange(test_start, test_start + milliseconds(test)),
        )


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).strftime("%Y-%m-%d")
