"""How sure a difference between two models is, when both scored the same rows.

The difference is bootstrapped in pairs, twice: whole cards are drawn, because rows of one card are not
independent, and whole days, because fraud comes in waves that suit one model more than another. The wider of
the two counts. Quantiles are Student's, with as many degrees of freedom as there are cards with fraud, or
days: over a week the spread is itself uncertain. Percentiles of the draws would not do, because a daily
comparison asks for the last tenth of a percent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from fraud.modelling.dataset import Dataset
from fraud.modelling.evaluation import DAY_MS, Estimate, card_draws

Floats = npt.NDArray[np.float64]
Figure = Callable[[Floats], float]


@dataclass(frozen=True)
class Difference:
    """Candidate minus champion, with its standard error and degrees of freedom by cards and by days."""

    value: float
    by_card: float
    by_day: float
    cards: int
    days: int

    def lower(self, level: float) -> float:
        """What the true difference exceeds but for a probability of `level`."""
        return self.value - self._margin(level)

    @property
    def interval(self) -> Estimate:
        """The 95 % interval."""
        margin = self._margin(0.025)
        return Estimate(self.value, self.value - margin, self.value + margin)

    def _margin(self, level: float) -> float:
        spreads = ((self.by_card, self.cards), (self.by_day, self.days))
        return max(float(stats.t.isf(level, degrees)) * error for error, degrees in spreads)


def differences(
    window: Dataset, figures: Mapping[str, Figure], *, draws: int, seed: int
) -> dict[str, Difference]:
    """Differences that are functions of row weights, (N,) -> float, with how sure they are."""
    days, whole = window.timestamps // DAY_MS, np.ones(len(window))
    by_card, by_day = (
        _standard_errors(figures, card_draws(each, draws, seed)) for each in (window.cards, days)
    )
    degrees = _degrees(window.cards[window.labels == 1]), _degrees(days)
    return {
        name: Difference(figure(whole), by_card[name], by_day[name], *degrees)
        for name, figure in figures.items()
    }


def _degrees(groups: npt.NDArray[np.int64]) -> int:
    return max(len(np.unique(groups)) - 1, 1)


def _standard_errors(figures: Mapping[str, Figure], draws: Iterator[Floats]) -> dict[str, float]:
    values = np.array([[figure(weights) for figure in figures.values()] for weights in draws])
    return {name: _spread(values[:, place]) for place, name in enumerate(figures)}


def _spread(values: Floats) -> float:
    """The standard deviation of the draws that have a value: one without fraud has no average precision."""
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else float("inf")
