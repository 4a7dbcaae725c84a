from dataclasses import replace

import numpy as np
import pytest

from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.gate import ComparedModel, decide
from fraud.training.dataset import Dataset
from tests.fraud.training.synthetic import dataset

REVIEW_COST = 500


@pytest.fixture(scope="module")
def window() -> Dataset:
    return dataset(days=14, per_day=200)


def scored_model(window: Dataset, name: str, skill: float, seed: int = 0) -> ComparedModel:
    """Scores that separate fraud better with more skill."""
    noise = np.random.default_rng(seed).normal(0.0, 0.3, len(window))
    return ComparedModel(name, np.clip(0.2 + skill * window.labels + noise, 0.0, 1.0), 0.6)


def test_a_better_candidate_is_promoted(window: Dataset) -> None:
    decision = decide(
        window,
        scored_model(window, "v1", 0.3),
        scored_model(window, "v2", 0.8, seed=1),
        review_cost=REVIEW_COST,
    )
    assert decision.promote
    assert decision.precision_gain is not None
    assert decision.precision_gain.low > 0
    assert "v2 beats v1 beyond noise" in decision.reason


def test_an_equal_candidate_is_not(window: Dataset) -> None:
    same = scored_model(window, "v1", 0.5)
    decision = decide(window, same, ComparedModel("v2", same.scores, same.threshold), review_cost=REVIEW_COST)
    assert not decision.promote
    assert "not better beyond noise" in decision.reason


def test_another_draw_of_the_same_skill_is_noise(window: Dataset) -> None:
    first, second = scored_model(window, "v1", 0.5), scored_model(window, "v2", 0.5, seed=1)
    assert not decide(window, first, second, review_cost=REVIEW_COST).promote


def test_a_worse_candidate_is_not(window: Dataset) -> None:
    decision = decide(
        window,
        scored_model(window, "v1", 0.8),
        scored_model(window, "v2", 0.3, seed=1),
        review_cost=REVIEW_COST,
    )
    assert not decision.promote


def test_better_ranking_does_not_pay_for_lost_money(window: Dataset) -> None:
    # given a candidate that ranks better but whose threshold lets everything pass
    good = scored_model(window, "v2", 0.8, seed=1)
    lazy = ComparedModel("v2", good.scores, 1.1)
    # then it is not promoted
    decision = decide(window, scored_model(window, "v1", 0.5), lazy, review_cost=REVIEW_COST)
    assert not decision.promote
    assert "worse in the other" in decision.reason


def test_too_few_frauds_decide_nothing(window: Dataset) -> None:
    few = window.take(np.flatnonzero(window.labels == 0)[:100])
    decision = decide(
        few, scored_model(few, "v1", 0.3), scored_model(few, "v2", 0.9), review_cost=REVIEW_COST
    )
    assert not decision.promote
    assert "0 frauds" in decision.reason


def ranked(window: Dataset, name: str, skill: float, alerts: int) -> ComparedModel:
    """Scores without ties, with the threshold at which so many are alerts."""
    scores = skill * window.labels + np.random.default_rng(round(skill * 10)).normal(0.0, 0.3, len(window))
    return ComparedModel(name, scores, float(np.append(np.sort(scores), np.inf)[-1 - alerts]))


@pytest.mark.parametrize(
    ("before", "after", "promoted"),
    [(100, 190, True), (100, 210, False), (190, 100, True), (210, 100, False), (1, 40, True), (1, 41, False)],
)
def test_the_number_of_alerts_may_change_by_a_factor_of_two(
    window: Dataset, before: int, after: int, promoted: bool
) -> None:
    # given a better candidate, and thresholds at which the models raise so many alerts
    pair = ranked(window, "v1", 0.3, before), ranked(window, "v2", 0.8, after)
    # when
    decision = decide(window, *pair, review_cost=0)
    # then it is promoted within the bounds alone, of which few alerts count as twenty
    assert decision.comparison is not None
    assert (decision.comparison.champion_alerts, decision.comparison.candidate_alerts) == (before, after)
    assert decision.promote is promoted
    assert promoted or f"changes the alerts from {before} to {after}" in decision.reason


def test_a_model_that_raises_no_alert_is_never_promoted(window: Dataset) -> None:
    pair = ranked(window, "v1", 0.3, 5), ranked(window, "v2", 0.8, 0)
    decision = decide(window, *pair, review_cost=0)
    assert not decision.promote
    assert "from 5 to 0" in decision.reason


def test_a_loss_of_precision_is_not_paid_for_with_money(window: Dataset) -> None:
    # given a candidate that ranks worse, with a threshold that saves more money
    pair = ranked(window, "v1", 1.0, 3), ranked(window, "v2", 0.7, 60)
    even = replace(window, amounts=np.full(len(window), 10_000))
    decision = decide(even, *pair, review_cost=0, rules=PromotionRules(alert_factor=10.0))
    # then
    assert decision.comparison is not None
    assert decision.comparison.money_bound > 0
    assert decision.comparison.precision.interval.high < 0
    assert not decision.promote
    assert "worse in the other" in decision.reason


def test_the_decision_is_a_function_of_rows_and_seed(window: Dataset) -> None:
    pair = scored_model(window, "v1", 0.5), scored_model(window, "v2", 0.55, seed=1)
    first, again = (decide(window, *pair, review_cost=REVIEW_COST, seed=3) for _ in range(2))
    assert first == again
    assert first != decide(window, *pair, review_cost=REVIEW_COST, seed=4)


def test_a_gain_that_one_look_would_believe_is_not_enough_for_a_daily_look(window: Dataset) -> None:
    # given a gain beyond 95 %, whose certainty is less than a thirtieth of 5 %
    pair = ranked(window, "v1", 0.5, 60), ranked(window, "v2", 0.7, 60)
    daily = decide(window, *pair, review_cost=REVIEW_COST)
    assert daily.comparison is not None
    assert daily.comparison.precision.interval.low > 0 > daily.comparison.precision_bound
    # then it is not promoted as one of thirty, but as the only one of a week at a large budget
    assert not daily.promote
    rules = PromotionRules(false_promotions=0.9, new_days=7)
    assert decide(window, *pair, review_cost=REVIEW_COST, rules=rules).promote


def test_where_the_champion_must_go_it_is_enough_to_lose_nothing(window: Dataset) -> None:
    # given a champion that a candidate equals, and one that it is worse than
    rules = PromotionRules(aim="no loss", max_precision_loss=0.2)
    equal = scored_model(window, "v1", 0.7), scored_model(window, "v2", 0.7, seed=1)
    worse = scored_model(window, "v1", 0.9), scored_model(window, "v2", 0.5, seed=1)
    # then the one replaces it, the other does not
    promoted = decide(window, *equal, review_cost=REVIEW_COST, rules=rules)
    assert promoted.promote
    assert "loses nothing to v1" in promoted.reason
    kept = decide(window, *worse, review_cost=REVIEW_COST, rules=rules)
    assert not kept.promote
    assert "FRAUD_TRAINING__MAX_PRECISION_LOSS" in kept.reason


def test_every_number_of_the_decision_has_a_name(window: Dataset) -> None:
    decision = decide(window, scored_model(window, "v1", 0.3), scored_model(window, "v2", 0.8), review_cost=0)
    figures = decision.figures
    assert (figures["rows"], figures["frauds"]) == (len(window), window.frauds)
    assert {"champion_average_precision", "candidate_average_precision", "confidence"} <= figures.keys()
    assert {"champion_alerts", "candidate_alerts", "alert_factor", "champion_scores"} <= figures.keys()
    for gain in ("average_precision_gain", "money_gain"):
        lower_bound, low, value, high = (
            float(figures[f"{gain}{end}"]) for end in ("_certain", "_low", "", "_high")
        )
        assert lower_bound <= low <= value <= high
    assert len(decision.reason) < 1_000
