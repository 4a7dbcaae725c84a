from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from fraud.errors import ConfigurationError, DataError
from fraud.evaluation.backtest.candidates import RetrainedCandidates, RetrainingPlan
from fraud.evaluation.backtest.history import BacktestHistory, make_backtest_history
from fraud.evaluation.backtest.lake_history import history_from_lake
from fraud.evaluation.backtest.summary import summarise
from fraud.evaluation.backtest.walk import (
    BacktestPlan,
    CandidateScores,
    FoldResult,
    run_backtest,
    without_known_cards,
)
from fraud.evaluation.metrics import card_precision_by_day
from fraud.features.spec import DAY_MS
from fraud.lake import open_lake
from fraud.settings import Settings
from fraud.training.dataset import Dataset, make_dataset
from fraud.training.splits import Fold, TimeRange
from fraud.training.thresholds import ThresholdRules
from tests.fraud.training.synthetic import START, START_MS, labels_of, tables, write_history

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


def hindsight(labels: pa.Table | None = None, **how: float) -> BacktestHistory:
    """A synthetic history, with its own labels or these."""
    rows, own = tables(**how)  # type: ignore[arg-type]
    return make_backtest_history(make_dataset(rows, NOTHING, 0), own if labels is None else labels)


def by_amount(fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
    """The amount rule alone."""
    return [CandidateScores("amount", test.amounts / 1e6, 0.01)]


def walk(history: BacktestHistory, steps: BacktestPlan) -> list[FoldResult]:
    return list(run_backtest(history, steps, by_amount, review_cost=500, seed=1))


def at(day: float) -> int:
    """The moment so many days into the synthetic history."""
    return START_MS + int(day * DAY_MS)


def test_the_periods_are_the_published_ones() -> None:
    # given a plan, when its steps are taken
    first, second = plan().steps()
    # then train ends the delay before the test, and the folds move on by the step
    assert first == Fold(train=TimeRange(at(5), at(25)), test=TimeRange(at(30), at(37)))
    assert second == Fold(train=TimeRange(at(12), at(32)), test=TimeRange(at(37), at(44)))


def test_only_verdicts_reported_before_the_test_count_in_training() -> None:
    # given a fraud reported in time, one at the very moment of training, and one that is revised after it
    data = make_dataset(tables(days=60, per_day=10)[0], NOTHING, 0)
    fold = plan().steps()[0]
    inside = np.flatnonzero((data.timestamps >= fold.train.start) & (data.timestamps < at(10)))[:3]
    ids = data.identity["transaction_id"].take(pa.array(inside)).to_pylist()
    moment = fold.test.start
    labels = pa.concat_tables(
        [
            labels_of(ids, [moment - 1, moment, moment - 5]),
            labels_of([ids[2]], [moment + 1], is_fraud=False),
        ]
    )
    # when the training rows are taken
    history = make_backtest_history(data, labels)
    train = history.training_rows(fold)
    # then what was known is known, and the truth is what was said last
    known = dict(zip(train.identity["transaction_id"].to_pylist(), train.labels.tolist(), strict=True))
    assert [known[one] for one in ids] == [1, 0, 1]
    assert history.data.labels[inside].tolist() == [1, 1, 0]


def test_rows_whose_reports_were_mostly_on_their_way_are_left_out() -> None:
    # given labels that take ten days, though training ends five days before the test
    history = hindsight(days=60, delay_days=10)
    fold = plan().steps()[0]
    # when the training rows are taken, then the youngest five days are not among them
    train = history.training_rows(fold)
    assert train.timestamps[-1] <= fold.test.start - 10 * DAY_MS
    assert train.timestamps[-1] > fold.test.start - 11 * DAY_MS


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
    data = hindsight(days=50, per_day=40, fraud_rate=0.05, seed=seed).data
    fold = plan(delay_days=delay).steps()[1]
    # when the cards that were known are dropped
    test = without_known_cards(data, fold, timedelta(days=delay))
    # then the rows are those of the published definition
    expected = data.take(np.array(handbook_test_rows(data, fold, delay)))
    assert 0 < len(test) < len(data.between(fold.test))
    assert test.identity.equals(expected.identity)
    # and so is the card precision of any scores
    scores = np.random.default_rng(seed).random(len(test))
    assert card_precision_by_day(test, scores, 5).tolist() == handbook_card_precision(test, scores, 5)


def test_figures_are_pooled_over_a_test_and_averaged_over_folds() -> None:
    # given a walk of two folds
    results = walk(hindsight(), plan())
    # when it is summed up
    summary = summarise(results, {})
    # then every fold has its figures and the mean and the deviation are theirs
    values = [fold["contenders"]["amount"]["average_precision"]["value"] for fold in summary["folds"]]
    told = summary["mean"]["amount"]["average_precision"]
    assert told == {
        "mean": pytest.approx(np.mean(values)),
        "deviation": pytest.approx(np.std(values, ddof=1)),
    }
    assert values[0] == pytest.approx(results[0].evaluations["amount"].average_precision.value)


def test_one_fold_has_no_deviation() -> None:
    summary = summarise(walk(hindsight(), plan(folds=1)), {})
    assert summary["mean"]["amount"]["auc"]["deviation"] is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": date(2024, 3, 20)}, "too short for 2 folds"),
        ({"folds": 5}, "too short for 5 folds"),
        ({"start": date(2034, 3, 20)}, "the history covers 2024-03-01 to 2024-04-30"),
    ],
)
def test_a_history_too_short_is_told(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        walk(hindsight(), plan(**changes))


@pytest.mark.parametrize("wrong", [{"folds": 0}, {"k": 0}, {"delay_days": -1}, {"step_days": 0}])
def test_a_plan_that_makes_no_sense_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="too small"):
        plan(**wrong)


def test_learning_without_a_trial_is_told() -> None:
    with pytest.raises(ConfigurationError, match="--trials is 0"):
        RetrainingPlan(0, 1, 1, ThresholdRules("cost", 500, 0.8, 100))


def test_a_fold_without_a_fraud_to_learn_from_is_told() -> None:
    # given labels that take longer than training waits for
    history = hindsight(delay_days=40)
    # when the walk begins, then the first fold says what it lacks
    with pytest.raises(DataError, match=r"fold 1: what was reported of the training period .* no fraud"):
        walk(history, plan())


def test_a_fold_without_a_fraud_to_find_is_told() -> None:
    # given no fraud after the first fold's test
    rows, labels = tables()
    history = make_backtest_history(
        make_dataset(rows, NOTHING, 0),
        labels.filter(pa.array(labels["reported_at"].to_numpy() < at(37))),
    )
    with pytest.raises(DataError, match=r"fold 2: the test period .* no fraud"):
        walk(history, plan())


def test_labels_of_unknown_transactions_are_told() -> None:
    with pytest.raises(DataError, match=r"1 labels name transactions .*\(first: nobody\)"):
        hindsight(labels_of(["t1", "nobody"], [1, 2]))


def test_labels_said_twice_count_once() -> None:
    # given labels, and the same with some of them twice
    once = hindsight()
    labels = once.feed
    twice = hindsight(pa.concat_tables([labels, labels.slice(0, 5)]))
    # then the history is the same
    assert twice.data.labels.tolist() == once.data.labels.tolist()
    assert twice.as_known_before(at(20)).labels.tolist() == once.as_known_before(at(20)).labels.tolist()


@pytest.mark.parametrize(("shuffled", "low", "high"), [(False, 0.5, 1.0), (True, 0.0, 0.12)])
def test_a_leak_would_show(shuffled: bool, low: float, high: float) -> None:
    # given a history with a signal, and the same with its labels dealt out anew
    history = hindsight(days=60, per_day=150, fraud_rate=0.05, delay_days=2)
    if shuffled:
        deal = np.random.default_rng(3).permutation(len(history.data))
        history = replace(history, reports=history.reports.take(deal))
        history = replace(history, data=history.as_known_before(2**62))
    rules = ThresholdRules("cost", 500, 0.8, 100)
    candidates = RetrainedCandidates(RetrainingPlan(trials=1, seed=1, threads=1, rules=rules), lambda _: None)
    # when models are learnt and judged
    results = list(
        run_backtest(history, plan(folds=1, train_days=24, delay_days=2), candidates, review_cost=500, seed=1)
    )
    # then the signal is found, and nothing is found where there is none
    assert low < results[0].evaluations["model"].average_precision.value < high


def test_the_lake_gives_the_history_of_the_period(local_settings: Settings) -> None:
    # given rows and labels in the lake, a label delivered twice
    rows, labels = tables(days=60, per_day=40)
    lake = open_lake(local_settings)
    write_history(lake, rows, pa.concat_tables([labels, labels.slice(0, 3)]))
    steps = plan()
    # when the period of a plan is read
    history = history_from_lake(lake, steps.needed())
    # then it is the same walk as through the rows themselves
    expected = make_backtest_history(make_dataset(rows, NOTHING, 0), labels)
    assert figures(walk(history, steps)) == figures(walk(expected, steps))


def figures(results: list[FoldResult]) -> list[tuple[float, ...]]:
    """What does not depend on how cards are numbered."""
    judged = [one.evaluations["amount"] for one in results]
    return [
        (one.average_precision.value, one.auc.value, one.card_precision.value, one.rows) for one in judged
    ]


def test_a_lake_without_rows_is_told(local_settings: Settings) -> None:
    with pytest.raises(DataError, match="no training rows"):
        history_from_lake(open_lake(local_settings), plan().needed())
