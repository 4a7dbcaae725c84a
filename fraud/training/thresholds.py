"""The threshold from which scores are reviewed, chosen on validation and explained in a sentence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fraud.errors import DataError
from fraud.evaluation.metrics import DAY_MS, descending
from fraud.money.texts import sum_text
from fraud.training.dataset import Dataset

Floats = npt.NDArray[np.float64]
ThresholdPolicy = Literal["cost", "precision", "capacity"]

LEAST_ALERTS = 20
"""A precision measured on fewer alerts is noise."""


@dataclass(frozen=True)
class Threshold:
    """Scores from `value` on are reviewed; `reason` says why there."""

    value: float
    policy: ThresholdPolicy
    reason: str


@dataclass(frozen=True)
class ThresholdRules:
    """What the business asks for; amounts in minor units."""

    policy: ThresholdPolicy
    review_cost: int
    min_precision: float
    alerts_per_day: int


def choose_threshold(rules: ThresholdRules, validation: Dataset, scores: Floats) -> Threshold:
    """The policy's threshold for calibrated scores of the validation rows, shape (N,).

    Raises:
        DataError: the validation holds no fraud.
    """
    if validation.frauds == 0:
        raise DataError(
            "the validation period holds no fraud, so no threshold can be chosen; "
            "take a longer FRAUD_TRAINING__VALIDATION_DAYS"
        )
    match rules.policy:
        case "cost":
            return _by_cost(rules, validation, scores)
        case "precision":
            return _by_precision(rules, validation, scores)
        case "capacity":
            return _by_capacity(rules, validation, scores)


def savings_curve(data: Dataset, scores: Floats, review_cost: int) -> tuple[Floats, Floats]:
    """Distinct scores from the highest, and the money saved (minor units) by a threshold at each."""
    order, ends = descending(scores)
    gain = (data.weight_of_each * (data.amounts * data.labels - review_cost))[order].astype(np.float64)
    return scores[order][ends], np.cumsum(gain)[ends]


def _by_cost(rules: ThresholdRules, data: Dataset, scores: Floats) -> Threshold:
    values, saved = savings_curve(data, scores, rules.review_cost)
    best = int(np.argmax(saved))
    currency = data.amount_currency
    cost = sum_text(rules.review_cost, currency)
    if saved[best] <= 0:
        return Threshold(
            1.0,
            "cost",
            f"no threshold saved more than reviews at {cost} each cost on validation",
        )
    share = saved[best] / max((data.weight_of_each * data.amounts * data.labels).sum(), 1)
    reason = (
        f"saves the most on validation: {sum_text(saved[best], currency)}, {share:.0%} of the fraud, "
        f"after reviews at {cost} each"
    )
    return Threshold(_below(values, best), "cost", reason)


def _by_precision(rules: ThresholdRules, data: Dataset, scores: Floats) -> Threshold:
    order, ends = descending(scores)
    each = (data.weight_of_each * np.ones(len(data)))[order]
    hits, alerts = np.cumsum(each * data.labels[order])[ends], np.cumsum(each)[ends]
    precision, values = hits / alerts, scores[order][ends]
    # How sure a precision is depends on the rows, not on the payments that they stand for.
    enough = ends + 1 >= min(LEAST_ALERTS, data.frauds)
    good = np.flatnonzero(enough & (precision >= rules.min_precision))
    if len(good):
        chosen = int(good[-1])
        what = f"the most recall on validation, {hits[chosen] / hits[-1]:.0%}, at a precision of"
    else:
        chosen = int(np.argmax(np.where(enough, precision, -1.0)))
        what = f"precision {rules.min_precision:.2f} was out of reach on validation; the best there was is"
    return Threshold(_below(values, chosen), "precision", f"{what} {precision[chosen]:.2f}")


def _by_capacity(rules: ThresholdRules, data: Dataset, scores: Floats) -> Threshold:
    """On no day of the validation more alerts than allowed: just above each day's (k+1)-th score."""
    days, k = data.timestamps // DAY_MS, rules.alerts_per_day
    value = 0.0
    for day in np.unique(days):
        first, last = np.searchsorted(days, [day, day + 1])
        of_day = None if data.weights is None else data.weights[first:last]
        value = max(value, _above_capacity(scores[first:last], of_day, k))
    found = data.weight_of_each * data.labels
    recall = float(found[scores >= value].sum() / found.sum())
    return Threshold(
        min(value, 1.0),
        "capacity",
        f"at most {k} alerts on any day of validation, where they found {recall:.0%} of the fraud",
    )


def _above_capacity(scores: Floats, weights: Floats | None, k: int) -> float:
    """Just above the highest score at which a day has more than k alerts; 0 on a day that never has."""
    if weights is None:
        excess = np.partition(scores, -k - 1)[-k - 1 :][:1] if len(scores) > k else scores[:0]
    else:
        order = np.argsort(-scores, kind="stable")
        excess = scores[order][np.cumsum(weights[order]) > k][:1]
    return float(np.nextafter(excess[0], np.inf)) if len(excess) else 0.0


def _below(values: Floats, chosen: int) -> float:
    """Half way to the next lower score, so that new scores close to the chosen one reach the threshold."""
    if chosen + 1 == len(values):
        return float(values[chosen])
    return float((values[chosen] + values[chosen + 1]) / 2)
