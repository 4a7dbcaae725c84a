"""Confidence in the difference between two models that scored the same rows.

The difference is bootstrapped in pairs, twice. A cluster bootstrap draws whole cards, because rows of one
card are not independent. A circular block bootstrap draws blocks of neighbouring days, because fraud comes in
waves of several days that suit one model more than another. The 95 % interval uses the larger of the two
standard errors. The lower bound for a promotion adds both variances: they overlap, but a test window holds
few waves, whose variance alone is estimated badly. Quantiles are Student's, with as many degrees of freedom
as there are days, or cards with fraud if these are fewer. Percentiles of the draws are not enough, because a
daily comparison needs the last tenth of a percent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import hypot

import numpy as np
import numpy.typing as npt
from scipy import stats

from fraud.evaluation.metrics import DAY_MS, Estimate, card_draws, weighted_draws
from fraud.training.dataset import Dataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figure = Callable[[Floats], float]

BLOCK_DAYS = 3
"""Neighbouring days that are drawn together."""


@dataclass(frozen=True)
class Difference:
    """Candidate minus champion, with its standard errors by cards and by blocks of days."""

    value: float
    by_card: float
    by_block: float
    degrees: int

    def lower_bound(self, level: float) -> float:
        """The one-sided lower confidence bound, with an error probability of `level`."""
        return self.value - self._quantile(level) * hypot(self.by_card, self.by_block)

    @property
    def interval(self) -> Estimate:
        """The 95 % interval."""
        margin = self._quantile(0.025) * max(self.by_card, self.by_block)
        return Estimate(self.value, self.value - margin, self.value + margin)

    def _quantile(self, level: float) -> float:
        return float(stats.t.isf(level, self.degrees))


def differences(
    window: Dataset, figures: Mapping[str, Figure], *, draws: int, seed: int
) -> dict[str, Difference]:
    """Differences that are functions of row weights, (N,) -> float, with their standard errors."""
    days, weights = window.timestamps // DAY_MS, window.weights
    each = np.ones(len(window)) if weights is None else weights
    by_card = _standard_errors(figures, weighted_draws(card_draws(window.cards, draws, seed), weights))
    by_block = _standard_errors(figures, weighted_draws(block_draws(days, draws, seed), weights))
    groups = len(np.unique(days)), len(np.unique(window.cards[window.labels == 1]))
    degrees = max(min(groups) - 1, 1)
    return {
        name: Difference(figure(each), by_card[name], by_block[name], degrees)
        for name, figure in figures.items()
    }


def block_draws(days: Ints, draws: int, seed: int) -> Iterator[Floats]:
    """Row weights of `draws` samples of blocks of days, (N,) each.

    The last day's neighbour is the first, so that every day is drawn equally often. The weights are scaled so
    that the number of days stays.
    """
    random = np.random.default_rng(seed)
    distinct, day_index = np.unique(days, return_inverse=True)
    count = len(distinct)
    length = min(BLOCK_DAYS, count)
    blocks = max(round(count / length), 1)
    for _ in range(draws):
        starts = random.integers(0, count, blocks)
        drawn = np.bincount(((starts[:, None] + np.arange(length)) % count).ravel(), minlength=count)
        yield (drawn.astype(np.float64) * (count / (blocks * length)))[day_index]


def _standard_errors(figures: Mapping[str, Figure], draws: Iterator[Floats]) -> dict[str, float]:
    values = np.array([[figure(weights) for figure in figures.values()] for weights in draws])
    return {name: _deviation(values[:, column]) for column, name in enumerate(figures)}


def _deviation(values: Floats) -> float:
    """The standard deviation of the draws that have a value: one without fraud has no average precision."""
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else float("inf")
