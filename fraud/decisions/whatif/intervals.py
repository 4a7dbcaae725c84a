"""95 % intervals: Wilson's for proportions, a bootstrap of whole cards for sums and ratios of sums."""

from collections.abc import Iterator
from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy import stats

from fraud.evaluation.metrics import Estimate

Floats = npt.NDArray[np.float64]

DRAWS = 200
_Z95 = 1.959963984540054
_BLOCK = 50
"""Draws that are held in memory together."""

_STEPS = 1 << 16


def wilson(hits: float, trials: float) -> Estimate:
    """A proportion with Wilson's interval; NaN without trials."""
    if trials <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    share, square = hits / trials, _Z95**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = _Z95 / (1 + square / trials) * sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    # Rounding must not put the proportion outside of its interval.
    return Estimate(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def bootstrapped_sums(by_card: npt.NDArray[np.float32], draws: int = DRAWS, seed: int = 0) -> Floats:
    """Sums over cards in bootstrap samples of cards, float64 (draws, M).

    Each card is drawn as often as a Poisson variable of mean 1 says, independently of the others. So cards
    whose sums are all 0 can be left out beforehand.

    Args:
        by_card: sums of each card, (cards, M).
        draws: how many samples.
        seed: equal seeds draw equal samples.
    """
    sums = np.zeros((draws, by_card.shape[1]))
    # Most rules decide few payments: what is 0 for all cards needs no product.
    used = np.flatnonzero(by_card.any(axis=0))
    columns = np.ascontiguousarray(by_card[:, used])
    for start, weights in _weights(len(by_card), draws, seed):
        sums[start : start + len(weights), used] = weights @ columns
    return sums


def estimate(value: float, drawn: Floats) -> Estimate:
    """A figure with the percentiles of its draws; those without a value (NaN) are left out."""
    finite = drawn[np.isfinite(drawn)]
    if not len(finite) or not np.isfinite(value):
        return Estimate(value, value, value)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value))


def _weights(cards: int, draws: int, seed: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Weights of cards in some draws, (draws, cards), and the number of the first of these."""
    random = np.random.default_rng(seed)
    for start in range(0, draws, _BLOCK):
        shape = (min(_BLOCK, draws - start), cards)
        yield start, _poisson()[random.integers(0, _STEPS, shape, dtype=np.uint16)]


@cache
def _poisson() -> npt.NDArray[np.float32]:
    """Quantiles of a Poisson variable of mean 1 at even steps: a draw of it is one look-up."""
    return np.asarray(stats.poisson.ppf((np.arange(_STEPS) + 0.5) / _STEPS, 1.0), dtype=np.float32)
