"""Metrics of fraud scores, each with a confidence interval.

Intervals are percentile bootstraps. Rows of one card are not independent, so whole cards are drawn, not
rows; card precision at k is a mean over days, so days are drawn. A draw is a weight per row, which lets all
draws share one sort.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fraud.training.dataset import Dataset

DAY_MS = 86_400_000

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Ranked:
    """Labels in descending order of score, with the ends of the groups of equal scores."""

    order: npt.NDArray[np.int64]
    labels: Floats
    ends: npt.NDArray[np.int64]
    _latest: list[Floats] = field(default_factory=list, repr=False, compare=False)
    """The last weights and their sums, because several figures use every draw of a bootstrap."""

    @classmethod
    def of(cls, labels: Labels, scores: Floats) -> "Ranked":
        """Sort once; every weighted figure below reuses it."""
        order, ends = descending(scores)
        return cls(order, labels[order].astype(np.float64), ends)

    def average_precision(self, weights: Floats | None = None) -> float:
        """Area under the precision-recall steps; NaN without fraud."""
        hits, alerts = self._cumulated(weights)
        if not hits[-1]:
            return float("nan")
        precision = np.divide(hits, alerts, out=np.zeros_like(hits), where=alerts > 0)
        return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])

    def auc(self, weights: Floats | None = None) -> float:
        """Area under the ROC curve; NaN with one class only."""
        hits, alerts = self._cumulated(weights)
        misses = alerts - hits
        if not hits[-1] or not misses[-1]:
            return float("nan")
        area = np.sum(np.diff(misses, prepend=0.0) * (hits + np.append(0.0, hits[:-1])) / 2)
        return float(area / hits[-1] / misses[-1])

    def recall_at_precision(self, least: float, weights: Floats | None = None) -> float:
        """The most recall that a threshold reaches at a precision of at least `least`; NaN without fraud."""
        hits, alerts = self._cumulated(weights)
        if not hits[-1]:
            return float("nan")
        return float(np.max(hits, where=hits >= least * alerts, initial=0.0) / hits[-1])

    def precision_recall(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """Precision and recall at every distinct score, from the highest."""
        hits, alerts = self._cumulated(weights)
        return hits / alerts, hits / max(hits[-1], 1.0)

    def _cumulated(self, weights: Floats | None) -> tuple[Floats, Floats]:
        if weights is None:
            return np.cumsum(self.labels)[self.ends], (self.ends + 1).astype(np.float64)
        if not self._latest or self._latest[0] is not weights:
            ordered = weights[self.order]
            sums = np.cumsum(ordered * self.labels)[self.ends], np.cumsum(ordered)[self.ends]
            self._latest[:] = (weights, *sums)
        return self._latest[1], self._latest[2]


def descending(scores: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the scores from the highest, and where in that order each group of equal scores ends."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    return order, np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)


def average_precision(labels: Labels, scores: Floats, weights: Floats | None = None) -> float:
    """Average precision of scores, all shape (N,); ties count as one threshold."""
    return Ranked.of(labels, scores).average_precision(weights)


def card_precision_by_day(data: Dataset, scores: Floats, k: int) -> Floats:
    """Share of fraudulent cards among the k highest cards of each day (UTC).

    As in the Fraud Detection Handbook, chapter 4: a card's score of a day is its highest, and a card that
    was found among the k of an earlier day is left out of later days.
    """
    days = data.timestamps // DAY_MS
    found: set[int] = set()
    shares = []
    for day in np.unique(days):
        first, last = np.searchsorted(days, [day, day + 1])
        cards, card_index = np.unique(data.cards[first:last], return_inverse=True)
        highest = np.full(len(cards), -np.inf)
        np.maximum.at(highest, card_index, scores[first:last])
        fraudulent = np.zeros(len(cards), dtype=np.int8)
        np.maximum.at(fraudulent, card_index, data.labels[first:last])
        remaining = ~np.isin(cards, list(found))
        top = np.flatnonzero(remaining)[np.argsort(-highest[remaining], kind="stable")[:k]]
        shares.append(fraudulent[top].sum() / k)
        found.update(cards[top][fraudulent[top] == 1].tolist())
    return np.array(shares)


def money_saved(data: Dataset, scores: Floats, threshold: float, review_cost: int) -> Floats:
    """What reviewing saves on each row, in minor units: the fraud stopped less the cost of the review."""
    flagged = scores >= threshold
    return np.asarray(flagged * (data.amounts * data.labels - review_cost), dtype=np.float64)


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`; amounts in minor units over the whole test period.

    `recall_at_precision` is what the best threshold would have reached at a precision of `min_precision`,
    which is known only afterwards; `precision` and `recall` are those of the threshold that was chosen
    before.
    """

    average_precision: Estimate
    auc: Estimate
    card_precision: Estimate
    precision: Estimate
    recall: Estimate
    recall_at_precision: Estimate
    money_saved: Estimate
    brier: float
    alerts_per_day: float
    fraud_amount: int
    k: int
    min_precision: float
    threshold: float
    rows: int
    frauds: int

    @property
    def headline(self) -> dict[str, Estimate]:
        """The five figures to look at first."""
        names = ("average_precision", "card_precision", "precision", "recall", "money_saved")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Flat names and finite values, as MLflow keeps them."""
        estimates = {name: value for name, value in vars(self).items() if isinstance(value, Estimate)}
        flat = {name: estimate.value for name, estimate in estimates.items()}
        flat |= {f"{name}_low": estimate.low for name, estimate in estimates.items()}
        flat |= {f"{name}_high": estimate.high for name, estimate in estimates.items()}
        plain = ("brier", "alerts_per_day", "fraud_amount", "threshold", "rows", "frauds")
        flat |= {name: float(getattr(self, name)) for name in plain}
        return {name: value for name, value in flat.items() if np.isfinite(value)}


def evaluate(
    data: Dataset,
    scores: Floats,
    threshold: float,
    *,
    review_cost: int,
    k: int = 100,
    min_precision: float = 0.8,
    draws: int = 200,
    seed: int = 0,
) -> Evaluation:
    """The figures of scores of `data`, shape (N,), and of the alerts that `threshold` raises.

    A row counts as often as the payments that it stands for, except in card precision, where cards count.
    """
    ranked = Ranked.of(data.labels, scores)
    flagged = (scores >= threshold).astype(np.float64)
    hits = flagged * data.labels
    saved = money_saved(data, scores, threshold, review_cost)
    figures: dict[str, Callable[[Floats], float]] = {
        "average_precision": ranked.average_precision,
        "auc": ranked.auc,
        "precision": lambda w: _ratio(float(w @ hits), float(w @ flagged)),
        "recall": lambda w: _ratio(float(w @ hits), float(w @ data.labels)),
        "recall_at_precision": lambda w: ranked.recall_at_precision(min_precision, w),
        "money_saved": lambda w: float(w @ saved),
    }
    estimates = bootstrap_by_card(data.cards, figures, draws=draws, seed=seed, row_weights=data.weights)
    days = max(len(np.unique(data.timestamps // DAY_MS)), 1)
    return Evaluation(
        **estimates,
        card_precision=_over_days(card_precision_by_day(data, scores, k), draws, seed),
        brier=_mean((scores - data.labels) ** 2, data.weights),
        alerts_per_day=float((data.weight_of_each * flagged).sum() / days),
        fraud_amount=int((data.weight_of_each * data.amounts * data.labels).sum()),
        k=k,
        min_precision=min_precision,
        threshold=threshold,
        rows=len(data),
        frauds=data.frauds,
    )


def bootstrap_by_card(
    cards: npt.NDArray[np.int64],
    figures: dict[str, Callable[[Floats], float]],
    *,
    draws: int,
    seed: int,
    row_weights: Floats | None = None,
) -> dict[str, Estimate]:
    """Estimates of figures that are functions of row weights, (N,) -> float; cards are drawn whole.

    A row that stands for several payments has them as `row_weights` (N,) in every draw.
    """
    values: dict[str, list[float]] = {name: [] for name in figures}
    for weights in weighted_draws(card_draws(cards, draws, seed), row_weights):
        for name, figure in figures.items():
            values[name].append(figure(weights))
    each = np.ones(len(cards)) if row_weights is None else row_weights
    return {name: _interval(figure(each), np.array(values[name])) for name, figure in figures.items()}


def weighted_draws(draws: Iterator[Floats], row_weights: Floats | None) -> Iterator[Floats]:
    """The draws, each times the weights of the rows if they have some."""
    return draws if row_weights is None else (draw * row_weights for draw in draws)


def card_draws(cards: npt.NDArray[np.int64], draws: int, seed: int) -> Iterator[Floats]:
    """Row weights of `draws` bootstrap samples of cards, one array (N,) each."""
    random = np.random.default_rng(seed)
    distinct, card_index = np.unique(cards, return_inverse=True)
    for _ in range(draws):
        drawn = random.integers(0, len(distinct), len(distinct))
        yield np.bincount(drawn, minlength=len(distinct)).astype(np.float64)[card_index]


def _over_days(shares: Floats, draws: int, seed: int) -> Estimate:
    random = np.random.default_rng(seed)
    drawn = shares[random.integers(0, len(shares), (draws, len(shares)))].mean(axis=1)
    return _interval(float(shares.mean()), drawn)


def _interval(value: float, drawn: Floats) -> Estimate:
    finite = drawn[np.isfinite(drawn)]
    low, high = np.quantile(finite, [0.025, 0.975]) if len(finite) else (value, value)
    return Estimate(value, float(low), float(high))


def _mean(values: Floats, weights: Floats | None) -> float:
    return float(np.mean(values) if weights is None else np.average(values, weights=weights))


def _ratio(part: float, total: float) -> float:
    return float(part / total) if total else 0.0
