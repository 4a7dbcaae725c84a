"""The simulation of the gate, in small: equal models stay, better ones come."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.promotion import (
    BETTER,
    EQUAL,
    MONTH,
    Candidates,
    PromotionScenario,
    SimulationOutcome,
    Stream,
    simulate,
    table,
)
from fraud.evaluation.comparison.rules import PromotionRules

RULES = PromotionRules(alert_factor=10.0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("candidates", ["fixed", "fresh"])
def test_equal_models_are_hardly_ever_promoted(candidates: Candidates) -> None:
    # given twelve months of daily comparisons of equal models, in which a rule without a budget,
    # that believes every comparison at 95 %, promotes in about half of the months
    scenario = replace(EQUAL[0], candidates=candidates, payments=40)
    # then the gate promotes in none
    assert simulate(scenario, RULES, months=12, draws=40).promoted_within(MONTH) == 0


def test_a_rule_without_a_budget_would_promote_equal_models() -> None:
    careless = replace(RULES, false_promotions=0.99, new_days=7.0)
    scenario = replace(EQUAL[1], payments=40, every_days=7)
    assert simulate(scenario, careless, months=12, draws=40).promoted_within(MONTH) > 0.2


def test_a_far_better_model_is_promoted_within_days() -> None:
    outcome = simulate(PromotionScenario("better", "fixed", gain=0.6, payments=40), RULES, months=5, draws=40)
    assert outcome.gain > 0.1
    assert outcome.promoted_within(7) == 1.0


def test_windows_of_following_days_overlap() -> None:
    stream = Stream(EQUAL[0], 20, 1, np.random.default_rng(0))
    (first, *_), (second, *_) = stream.window(13, 0), stream.window(14, 0)
    shared = np.intersect1d(first.cards[first.labels == 1], second.cards[second.labels == 1])
    assert len(shared) > 0.8 * len(np.unique(first.cards[first.labels == 1]))


def test_the_table_says_what_is_surely_exceeded_by_equal_models_alone() -> None:
    never = SimulationOutcome(EQUAL[0], 0.0, (0,) * 100)
    soon = SimulationOutcome(BETTER[0], 0.03, (1, 5, 20, 0))
    assert list(table([never, soon]))[2:] == [
        f"| {EQUAL[0].name} | +0.000 | 0.0% | 0.0% | 0.0% | 3.0% |",
        f"| {BETTER[0].name} | +0.030 | 25.0% | 50.0% | 75.0% |  |",
    ]
