"""After declines: training, thresholds and figures on what was observed."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import xgboost as xgb

from fraud.evaluation.baselines import baselines
from fraud.evaluation.comparison.figures import ComparedModel, compare
from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.metrics import Evaluation, evaluate
from fraud.lake import open_lake
from fraud.settings import Settings
from fraud.training.dataset import Dataset, make_dataset
from fraud.training.fit import fit_booster, fit_model
from fraud.training.history import load_history
from fraud.training.search_space import DEFAULT_PARAMS, Recipe
from fraud.training.splits import DAY, TimeRange, milliseconds, temporal_split
from fraud.training.thresholds import ThresholdPolicy, ThresholdRules, choose_threshold
from tests.definitions import V1
from tests.fraud.labels.test_observation import control, decision, decisions_table
from tests.fraud.training.synthetic import (
    FOR_EVER,
    START_MS,
    labels_of,
    tables,
    write_decisions,
    write_history,
)

RECIPE = Recipe.of(DEFAULT_PARAMS | {"max_depth": 3}, 40)
SHARE = 0.15
DAYS = 60

Floats = npt.NDArray[np.float64]


def period(first: int, last: int) -> TimeRange:
    return TimeRange(START_MS + first * milliseconds(DAY), START_MS + last * milliseconds(DAY))


# --------------------------------------------------------------------------- declines hide outcomes


@dataclass(frozen=True)
class World:
    """Payments whose true outcomes are known to the test alone, and what an operator sees of them.

    The first third of the days is undecided; in the second a model declines, except for the cards of the
    control group; the last is the test.
    """

    rows: pa.Table
    truth: Dataset
    decisions: pa.Table
    labels: pa.Table

    def seen(self, *, with_decisions: bool, with_weights: bool = True) -> Dataset:
        """The second third, as the operator sees it when training."""
        decisions = self.decisions if with_decisions else None
        data = make_dataset(V1, self.rows, self.labels, FOR_EVER, decisions=decisions)
        data = data.between(period(20, 40)).observed_at(FOR_EVER)
        return data if with_weights else replace(data, observation=None)

    def recall_of(self, train: Dataset, share: float = 0.04) -> float:
        """The true recall of the highest scores, in the last third, of a model trained on these rows."""
        test = self.truth.between(period(40, DAYS))
        highest = np.argsort(-scores_of(fitted(train), test), kind="stable")[: int(share * len(test))]
        return float(test.labels[highest].sum() / test.frauds)


def fitted(train: Dataset) -> xgb.Booster:
    return fit_booster(train, RECIPE, seed=1, threads=1)


def scores_of(booster: xgb.Booster, data: Dataset) -> Floats:
    return np.asarray(booster.inplace_predict(data.rows), dtype=np.float64)


@cache
def world(seed: int, share: float = SHARE) -> World:
    rows, labels = tables(days=DAYS, per_day=400, fraud_rate=0.05, seed=seed)
    truth = make_dataset(V1, rows, labels, FOR_EVER)
    scores = scores_of(fitted(truth.between(period(0, 20))), truth)
    decided = (truth.timestamps >= period(20, 40).start) & (truth.timestamps < period(20, 40).end)
    would_decline = decided & (scores >= np.quantile(scores, 0.92))
    in_control = np.random.default_rng(seed).random(int(truth.cards.max()) + 1)[truth.cards] < share
    declined = would_decline & ~in_control
    ids = np.array(truth.identity["transaction_id"].to_pylist())
    cards = truth.identity["card_id"].to_pylist()
    decisions = [decision(ids[row], card=cards[row]) for row in np.flatnonzero(declined)]
    decisions += [
        control(ids[row], share=share) | {"card_id": cards[row]}
        for row in np.flatnonzero(would_decline & in_control)
    ]
    reported = labels.filter(pc.invert(pc.is_in(labels["transaction_id"], pa.array(ids[declined]))))
    return World(rows, truth, decisions_table(decisions), reported)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_declined_payments_as_legitimate_ones_teach_the_model_to_let_fraud_pass(seed: int) -> None:
    # given a model that declines, without a control group and with one
    alone, made = world(seed, share=0.0), world(seed)
    # when the next one is trained: as if declined payments were legitimate, without them, and with weights,
    # beside one that was trained as if nothing had been declined
    naive = made.recall_of(alone.seen(with_decisions=False))
    left_out = made.recall_of(alone.seen(with_decisions=True))
    weighted = made.recall_of(made.seen(with_decisions=True))
    best = made.recall_of(made.truth.between(period(20, 40)))
    # then the first has forgotten most of the fraud, the second less, and the last one little
    assert naive < 0.5 * best
    assert left_out > 1.3 * naive
    assert weighted > 0.85 * best
    # and a control group that is not weighed is not enough
    assert made.recall_of(made.seen(with_decisions=False)) < weighted - 0.05


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weighted_figures_are_those_of_all_payments(seed: int) -> None:
    # given the scores of one model for the payments of the days on which it declined
    made = world(seed)
    model = fitted(made.truth.between(period(0, 20)))
    everything = made.truth.between(period(20, 40))
    observed = made.seen(with_decisions=True)
    # when it is evaluated on all of them, on those observed, and on these with weights
    true, weighted, naive = (
        evaluated(one, scores_of(model, one))
        for one in (everything, observed, replace(observed, observation=None))
    )
    # then the weights bring the figures back, and without them recall is far too low
    assert weighted.recall.value == pytest.approx(true.recall.value, abs=0.12)
    assert naive.recall.value < true.recall.value - 0.2
    assert weighted.recall.low <= true.recall.value <= weighted.recall.high
    assert weighted.alerts_per_day == pytest.approx(true.alerts_per_day, rel=0.35)
    assert weighted.fraud_amount == pytest.approx(true.fraud_amount, rel=0.35)


def evaluated(data: Dataset, scores: Floats, threshold: float = 0.3) -> Evaluation:
    return evaluate(data, scores, threshold, review_cost=500, draws=100)


# --------------------------------------------------------------------------- weights are repetitions


def repeated(data: Dataset, times: npt.NDArray[np.int64]) -> Dataset:
    """Each row as often as it counts, and without weights."""
    index = np.repeat(np.arange(len(data)), times)
    return replace(data.take(index), observation=None, reports=None)


@pytest.fixture(scope="module")
def weighted() -> tuple[Dataset, Dataset, Floats]:
    """Rows with whole weights, the same rows repeated, and scores with ties."""
    rows, labels = tables(days=6, per_day=80, fraud_rate=0.1)
    some = np.random.default_rng(3).choice(rows.num_rows, 60, replace=False)
    ids, cards = rows["transaction_id"].to_pylist(), rows["card_id"].to_pylist()
    decisions = [control(ids[row], share=0.25) | {"card_id": cards[row]} for row in some]
    data = make_dataset(V1, rows, labels, FOR_EVER, decisions=decisions_table(decisions))
    scores = np.round(scores_of(fitted(data), data), 2)
    assert data.weights is not None
    return replace(data, reports=None), repeated(data, data.weights.astype(np.int64)), scores


@pytest.mark.parametrize("policy", ["cost", "precision", "capacity"])
def test_a_threshold_counts_a_weighted_row_as_often_as_it_stands(
    weighted: tuple[Dataset, Dataset, Floats], policy: ThresholdPolicy
) -> None:
    # given rows with weights and the same rows repeated
    data, copies, scores = weighted
    rules = ThresholdRules(policy, review_cost=500, min_precision=0.6, alerts_per_day=15)
    # when the threshold is chosen on both
    found = choose_threshold(rules, data, scores)
    expected = choose_threshold(rules, copies, as_repeated(data, scores))
    # then it is the same
    assert (found.value, found.reason) == (expected.value, expected.reason)


def test_figures_count_a_weighted_row_as_often_as_it_stands(
    weighted: tuple[Dataset, Dataset, Floats],
) -> None:
    # given rows with weights and the same rows repeated
    data, copies, scores = weighted
    # when both are evaluated
    found, expected = evaluated(data, scores), evaluated(copies, as_repeated(data, scores))
    # then the figures agree, and the intervals, because cards are drawn
    for name in ("average_precision", "auc", "precision", "recall", "recall_at_precision", "money_saved"):
        one, other = getattr(found, name), getattr(expected, name)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    assert found.brier == pytest.approx(expected.brier)
    assert (found.fraud_amount, found.alerts_per_day) == (expected.fraud_amount, expected.alerts_per_day)


def test_a_comparison_counts_a_weighted_row_as_often_as_it_stands(
    weighted: tuple[Dataset, Dataset, Floats],
) -> None:
    # given two models on rows with weights and on the same rows repeated
    data, copies, scores = weighted
    other = np.random.default_rng(1).random(len(data))

    def compared(window: Dataset, one: Floats, two: Floats) -> Any:
        models = ComparedModel("old", one, 0.3), ComparedModel("new", two, 0.3)
        found = compare(window, *models, 500, PromotionRules(), 50, 0)
        return [value for name, value in found.figures.items() if name not in ("rows", "frauds")]

    # when both are compared
    found = compared(data, scores, other)
    expected = compared(copies, as_repeated(data, scores), as_repeated(data, other))
    # then the figures agree, except for the numbers of rows and of frauds
    assert found == [one if isinstance(one, str) else pytest.approx(one) for one in expected]


def as_repeated(data: Dataset, values: Floats) -> Floats:
    assert data.weights is not None
    return np.repeat(values, data.weights.astype(np.int64))


# --------------------------------------------------------------------------- without declines


def test_without_declines_nothing_changes_by_a_bit() -> None:
    # given a history, and decisions of which none held a payment back
    rows, labels = tables(days=DAYS, per_day=60, fraud_rate=0.05)
    some = rows["transaction_id"].to_pylist()[:200], rows["card_id"].to_pylist()[:200]
    decisions = [decision(one, "review", card=card) for one, card in zip(*some, strict=True)]
    history = period(0, DAYS)
    split = temporal_split(history, delay=5 * DAY, train=28 * DAY, validation=14 * DAY, test=7 * DAY)
    rules = ThresholdRules("cost", review_cost=500, min_precision=0.8, alerts_per_day=10)
    before, after = (
        make_dataset(V1, rows, labels, FOR_EVER, decisions=one) for one in (None, decisions_table(decisions))
    )
    # when models are trained with and without these decisions
    models = [fit_model(one, split, RECIPE, rules, seed=1, threads=1) for one in (before, after)]
    # then they are the same in every byte, and so are their figures
    assert before.fingerprint() == after.fingerprint()
    assert models[0].booster.save_raw() == models[1].booster.save_raw()
    assert models[0].calibration == models[1].calibration
    assert models[0].threshold == models[1].threshold
    tests = [one.between(split.test) for one in (before, after)]
    figures = [evaluated(test, model.score(test)) for test, model in zip(tests, models, strict=True)]
    assert figures[0] == figures[1]


# --------------------------------------------------------------------------- from the lake


def test_a_label_that_came_later_is_not_seen_earlier() -> None:
    # given a declined payment that an analyst labelled after ten days, and one without a label
    rows, labels = tables(days=5, per_day=20, fraud_rate=0.2)
    ids, cards = rows["transaction_id"].to_pylist(), rows["card_id"].to_pylist()
    reported = labels_of([ids[0]], [START_MS + 10 * milliseconds(DAY)], is_fraud=False)
    decisions = [decision(ids[row], card=cards[row]) for row in (0, 1)]
    others = labels.filter(pc.invert(pc.is_in(labels["transaction_id"], pa.array(ids[:2]))))
    data = make_dataset(
        V1, rows, pa.concat_tables([others, reported]), FOR_EVER, decisions=decisions_table(decisions)
    )
    # when it is known at moments before and after the label
    before, after = (data.as_known_at(START_MS + day * milliseconds(DAY)) for day in (9, 10))
    # then the row is there only after it
    assert (len(data), len(before), len(after)) == (100, 98, 99)
    assert ids[0] in after.identity["transaction_id"].to_pylist()
    assert after.unobserved is not None
    assert after.unobserved["transaction_id"].to_pylist() == [ids[1]]


def test_the_lake_s_history_leaves_out_what_was_not_observed(local_settings: Settings) -> None:
    # given a lake with a history in which some payments were declined
    lake = open_lake(local_settings)
    rows, labels = tables(days=30, per_day=20, fraud_rate=0.2)
    ids, cards = rows["transaction_id"].to_pylist(), rows["card_id"].to_pylist()
    known = set(labels["transaction_id"].to_pylist())
    declined = [row for row in range(100) if ids[row] not in known][:30]
    write_history(lake, rows, labels)
    write_decisions(lake, rows, [decision(ids[row], card=cards[row]) for row in declined])
    # when the history is loaded
    history = load_history(V1, lake, longest=timedelta(days=30), delay=timedelta(days=1))
    # then they are not among its rows, and a note says so
    assert not set(history.data.identity["transaction_id"].to_pylist()) & {ids[row] for row in declined}
    assert history.observed is not None
    assert history.observed.unobserved == 30
    assert any(note.startswith("30 of ") for note in history.notes)


def test_baselines_take_weights(weighted: tuple[Dataset, Dataset, Floats]) -> None:
    # given rows with weights and the same rows repeated
    data, copies, _ = weighted
    # when the constant baseline is fitted on both
    found, expected = (baselines(one, one, data)[0].test[0] for one in (data, copies))
    # then it is the same rate
    assert found == pytest.approx(expected)
