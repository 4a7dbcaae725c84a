"""Strategies against class imbalance, applied to training rows only.

They change the prior that a model learns. Calibration on unchanged validation rows corrects the
probabilities.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Strategy = Literal["none", "scale_pos_weight", "undersample", "smote", "smote_tomek"]

SMOTE_MAJORITY = 100_000
TOMEK_MAJORITY = 20_000
"""Neighbours are searched among all rows, so the majority is undersampled first and weighted up."""


@dataclass(frozen=True)
class Imbalance:
    """A strategy with its parameters.

    Attributes:
        strategy: `none` leaves rows and weights alone.
        positive_weight: of `scale_pos_weight`: how much a fraud counts against a legitimate row.
        ratio: frauds per legitimate row afterwards, of the resampling strategies.
        neighbours: of SMOTE.
    """

    strategy: Strategy = "none"
    positive_weight: float = 1.0
    ratio: float = 0.05
    neighbours: int = 5


@dataclass(frozen=True)
class TrainingRows:
    """Rows to fit on: features (n, F), labels (n,) and weights (n,)."""

    rows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]
    weights: npt.NDArray[np.float32]


def resample(imbalance: Imbalance, training: TrainingRows, seed: int) -> TrainingRows:
    """Training rows after the strategy; `scale_pos_weight` is a booster parameter and changes no row."""
    random = np.random.default_rng(seed)
    match imbalance.strategy:
        case "none" | "scale_pos_weight":
            return training
        case "undersample":
            return _undersample(training, _majority_for(training, imbalance.ratio), random, keep_sum=False)[0]
        case "smote" | "smote_tomek":
            return _synthesise(imbalance, training, random, seed)


def thin(training: TrainingRows, majority: int, seed: int) -> tuple[TrainingRows, Index]:
    """At most `majority` legitimate rows, weighted up so that their sum of weights stays.

    Returns:
        The rows left, in their order, and their indices before.
    """
    return _undersample(training, majority, np.random.default_rng(seed), keep_sum=True)


def _majority_for(training: TrainingRows, ratio: float) -> int:
    return max(int(training.labels.sum() / ratio), 1)


def _undersample(
    training: TrainingRows, majority: int, random: np.random.Generator, *, keep_sum: bool
) -> tuple[TrainingRows, Index]:
    legitimate = np.flatnonzero(training.labels == 0)
    if len(legitimate) <= majority:
        return training, np.arange(len(training.labels))
    kept = random.choice(legitimate, majority, replace=False)
    chosen = np.sort(np.append(kept, np.flatnonzero(training.labels == 1)))
    weights = training.weights[chosen].copy()
    if keep_sum:
        factor = training.weights[legitimate].sum() / training.weights[kept].sum()
        weights[training.labels[chosen] == 0] *= factor
    return TrainingRows(training.rows[chosen], training.labels[chosen], weights), chosen


def _synthesise(
    imbalance: Imbalance, training: TrainingRows, random: np.random.Generator, seed: int
) -> TrainingRows:
    """SMOTE (Chawla et al. 2002), with Tomek links removed after it (Batista et al. 2004) if asked.

    SMOTE knows no missing values: distances are taken on standardised columns with medians in place of the
    unknown, and a synthetic row then takes over what its nearest real fraud does not know. Otherwise being
    complete would give the synthetic rows away.
    """
    from imblearn.over_sampling import SMOTE
    from imblearn.under_sampling import TomekLinks

    frauds = int(training.labels.sum())
    if frauds < 2:
        return training
    tomek = imbalance.strategy == "smote_tomek"
    thinned, _ = _undersample(training, TOMEK_MAJORITY if tomek else SMOTE_MAJORITY, random, keep_sum=True)
    scaling = _Scaling.of(thinned.rows)
    scaled = scaling.apply(thinned.rows)
    smote = SMOTE(
        sampling_strategy=_target(thinned, imbalance.ratio),
        k_neighbors=min(imbalance.neighbours, frauds - 1),
        random_state=seed,
    )
    rows, labels = smote.fit_resample(scaled, thinned.labels)
    synthetic = rows[len(scaled) :]
    restored = np.vstack([thinned.rows, _with_unknowns(scaling, synthetic, scaled, thinned)])
    weights = np.append(thinned.weights, _mean_fraud_weights(thinned, len(synthetic)))
    kept = _without_tomek_links(TomekLinks(), rows, labels) if tomek else slice(None)
    return TrainingRows(restored[kept], labels.astype(np.int8)[kept], weights[kept])


def _with_unknowns(
    scaling: "_Scaling",
    synthetic: npt.NDArray[np.float64],
    scaled: npt.NDArray[np.float64],
    real: TrainingRows,
) -> npt.NDArray[np.float32]:
    from sklearn.neighbors import NearestNeighbors

    frauds = real.labels == 1
    unknown = np.isnan(real.rows[frauds])
    if not len(synthetic):
        return np.empty((0, real.rows.shape[1]), dtype=np.float32)
    nearest = NearestNeighbors(n_neighbors=1).fit(scaled[frauds]).kneighbors(synthetic, return_distance=False)
    return np.where(unknown[nearest[:, 0]], np.nan, scaling.undo(synthetic)).astype(np.float32)


def _without_tomek_links(
    tomek: Any, rows: npt.NDArray[np.float64], labels: npt.NDArray[np.int8]
) -> npt.NDArray[np.int64]:
    tomek.fit_resample(rows, labels)
    return np.asarray(tomek.sample_indices_, dtype=np.int64)


def _mean_fraud_weights(training: TrainingRows, count: int) -> npt.NDArray[np.float32]:
    return np.full(count, training.weights[training.labels == 1].mean(), dtype=np.float32)


def _target(training: TrainingRows, ratio: float) -> dict[int, int]:
    legitimate = int((training.labels == 0).sum())
    return {1: max(int(ratio * legitimate), int(training.labels.sum()))}


@dataclass(frozen=True)
class _Scaling:
    """Medians for the unknown, standard deviations for the scale."""

    median: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rows: npt.NDArray[np.float32]) -> "_Scaling":
        known = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
        median = np.nanmedian(known, axis=0)
        deviation = np.nanstd(known, axis=0, dtype=np.float64)
        return cls(median.astype(np.float64), np.where(deviation > 0, deviation, 1.0))

    def apply(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return (np.where(np.isnan(rows), self.median, rows) - self.median) / self.deviation

    def undo(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return rows * self.deviation + self.median
