"""The rules of promotion: how much confidence they require, and how many more alerts they allow.

The chance of promoting a model that is only as good as the champion is a budget: `false_promotions` for 30
days of new test data. A comparison spends the part of it that belongs to the test data that no comparison had
before. So daily, hourly and weekly trainings share one budget: the more often, the more confidence each
needs.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

from fraud.settings import TrainingSettings

MONTH_DAYS = 30.0

LEAST_FRAUDS = 10
"""With fewer frauds in the window two models cannot be compared."""

FEWEST_NEW_DAYS = 0.01
"""Spent by a comparison on the same test data as the last one: it needs much confidence."""

MOST_NEW_DAYS = 7.0
"""Spent after a longer pause, so that no month spends much more than its budget."""

Aim = Literal["gain", "no loss"]


@dataclass(frozen=True)
class PromotionRules:
    """What the gate asks of a candidate.

    Attributes:
        false_promotions: probability with which equal models are promoted within 30 days of new test data.
        new_days: days of test data that no earlier comparison had.
        alert_factor: by how much the number of alerts may grow or shrink.
        alert_floor: alerts in the test window; smaller counts are taken for this many.
        aim: `gain` asks for an improvement beyond noise; `no loss` is for a champion that must be replaced.
        max_precision_loss: of average precision, which lies below the 95 % interval under `no loss`.
    """

    false_promotions: float = 0.05
    new_days: float = 1.0
    alert_factor: float = 2.0
    alert_floor: int = 20
    aim: Aim = "gain"
    max_precision_loss: float = 0.03

    @classmethod
    def of(cls, training: TrainingSettings) -> Self:
        """The rules of the settings, for a comparison with one day of new data."""
        return cls(
            false_promotions=training.false_promotions,
            alert_factor=training.alert_factor,
            alert_floor=training.alert_floor,
            max_precision_loss=training.max_precision_loss,
        )

    def with_new_days(self, days: float) -> Self:
        """The same rules for so many days of test data that no earlier comparison had."""
        return replace(self, new_days=days)

    def with_aim(self, aim: Aim) -> Self:
        """The same rules with another aim."""
        return replace(self, aim=aim)

    @property
    def level(self) -> float:
        """The one-sided probability of error that this comparison may spend, on all its figures together."""
        days = min(max(self.new_days, FEWEST_NEW_DAYS), MOST_NEW_DAYS)
        return self.false_promotions * days / MONTH_DAYS

    def allows_alerts(self, before: int, after: int) -> bool:
        """Whether the number of alerts may change like this; a model that raises none is never allowed."""
        if before and not after:
            return False
        low, high = sorted((max(before, self.alert_floor), max(after, self.alert_floor)))
        return high <= self.alert_factor * low
