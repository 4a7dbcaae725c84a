"""Distance between two distributions: population stability index and Kolmogorov-Smirnov distance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.definitions.features import Feature

Values = npt.NDArray[np.float32] | npt.NDArray[np.float64]

BINS = 10
MIN_SHARE = 1e-4
"""Replaces the share of an empty bin, whose logarithm would be infinite."""


@dataclass(frozen=True)
class Drift:
    """Distance of one column from the reference."""

    name: str
    psi: float
    ks: float


def psi(reference: Values, current: Values, bins: int = BINS) -> float:
    """Population stability index: the sum over bins of (c - r) * ln(c / r), of the shares r and c.

    The bins hold equal shares of the reference (fewer where values repeat), and one more holds the
    unknown values (NaN). By convention in credit scoring (Siddiqi, "Credit Risk Scorecards", 2006) below 0.1
    is stable and above 0.25 is a shift.

    Args:
        reference: shape (N,), N > 0.
        current: shape (M,), M > 0.
        bins: how many for the known values.
    """
    known = reference[~np.isnan(reference)]
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner, method="inverted_cdf")) if len(known) else np.empty(0)
    before, after = _shares(reference, edges), _shares(current, edges)
    return float(np.sum((after - before) * np.log(after / before)))


def ks(reference: Values, current: Values) -> float:
    """The largest distance between the distribution functions of the known values; 0 when a side has none."""
    first, second = (np.sort(values[~np.isnan(values)]) for values in (reference, current))
    if not len(first) or not len(second):
        return 0.0
    every = np.concatenate([first, second])
    below = [np.searchsorted(values, every, side="right") / len(values) for values in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def feature_drift(
    features: Sequence[Feature], reference: npt.NDArray[np.float32], current: npt.NDArray[np.float32]
) -> tuple[Drift, ...]:
    """Drift of every feature except the calendar's, highest PSI first.

    A calendar feature depends on when the sample was taken, not on how anyone behaves.

    Args:
        features: F.
        reference: their values, shape (N, F).
        current: likewise, shape (M, F).
    """
    found = [
        Drift(feature.name, psi(before, after), ks(before, after))
        for feature, before, after in zip(features, reference.T, current.T, strict=True)
        if not feature.is_calendar
    ]
    return tuple(sorted(found, key=lambda one: -one.psi))


def _shares(values: Values, edges: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The share of each bin (values up to and including its edge), the unknown values last; none is zero."""
    unknown = np.isnan(values)
    # Both sides need the same type: an edge must equal the value from which it was taken.
    bins = np.searchsorted(edges.astype(values.dtype), values[~unknown], side="left")
    counts = np.append(np.bincount(bins, minlength=len(edges) + 1), unknown.sum())
    return np.maximum(counts / len(values), MIN_SHARE)
