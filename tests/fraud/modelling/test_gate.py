import numpy as np
import pytest

from fraud.modelling.dataset import Dataset
from fraud.modelling.gate import Contender, decide
from tests.fraud.modelling.synthetic import dataset

REVIEW_COST = 500


@pytest.fixture(scope="module")
def window() -> Dataset:
    return dataset(days=14, per_day=200)


def contender(window: Dataset, name: str, skill: float, seed: int = 0) -> Contender:
    """Scores that tell fraud the better the greater the skill."""
    noise = np.random.default_rng(seed).normal(0.0, 0.3, len(window))
    return Contender(name, np.clip(0.2 + skill * window.labels + noise, 0.0, 1.0), 0.6)


def test_a_better_candidate_is_promoted(window: Dataset) -> None:
    verdict = decide(
        window, contender(window, "v1", 0.3), contender(window, "v2", 0.8, seed=1), review_cost=REVIEW_COST
    )
    assert verdict.promote
    assert verdict.precision_gain is not None
    assert verdict.precision_gain.low > 0
    assert "v2 beats v1 beyond noise" in verdict.reason


def test_an_equal_candidate_is_not(window: Dataset) -> None:
    same = contender(window, "v1", 0.5)
    verdict = decide(window, same, Contender("v2", same.scores, same.threshold), review_cost=REVIEW_COST)
    assert not verdict.promote
    assert "not better beyond noise" in verdict.reason


def test_another_draw_of_the_same_skill_is_noise(window: Dataset) -> None:
    first, second = contender(window, "v1", 0.5), contender(window, "v2", 0.5, seed=1)
    assert not decide(window, first, second, review_cost=REVIEW_COST).promote


def test_a_worse_candidate_is_not(window: Dataset) -> None:
    verdict = decide(
        window, contender(window, "v1", 0.8), contender(window, "v2", 0.3, seed=1), review_cost=REVIEW_COST
    )
    assert not verdict.promote


def test_better_ranking_does_not_pay_for_lost_money(window: Dataset) -> None:
    # given a candidate that ranks better but whose threshold lets everything pass
    good = contender(window, "v2", 0.8, seed=1)
    lazy = Contender("v2", good.scores, 1.1)
    # then it is not promoted
    verdict = decide(window, contender(window, "v1", 0.5), lazy, review_cost=REVIEW_COST)
    assert not verdict.promote
    assert "worse in the other" in verdict.reason


def test_too_few_frauds_decide_nothing(window: Dataset) -> None:
    few = window.take(np.flatnonzero(window.labels == 0)[:100])
    verdict = decide(few, contender(few, "v1", 0.3), contender(few, "v2", 0.9), review_cost=REVIEW_COST)
    assert not verdict.promote
    assert "0 frauds" in verdict.reason
