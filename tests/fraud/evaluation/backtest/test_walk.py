from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import ConfigurationError, DataError
from fraud.evaluation.backtest.history import make_backtest_history
from fraud.evaluation.backtest.walk import (
    without_known_cards,
)
from fraud.evaluation.metrics import card_precision_by_day
from fraud.training.dataset import Dataset, make_dataset
from fraud.training.splits import Fold, TimeRange
from tests.definitions import V1
from tests.fraud.evaluation.backtest.histories import NOTHING, a_history, at, plan, walk
from tests.fraud.training.synthetic import tables


def test_the_periods_are_the_published_ones() -> None:
    # given a plan, when its steps are taken
    first, second = plan().steps()
    # then train ends the delay before the test, and the folds move on by the step
    assert first == Fold(train=TimeRange(at(5), at(25)), test=TimeRange(at(30), at(37)))
    assert second == Fold(train=TimeRange(at(12), at(32)), test=TimeRange(at(37), at(44)))


def handbook_test_rows(data: Dataset, fold: Fold, delay_days: int) -> list[int]:
    """`get_train_test_set`, from its description: a loop over days."""
    day = (data.timestamps - fold.train.start) // DAY_MS
    train_days = (fold.train.end - fold.train.start) // DAY_MS
    known = {
        card
        for card, on, fraud in zip(data.cards, day, data.labels, strict=True)
        if 0 <= on < train_days and fraud
    }
    kept: list[int] = []
    for test_day in range((fold.test.end - fold.test.start) // DAY_MS):
        today = train_days + delay_days + test_day
        known |= set(data.cards[(day == today - delay_days - 1) & (data.labels == 1)])
        kept += [row for row in np.flatnonzero(day == today).tolist() if data.cards[row] not in known]
    return kept


def handbook_card_precision(data: Dataset, scores: npt.NDArray[np.float64], k: int) -> list[float]:
    """`card_precision_top_k`, from its description: a loop over days."""
    found: set[int] = set()
    shares = []
    for day in sorted(set(data.timestamps // DAY_MS)):
        highest: dict[int, tuple[float, int]] = {}
        for row in np.flatnonzero(data.timestamps // DAY_MS == day):
            card = int(data.cards[row])
            if card not in found:
                score, fraud = highest.get(card, (-np.inf, 0))
                highest[card] = max(score, scores[row]), max(fraud, int(data.labels[row]))
        top = sorted(highest, key=lambda card: -highest[card][0])[:k]
        detected = [card for card in top if highest[card][1]]
        found |= set(detected)
        shares.append(len(detected) / k)
    return shares


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("delay", [0, 3, 7])
def test_known_cards_and_card_precision_are_the_handbooks(seed: int, delay: int) -> None:
    # given a history with many frauds on few cards
    data = a_history(days=50, per_day=40, fraud_rate=0.05, seed=seed).data
    fold = plan(delay_days=delay).steps()[1]
    # when the cards that were known are dropped
    test = without_known_cards(data, fold, timedelta(days=delay), fold.train.start)
    # then the rows are those of the published definition
    expected = data.take(np.array(handbook_test_rows(data, fold, delay)))
    assert 0 < len(test) < len(data.between(fold.test))
    assert test.identity.equals(expected.identity)
    # and so is the card precision of any scores
    scores = np.random.default_rng(seed).random(len(test))
    assert card_precision_by_day(test, scores, 5).tolist() == handbook_card_precision(test, scores, 5)


def test_known_days_give_the_same_test_rows_to_training_periods_of_any_length() -> None:
    # given plans that train on 10 and on 20 days, and a history with many frauds on few cards
    data = a_history(days=50, per_day=40, fraud_rate=0.05).data
    short, long = (plan(train_days=days, drop_known_cards=True, known_days=10) for days in (10, 20))
    tested = []
    for one in (short, long, plan(train_days=20, drop_known_cards=True)):
        fold = one.steps()[1]
        # when the known cards are dropped
        tested.append(without_known_cards(data, fold, one.delay, one.known_from(fold)))
    # then the rows are those of the published definition with 10 days of training, whatever the training
    expected = data.take(np.array(handbook_test_rows(data, short.steps()[1], short.delay_days)))
    assert tested[0].identity.equals(expected.identity)
    assert tested[1].identity.equals(expected.identity)
    # and without the number more cards are known after a longer training
    assert len(tested[2]) < len(tested[1])


def test_frauds_that_make_cards_known_must_be_in_the_history() -> None:
    needed = plan(drop_known_cards=True, known_days=40).needed()
    assert needed.start == at(25) - 40 * DAY_MS


def test_known_days_without_known_cards_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="give both"):
        plan(known_days=14)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": date(2024, 3, 20)}, "too short for 2 folds"),
        ({"folds": 5}, "too short for 5 folds"),
        ({"start": date(2034, 3, 20)}, "the history covers 2024-03-01 to 2024-04-30"),
    ],
)
def test_a_history_too_short_is_an_error(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        walk(a_history(), plan(**changes))


@pytest.mark.parametrize(
    "wrong", [{"folds": 0}, {"k": 0}, {"delay_days": -1}, {"step_days": 0}, {"known_days": 0}]
)
def test_a_plan_with_impossible_lengths_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="too small"):
        plan(**wrong)


def test_a_fold_without_a_fraud_to_train_on_is_an_error() -> None:
    # given labels that take longer than training waits for
    history = a_history(delay_days=40)
    # when the walk starts, then the first fold says what it lacks
    with pytest.raises(DataError, match=r"fold 1: what was reported of the training period .* no fraud"):
        walk(history, plan())


def test_a_fold_without_a_fraud_to_find_is_an_error() -> None:
    # given no fraud after the first fold's test
    rows, labels = tables()
    history = make_backtest_history(
        make_dataset(V1, rows, NOTHING, 0),
        labels.filter(pa.array(labels["reported_at"].to_numpy() < at(37))),
    )
    with pytest.raises(DataError, match=r"fold 2: the test period .* no fraud"):
        walk(history, plan())
