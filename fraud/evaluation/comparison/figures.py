"""The figures of two models on the same rows, by which a promotion is decided."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fraud.evaluation.comparison.confidence import Difference, differences
from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.metrics import Estimate, Ranked, money_saved
from fraud.money.texts import sum_text
from fraud.training.dataset import Dataset

Floats = npt.NDArray[np.float64]
ScoresFrom = Literal["scored again", "logged scores"]


@dataclass(frozen=True)
class ComparedModel:
    """A model's scores of the window's rows, shape (N,), and its own threshold."""

    name: str
    scores: Floats
    threshold: float

    @property
    def alerts(self) -> int:
        """How many of the rows it would have reviewed."""
        return int((self.scores >= self.threshold).sum())


@dataclass(frozen=True)
class Comparison:
    """Every figure that a decision uses; differences are candidate minus champion, money in minor units.

    Attributes:
        rows: that both scored, of which `frauds` are fraud.
        champion_precision: average precision; `candidate_precision` likewise.
        champion_alerts: at the champion's own threshold; `candidate_alerts` at the candidate's.
        precision: gain in average precision.
        money: gain in money saved.
        rules: of the comparison.
        currency: of money; empty where payments are of several.
        champion_scores: whether the champion scored the rows again, or its logged scores were taken.
    """

    rows: int
    frauds: int
    champion_precision: float
    candidate_precision: float
    champion_alerts: int
    candidate_alerts: int
    precision: Difference
    money: Difference
    rules: PromotionRules
    currency: str = ""
    champion_scores: ScoresFrom = "scored again"

    @property
    def precision_bound(self) -> float:
        """The lower confidence bound of the gain in average precision; a promotion needs it above 0."""
        return self.precision.lower_bound(self._level)

    @property
    def money_bound(self) -> float:
        """The lower confidence bound of the gain in money saved; a promotion needs it above 0."""
        return self.money.lower_bound(self._level)

    @property
    def is_better(self) -> bool:
        """A gain beyond noise in one of the two."""
        return self.precision_bound > 0 or self.money_bound > 0

    @property
    def is_worse(self) -> bool:
        """A loss beyond noise in one of the two."""
        return self.precision.interval.high < 0 or self.money.interval.high < 0

    @property
    def is_no_loss(self) -> bool:
        """A loss of average precision above the allowed one is excluded, and none of money is shown."""
        return self.precision.interval.low > -self.rules.max_precision_loss and not self.is_worse

    @property
    def allows_alerts(self) -> bool:
        """The number of alerts stays within the bounds."""
        return self.rules.allows_alerts(self.champion_alerts, self.candidate_alerts)

    @property
    def figures(self) -> dict[str, float | str]:
        """Flat names and values, as the registry keeps them."""
        return {
            "rows": self.rows,
            "frauds": self.frauds,
            "champion_average_precision": round(self.champion_precision, 6),
            "candidate_average_precision": round(self.candidate_precision, 6),
            **_flat("average_precision_gain", self.precision.interval, self.precision_bound),
            **_flat("money_gain", self.money.interval, self.money_bound),
            "champion_alerts": self.champion_alerts,
            "candidate_alerts": self.candidate_alerts,
            "alert_factor": self.rules.alert_factor,
            "confidence": round(1 - self._level, 6),
            "new_test_days": round(self.rules.new_days, 3),
            "aim": self.rules.aim,
            "champion_scores": self.champion_scores,
        }

    @property
    def _level(self) -> float:
        # Two figures, each of which can promote.
        return self.rules.level / 2

    def __str__(self) -> str:
        precision, money = self.precision.interval, self.money.interval
        return (
            f"average precision {self.candidate_precision:.3f} against {self.champion_precision:.3f}, "
            f"{precision.value:+.3f} [{precision.low:+.3f}, {precision.high:+.3f}], at least "
            f"{self.precision_bound:+.3f} with a confidence of {1 - self._level:.2%}; "
            f"money saved {self._gain(money.value)} [{self._gain(money.low)}, {self._gain(money.high)}], "
            f"at least {self._gain(self.money_bound)}; "
            f"{self.candidate_alerts} alerts against {self.champion_alerts}; "
            f"{self.rows} rows with {self.frauds} frauds, champion: {self.champion_scores}"
        )

    def _gain(self, minor: float) -> str:
        text = sum_text(minor, self.currency)
        return text if minor < 0 else f"+{text}"


def compare(
    window: Dataset,
    champion: ComparedModel,
    candidate: ComparedModel,
    review_cost: int,
    rules: PromotionRules,
    draws: int,
    seed: int,
) -> Comparison:
    """The numbers of a comparison on rows with both classes."""
    old, new = (Ranked.of(window.labels, model.scores) for model in (champion, candidate))
    saved = _saved(window, candidate, review_cost) - _saved(window, champion, review_cost)
    gains = differences(
        window,
        {
            "precision": lambda w: new.average_precision(w) - old.average_precision(w),
            "money": lambda w: float(w @ saved),
        },
        draws=draws,
        seed=seed,
    )
    return Comparison(
        rows=len(window),
        frauds=window.frauds,
        champion_precision=old.average_precision(window.weights),
        candidate_precision=new.average_precision(window.weights),
        champion_alerts=_alerts(window, champion),
        candidate_alerts=_alerts(window, candidate),
        precision=gains["precision"],
        money=gains["money"],
        rules=rules,
        currency=window.amount_currency,
    )


def _alerts(window: Dataset, model: ComparedModel) -> int:
    """How many payments the model would have reviewed."""
    if window.weights is None:
        return model.alerts
    return round(float(window.weights[model.scores >= model.threshold].sum()))


def _flat(name: str, interval: Estimate, bound: float) -> dict[str, float | str]:
    values = {"": interval.value, "_low": interval.low, "_high": interval.high, "_certain": bound}
    return {f"{name}{suffix}": round(value, 6) for suffix, value in values.items()}


def _saved(window: Dataset, candidate: ComparedModel, review_cost: int) -> Floats:
    return money_saved(window, candidate.scores, candidate.threshold, review_cost)
