"""The figures of the report, computed from the folds; probabilities in [0, 1], money in minor units."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.metrics import DAY_MS, Ranked, card_precision_by_day

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BINS = 15
BANDS = 6
MISSED = 12
UNUSUAL = 4
RARE = 0.1
_SAMPLE = 20_000


@dataclass(frozen=True)
class Pooled:
    """The test rows of all folds, one after another, as one candidate scored and flagged them."""

    results: Sequence[FoldResult]
    candidate: int

    @cached_property
    def scores(self) -> Floats:
        """Of every row."""
        return np.concatenate([result.scored[self.candidate].scores for result in self.results])

    @cached_property
    def flagged(self) -> Bools:
        """Whether a row's score reaches its fold's threshold."""
        return np.concatenate(
            [
                one.scores >= one.threshold
                for one in (result.scored[self.candidate] for result in self.results)
            ]
        )

    @cached_property
    def labels(self) -> npt.NDArray[np.int8]:
        """The final labels."""
        return np.concatenate([result.test.labels for result in self.results])

    @cached_property
    def weights(self) -> Floats:
        """How many payments each row stands for."""
        tests = [result.test for result in self.results]
        return np.concatenate([test.weight_of_each * np.ones(len(test)) for test in tests])

    @cached_property
    def amounts(self) -> npt.NDArray[np.int64]:
        """In minor units."""
        return np.concatenate([result.test.amounts for result in self.results])


@dataclass(frozen=True)
class Group:
    """Some of the frauds, and how many of them were found."""

    name: str
    frauds: int
    found: int
    amount: int
    stopped: int

    @property
    def recall(self) -> float:
        """Share found."""
        return self.found / self.frauds


@dataclass(frozen=True)
class Missed:
    """A fraud below the threshold; `unusual` are its most unusual features with their values."""

    transaction_id: str
    card_id: str
    merchant_id: str
    timestamp: int
    amount: int
    score: float
    unusual: list[tuple[str, float]]


def precision_recall(pooled: Pooled) -> tuple[Floats, Floats]:
    """Recall and precision from the highest score on."""
    precision, recall = Ranked.of(pooled.labels, pooled.scores).precision_recall(pooled.weights)
    return recall, precision


def calibration(pooled: Pooled) -> tuple[Floats, Floats]:
    """Mean score and observed share of fraud in groups of equally many frauds."""
    order = np.argsort(pooled.scores, kind="stable")
    frauds = np.cumsum(pooled.labels[order])
    group = np.minimum(frauds * BINS // max(int(frauds[-1]), 1), BINS - 1)
    each = pooled.weights[order]
    rows = np.bincount(group, each, BINS)
    some = rows > 0
    mean = np.bincount(group, each * pooled.scores[order], BINS)[some] / rows[some]
    return mean, np.bincount(group, each * pooled.labels[order], BINS)[some] / rows[some]


def savings(
    pooled: Pooled, results: Sequence[FoldResult], review_cost: int, most_alerts: float | None = None
) -> tuple[Floats, Floats]:
    """Alerts a day, and the money that a threshold with so many saves; from the highest score on.

    Shown up to `most_alerts` a day, by default four times the best number.
    """
    order = np.argsort(-pooled.scores, kind="stable")
    gain = (pooled.weights * (pooled.amounts * pooled.labels - review_cost))[order]
    days = sum(len(np.unique(result.test.timestamps // DAY_MS)) for result in results)
    saved = np.cumsum(gain).astype(np.float64)
    alerts = np.cumsum(pooled.weights[order]) / days
    shown = alerts <= (most_alerts or max(4 * alerts[int(np.argmax(saved))], alerts[0]))
    return alerts[shown], saved[shown]


def daily_card_precision(results: Sequence[FoldResult], candidate: int, k: int) -> tuple[Floats, Floats]:
    """Every day tested (ms) and its card precision at k; found cards are dropped within a fold."""
    days = [np.unique(result.test.timestamps // DAY_MS) * DAY_MS for result in results]
    shares = [card_precision_by_day(one.test, one.scored[candidate].scores, k) for one in results]
    return np.concatenate(days).astype(np.float64), np.concatenate(shares)


def by_amount(pooled: Pooled) -> list[tuple[float, float, Group]]:
    """Frauds in bands of amount, equally many in each: from, to, and the group."""
    frauds = pooled.labels == 1
    edges = np.unique(np.quantile(pooled.amounts[frauds], np.linspace(0, 1, BANDS + 1)))
    if len(edges) < 2:
        edges = np.array([edges[0], edges[0] + 1.0])
    band = np.clip(np.searchsorted(edges, pooled.amounts, side="right") - 1, 0, len(edges) - 2)
    return [
        (float(edges[number]), float(edges[number + 1]), _group("", pooled, frauds & (band == number)))
        for number in range(len(edges) - 1)
        if (frauds & (band == number)).any()
    ]


def by_fraud_type(pooled: Pooled) -> list[Group]:
    """Frauds by kind, where it is known; the most frequent first."""
    types = [result.test.fraud_types for result in pooled.results]
    if any(one is None for one in types):
        return []
    names = np.array([name or "" for one in types if one is not None for name in one.to_pylist()])
    frauds = pooled.labels == 1
    groups = [
        _group(str(name) or "unknown", pooled, frauds & (names == name)) for name in np.unique(names[frauds])
    ]
    return sorted(groups, key=lambda group: -group.frauds)


def top_missed(results: Sequence[FoldResult], candidate: int) -> list[Missed]:
    """The largest frauds that were not flagged."""
    found = [
        missed
        for result in results
        for missed in _missed_of(result, result.scored[candidate].scores, result.scored[candidate].threshold)
    ]
    return sorted(found, key=lambda one: -one.amount)[:MISSED]


def _missed_of(result: FoldResult, scores: Floats, threshold: float) -> list[Missed]:
    test = result.test
    missed = np.flatnonzero((test.labels == 1) & (scores < threshold))
    largest = missed[np.argsort(-test.amounts[missed], kind="stable")[:MISSED]]
    sample = test.rows[np.random.default_rng(0).permutation(len(test))[:_SAMPLE]]
    identities = test.identity.take(largest).to_pylist()
    return [
        Missed(
            transaction_id=identity["transaction_id"],
            card_id=identity["card_id"],
            merchant_id=identity["merchant_id"],
            timestamp=int(test.timestamps[row]),
            amount=int(test.amounts[row]),
            score=float(scores[row]),
            unusual=_unusual(test.rows[row], sample, test.feature_names),
        )
        for row, identity in zip(largest, identities, strict=True)
    ]


def _unusual(
    row: npt.NDArray[np.float32], sample: npt.NDArray[np.float32], names: tuple[str, ...]
) -> list[tuple[str, float]]:
    """The features whose values lie furthest out among the sample's."""
    known = np.maximum((~np.isnan(sample)).sum(axis=0), 1)
    beyond = np.minimum((sample >= row).sum(axis=0), (sample <= row).sum(axis=0)) / known
    beyond[np.isnan(row)] = 1.0
    chosen = np.argsort(beyond, kind="stable")[:UNUSUAL]
    return [(names[one], float(row[one])) for one in chosen if beyond[one] < RARE]


def _group(name: str, pooled: Pooled, chosen: Bools) -> Group:
    found = chosen & pooled.flagged
    return Group(
        name=name,
        frauds=int(chosen.sum()),
        found=int(found.sum()),
        amount=int(pooled.amounts[chosen].sum()),
        stopped=int(pooled.amounts[found].sum()),
    )
