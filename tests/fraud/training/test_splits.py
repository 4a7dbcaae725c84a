from datetime import timedelta

import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.training.splits import TimeRange, prequential, temporal_split, walk_forward

DELAY = timedelta(days=7)


def days(first: float, last: float) -> TimeRange:
    return TimeRange(int(first * DAY_MS), int(last * DAY_MS))


def split(length: float) -> object:
    return temporal_split(
        days(0, length),
        delay=DELAY,
        train=timedelta(days=30),
        validation=timedelta(days=14),
        test=timedelta(days=14),
    )


def test_the_delay_lies_between_train_validation_and_test() -> None:
    made = split(100)
    assert vars(made) == {
        "test": days(86, 100),
        "validation": days(65, 79),
        "train": days(28, 58),
        "refit": days(49, 79),
    }


def test_a_short_history_shortens_the_training() -> None:
    assert vars(split(50))["train"] == days(0, 8)


def test_a_history_too_short_says_how_long_it_must_be() -> None:
    with pytest.raises(DataError, match="49 days are needed"):
        split(48)


def test_walk_forward_tiles_the_end_and_never_looks_ahead() -> None:
    folds = walk_forward(days(0, 60), folds=3, test=timedelta(days=7), delay=DELAY)
    assert [fold.test for fold in folds] == [days(39, 46), days(46, 53), days(53, 60)]
    assert [fold.train for fold in folds] == [days(0, 32), days(0, 39), days(0, 46)]


def test_walk_forward_leaves_something_to_learn_from() -> None:
    folds = walk_forward(days(0, 24), folds=2, test=timedelta(days=14), delay=DELAY)
    assert folds[0].train == days(0, 12)
    with pytest.raises(DataError, match="too short for 3"):
        walk_forward(days(0, 15), folds=3, test=timedelta(days=7), delay=DELAY)


def test_prequential_folds_move_by_the_step() -> None:
    first, second = prequential(
        20 * DAY_MS,
        folds=2,
        train=timedelta(days=7),
        delay=DELAY,
        test=timedelta(days=7),
        step=timedelta(days=3),
    )
    assert (first.train, first.test) == (days(6, 13), days(20, 27))
    assert second.test == days(23, 30)
