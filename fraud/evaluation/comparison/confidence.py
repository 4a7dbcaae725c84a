"""How sure a difference between two models is, when both scored the same rows.

The difference is bootstrapped in pairs, twice: whole cards are drawn, because rows of one card are not
independent, and runs of neighbouring days, because fraud comes in waves of several days that suit one model
more than another. An interval takes the wider of the two. What is certain enough for a promotion takes both
variances together: they overlap, but a test window holds few waves, whose spread alone is known too badly.
Quantiles are Student's, with as many degrees of freedom as there are days, or cards with fraud if these are
fewer. Percentiles of the draws would not do: a daily comparison asks for the last tenth of a percent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import hypot

import numpy as np
import numpy.typing as npt
from scipy import stats

from fraud.evaluation.metrics import DAY_MS, Estimate, card_draws
from fraud.training.dataset import Dataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figure = Callable[[Floats], float]

RUN_DAYS = 3
"""How many neighbouring days are drawn together."""


@dataclass(frozen=True)
class Difference:
    """Candidate minus champion, with its standard errors by cards and by runs of days."""

    value: float
    by_card: float
    by_run: float
    degrees: int

    def certain(self, level: float) -> float:
        """What the true difference exceeds but for a probability of `level`."""
        return self.value - self._quantile(level) * hypot(self.by_card, self.by_run)

    @property
    def interval(self) -> Estimate:
        """The 95 % interval."""
        margin = self._quantile(0.025) * max(self.by_card, self.by_run)
        return Estimate(self.value, self.value - margin, self.value + margin)

    def _quantile(self, level: float) -> float:
        return float(stats.t.isf(level, self.degrees))


def differences(
    window: Dataset, figures: Mapping[str, Figure], *, draws: int, seed: int
) -> dict[str, Difference]:
    """Differences that are functions of row weights, (N,) -> float, with how sure they are."""
    days, whole = window.timestamps // DAY_MS, np.ones(len(window))
    by_card = _standard_errors(figures, card_draws(window.cards, draws, seed))
    by_run = _standard_errors(figures, run_draws(days, draws, seed))
    groups = len(np.unique(days)), len(np.unique(window.cards[window.labels == 1]))
    degrees = max(min(groups) - 1, 1)
    return {
        name: Difference(figure(whole), by_card[name], by_run[name], degrees)
        for name, figure in figures.items()
    }


def run_draws(days: Ints, draws: int, seed: int) -> Iterator[Floats]:
    """Row weights of `draws` samples of runs of days, (N,) each, with the sum of the rows' days kept.

    The last day's neighbour is the first, so that every day is drawn as often.
    """
    random = np.random.default_rng(seed)
    distinct, place = np.unique(days, return_inverse=True)
    count = len(distinct)
    length = min(RUN_DAYS, count)
    runs = max(round(count / length), 1)
    for _ in range(draws):
        starts = random.integers(0, count, runs)
        drawn = np.bincount(((starts[:, None] + np.arange(length)) % count).ravel(), minlength=count)
        yield (drawn.astype(np.float64) * (count / (runs * length)))[place]


def _standard_errors(figures: Mapping[str, Figure], draws: Iterator[Floats]) -> dict[str, float]:
    values = np.array([[figure(weights) for figure in figures.values()] for weights in draws])
    return {name: _spread(values[:, place]) for place, name in enumerate(figures)}


def _spread(values: Floats) -> float:
    """The standard deviation of the draws that have a value: one without fraud has no average precision."""
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else float("inf")
