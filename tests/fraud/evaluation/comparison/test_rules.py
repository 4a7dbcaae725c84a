"""What a comparison may spend and what it may change."""

import pytest

from fraud.evaluation.comparison.rules import MONTH_DAYS, PromotionRules
from fraud.settings import TrainingSettings


@pytest.mark.parametrize("days_between", [0.25, 0.5, 1.0, 2.0, 5.0])
def test_a_month_spends_its_budget_however_often_it_compares(days_between: float) -> None:
    # given comparisons every so many days
    rules = PromotionRules(false_promotions=0.05).with_new_days(days_between)
    # then those of thirty days spend the budget, and no more
    assert rules.level * MONTH_DAYS / days_between == pytest.approx(0.05)


def test_the_same_test_data_again_must_be_very_sure() -> None:
    daily = PromotionRules().level
    assert 0 < PromotionRules(new_days=0.0).level < daily / 50


def test_after_a_pause_a_comparison_spends_no_more_than_a_week() -> None:
    assert PromotionRules(new_days=90.0).level == PromotionRules(new_days=7.0).level


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (0, 0, True),
        (0, 40, True),
        (0, 41, False),
        (40, 1, True),
        (41, 1, False),
        (3, 0, False),
        (50, 100, True),
    ],
)
def test_alerts_change_within_a_factor_and_few_of_them_count_as_the_floor(
    before: int, after: int, allowed: bool
) -> None:
    assert PromotionRules().allows_alerts(before, after) is allowed


def test_the_settings_make_the_rules() -> None:
    training = TrainingSettings(
        false_promotions=0.01, alert_factor=3.0, alert_floor=5, max_precision_loss=0.01
    )
    assert PromotionRules.of(training) == PromotionRules(0.01, 1.0, 3.0, 5, "gain", 0.01)
