"""Figures of decisions, with intervals: of a whole policy, or of a rule, a list or a band of it.

Alerts, challenges, reviews and declines are counted over all days. What needs the label is counted over the
payments whose label is known, each with its weight (`fraud.decisions.whatif.labels.KnownLabels`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.decisions.outcomes import APPROVE, CHALLENGE, DECLINE, REVIEW
from fraud.decisions.whatif.history import ScoredHistory
from fraud.decisions.whatif.intervals import DRAWS, bootstrapped_sums, estimate, wilson
from fraud.evaluation.metrics import Estimate

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_ALERTS, _KNOWN, _CAUGHT, _MONEY_KNOWN, _SAVED, _LOST, _WRONG = range(7)
_MEASURES = 7
"""Columns of a slice: alerts; alerts with a label and frauds among them; likewise their money; the money of
approved frauds; that of legitimate payments declined."""

_FRAUDS, _MONEY = -2, -1
"""Columns of all payments: frauds and their money."""


@dataclass(frozen=True)
class Slice:
    """Some of N payments, and the outcomes that something gives them.

    Attributes:
        chosen: bool (N,).
        outcomes: indices in `OUTCOMES`, uint8 (N,); of the others they do not count.
    """

    chosen: Flags
    outcomes: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class OutcomeFigures:
    """Figures of one slice; money in whole units of the currency, over the days whose labels are known.

    Attributes:
        alerts: outcomes other than `approve`, a day.
        challenges: a day.
        reviews: a day.
        declines: a day.
        precision: share of frauds among the alerts.
        recall: share of all frauds that are among the alerts.
        money_precision: `precision`, each payment counted by its amount.
        money_recall: likewise.
        lost: frauds that were approved.
        saved: frauds that were declined, challenged or reviewed.
        wrongly_declined: legitimate payments that were declined.
        frauds: number of frauds among the alerts.
    """

    alerts: Estimate
    challenges: float
    reviews: float
    declines: float
    precision: Estimate
    recall: Estimate
    money_precision: Estimate
    money_recall: Estimate
    lost: Estimate
    saved: Estimate
    wrongly_declined: Estimate
    frauds: float


@dataclass(frozen=True)
class FiguresDifference:
    """One slice's figures minus another's, from the same bootstrap samples; shares as shares."""

    alerts: Estimate
    precision: Estimate
    recall: Estimate
    lost: Estimate
    saved: Estimate
    wrongly_declined: Estimate


class SliceSums:
    """The sums of slices, and those of bootstrap samples of cards.

    Args:
        history: N payments.
        slices: of these payments.
        draws: how many samples.
    """

    def __init__(self, history: ScoredHistory, slices: Sequence[Slice], draws: int = DRAWS) -> None:
        self._history, self._slices = history, slices
        by_card = _sums_by_card(history, slices)
        self._sums = by_card.sum(axis=0, dtype=np.float64)
        self._drawn = bootstrapped_sums(by_card.astype(np.float32), draws)

    def figures(self, number: int) -> OutcomeFigures:
        """The figures of one slice."""
        sums, drawn = self._of(number)
        days, weighted = self._history.days, self._history.labels.is_weighted
        one = self._slices[number]
        challenges, reviews, declines = (
            float((one.chosen & (one.outcomes == outcome)).sum()) / days
            for outcome in (CHALLENGE, REVIEW, DECLINE)
        )
        money = {
            name: estimate(float(sums[column]), drawn[:, column])
            for name, column in (("lost", _LOST), ("saved", _SAVED), ("wrongly_declined", _WRONG))
        }
        return OutcomeFigures(
            alerts=estimate(float(sums[_ALERTS]) / days, drawn[:, _ALERTS] / days),
            challenges=challenges,
            reviews=reviews,
            declines=declines,
            precision=_share(sums, drawn, _CAUGHT, _KNOWN, by_count=not weighted),
            recall=_share(sums, drawn, _CAUGHT, _FRAUDS, by_count=not weighted),
            money_precision=_share(sums, drawn, _SAVED, _MONEY_KNOWN),
            money_recall=_share(sums, drawn, _SAVED, _MONEY),
            frauds=float(sums[_CAUGHT]),
            **money,
        )

    def difference(self, number: int, other: int) -> FiguresDifference:
        """The figures of slice `number` minus those of `other`."""
        days = self._history.days
        (sums, drawn), (sums_other, drawn_other) = self._of(number), self._of(other)

        def sum_of(column: int, factor: float = 1.0) -> Estimate:
            value = float(sums[column] - sums_other[column]) * factor
            return estimate(value, (drawn[:, column] - drawn_other[:, column]) * factor)

        def share_of(part: int, whole: int) -> Estimate:
            value = float(_ratio(sums[part], sums[whole]) - _ratio(sums_other[part], sums_other[whole]))
            of_draws = _ratio(drawn[:, part], drawn[:, whole]) - _ratio(
                drawn_other[:, part], drawn_other[:, whole]
            )
            return estimate(value, of_draws)

        return FiguresDifference(
            alerts=sum_of(_ALERTS, 1 / days),
            precision=share_of(_CAUGHT, _KNOWN),
            recall=share_of(_CAUGHT, _FRAUDS),
            lost=sum_of(_LOST),
            saved=sum_of(_SAVED),
            wrongly_declined=sum_of(_WRONG),
        )

    def _of(self, number: int) -> tuple[Floats, Floats]:
        """The sums of a slice and of all payments, and those of each draw."""
        start = number * _MEASURES
        columns = [*range(start, start + _MEASURES), len(self._sums) - 2, len(self._sums) - 1]
        return self._sums[columns], self._drawn[:, columns]


def _sums_by_card(history: ScoredHistory, slices: Sequence[Slice]) -> Floats:
    """A row for each card with an alert or a fraud: `_MEASURES` columns a slice, `_FRAUDS` and `_MONEY`."""
    relevant = history.fraud > 0
    for one in slices:
        relevant |= one.chosen & (one.outcomes != APPROVE)
    cards, codes = np.unique(history.cards[relevant], return_inverse=True)
    table = np.zeros((len(cards), len(slices) * _MEASURES + 2))
    card_of = np.full(len(history), -1, dtype=np.int64)
    card_of[relevant] = codes

    def add(column: int, rows: npt.NDArray[np.int64], values: Floats) -> None:
        table[:, column] = np.bincount(card_of[rows], values, minlength=len(cards))

    frauds = np.flatnonzero(history.fraud > 0)
    add(_FRAUDS, frauds, history.fraud[frauds])
    add(_MONEY, frauds, history.fraud[frauds] * history.units[frauds])
    for number, one in enumerate(slices):
        for column, (rows, values) in _measures(history, one, frauds).items():
            add(number * _MEASURES + column, rows, values)
    return table


def _measures(
    history: ScoredHistory, one: Slice, frauds: npt.NDArray[np.int64]
) -> dict[int, tuple[npt.NDArray[np.int64], Floats]]:
    """Of each column of a slice the payments that count in it, and what they count."""
    rows = np.flatnonzero(one.chosen & (one.outcomes != APPROVE))
    declined = rows[one.outcomes[rows] == DECLINE]
    approved = frauds[one.chosen[frauds] & (one.outcomes[frauds] == APPROVE)]
    weights, fraud, units = history.labels.weights, history.fraud, history.units
    return {
        _ALERTS: (rows, np.ones(len(rows))),
        _KNOWN: (rows, weights[rows]),
        _CAUGHT: (rows, fraud[rows]),
        _MONEY_KNOWN: (rows, weights[rows] * units[rows]),
        _SAVED: (rows, fraud[rows] * units[rows]),
        _LOST: (approved, fraud[approved] * units[approved]),
        _WRONG: (declined, history.legitimate[declined] * units[declined]),
    }


def _share(sums: Floats, drawn: Floats, part: int, whole: int, *, by_count: bool = False) -> Estimate:
    if by_count:
        return wilson(float(sums[part]), float(sums[whole]))
    return estimate(float(_ratio(sums[part], sums[whole])), _ratio(drawn[:, part], drawn[:, whole]))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """The ratio; NaN where the whole is 0."""
    nothing = np.full(np.shape(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=nothing, where=np.asarray(whole) > 0))
