"""Performance of the predictions: alerts by day, and precision and recall once labels have matured.

Of the model, of each outcome and of each rule; and whether analysts had more to review than they can do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from fraud.decisions.outcomes import OUTCOMES
from fraud.definitions.features import DAY_MS
from fraud.features.daily import date_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SCORE_EDGES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.8)
"""Edges of the calibration bins. With equal widths the lowest bin would hold nearly all payments."""

DELAY_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class MaturedCounts:
    """Counts of predictions whose labels have matured; a ratio without its denominator is None.

    `caught` are the frauds that were alerted.
    """

    predictions: int
    alerts: int
    frauds: int
    caught: int

    @property
    def precision(self) -> float | None:
        """The share of the alerts that were fraud."""
        return self.caught / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """The share of the frauds that were alerted."""
        return self.caught / self.frauds if self.frauds else None


@dataclass(frozen=True)
class DailyCounts:
    """One event-time day (UTC)."""

    date: date
    predictions: int
    alerts: int
    matured: MaturedCounts

    @property
    def alert_rate(self) -> float:
        """The share of the predictions that were alerts."""
        return self.alerts / self.predictions


@dataclass(frozen=True)
class CalibrationBin:
    """MaturedCounts predictions with a score from `low` up to, not including, `high`."""

    low: float
    high: float
    predictions: int
    expected: float
    observed: float


def count_matured(alerts: Flags, frauds: Flags) -> MaturedCounts:
    """Count alerts and frauds of matured predictions, both shape (N,)."""
    return MaturedCounts(len(alerts), int(alerts.sum()), int(frauds.sum()), int((alerts & frauds).sum()))


def by_day(timestamps: Ints, alerts: Flags, frauds: Flags, matured: Flags) -> tuple[DailyCounts, ...]:
    """The counts of each day, oldest first; all arguments have shape (N,)."""
    days = timestamps // DAY_MS
    found = []
    for number in np.unique(days):
        of_day = days == number
        is_matured = of_day & matured
        found.append(
            DailyCounts(
                date_of(int(number)),
                int(of_day.sum()),
                int(alerts[of_day].sum()),
                count_matured(alerts[is_matured], frauds[is_matured]),
            )
        )
    return tuple(found)


def calibration(
    scores: Floats, frauds: Flags, edges: Sequence[float] = SCORE_EDGES
) -> tuple[CalibrationBin, ...]:
    """Mean score and share of fraud of each bin that is not empty; shapes (N,)."""
    bins = np.searchsorted(np.asarray(edges), scores, side="right")
    limits = (0.0, *edges, 1.0)
    return tuple(
        CalibrationBin(
            limits[index],
            limits[index + 1],
            int((bins == index).sum()),
            float(scores[bins == index].mean()),
            float(frauds[bins == index].mean()),
        )
        for index in np.unique(bins).tolist()
    )


def label_delays(timestamps: Ints, reported_at: Ints, frauds: Flags) -> dict[str, float]:
    """Days from a fraud to its report, by quantile; empty without frauds."""
    if not frauds.any():
        return {}
    days = (reported_at[frauds] - timestamps[frauds]) / DAY_MS
    values = np.quantile(days, DELAY_QUANTILES)
    return {
        f"p{quantile * 100:.0f}": float(value)
        for quantile, value in zip(DELAY_QUANTILES, values, strict=True)
    }


@dataclass(frozen=True)
class DecisionFigures:
    """Payments that had an outcome, or for which a live rule fired.

    Attributes:
        name: of the outcome or the rule.
        predictions: of all payments.
        matured: of payments with matured labels; its alerts are those with the outcome or the rule.
    """

    name: str
    predictions: int
    matured: MaturedCounts


@dataclass(frozen=True)
class BusyDay:
    """A day (UTC) with more payments to review than the newest policy says that analysts can do."""

    date: date
    reviews: int
    capacity: int


def by_outcome(outcomes: npt.NDArray[np.uint8], frauds: Flags, matured: Flags) -> tuple[DecisionFigures, ...]:
    """The figures of each outcome that occurs, `approve` first; all arguments have shape (N,)."""
    chosen = {name: outcomes == index for index, name in enumerate(OUTCOMES)}
    return tuple(_figures(name, flags, frauds, matured) for name, flags in chosen.items() if flags.any())


def by_rule(fired: Mapping[str, Ints], frauds: Flags, matured: Flags) -> tuple[DecisionFigures, ...]:
    """The figures of each live rule, by name, of the indices of the predictions for which it fired."""
    found = []
    for name, indices in sorted(fired.items()):
        flags = np.zeros(len(frauds), dtype=np.bool_)
        flags[indices] = True
        found.append(_figures(name, flags, frauds, matured))
    return tuple(found)


def busy_days(reviewed_at: Ints, capacity: int | None) -> tuple[BusyDay, ...]:
    """The days with more reviews, of payments at these times (ms), than the capacity; None: no limit."""
    if capacity is None:
        return ()
    days, counts = np.unique(reviewed_at // DAY_MS, return_counts=True)
    return tuple(
        BusyDay(date_of(day), count, capacity)
        for day, count in zip(days.tolist(), counts.tolist(), strict=True)
        if count > capacity
    )


def figures_documents(figures: tuple[DecisionFigures, ...]) -> Mapping[str, Mapping[str, float | None]]:
    """The figures by name, as JSON holds them."""
    return {
        one.name: {
            "predictions": one.predictions,
            "matured": one.matured.alerts,
            "frauds": one.matured.caught,
            "precision": one.matured.precision,
            "recall": one.matured.recall,
        }
        for one in figures
    }


def _figures(name: str, flags: Flags, frauds: Flags, matured: Flags) -> DecisionFigures:
    counts = count_matured(flags[matured], frauds[matured])
    return DecisionFigures(name, int(np.count_nonzero(flags)), counts)
