"""What became of the predictions: alerts by day, and, once labels have matured, precision and recall."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from fraud.features.daily import date_of
from fraud.features.spec import DAY_MS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SCORE_EDGES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.8)
"""Fraud is rare: bands of equal width would hold nearly everything in the lowest."""

DELAY_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Matured:
    """Predictions whose labels have had their time; a figure without its denominator is None."""

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
class Day:
    """One event-time day (UTC)."""

    date: date
    predictions: int
    alerts: int
    matured: Matured

    @property
    def alert_rate(self) -> float:
        """The share of the predictions that were alerts."""
        return self.alerts / self.predictions


@dataclass(frozen=True)
class Band:
    """Matured predictions with a score from `low` up to, not including, `high`."""

    low: float
    high: float
    predictions: int
    expected: float
    observed: float


def judge_matured(alerts: Flags, frauds: Flags) -> Matured:
    """Count over matured predictions, both shape (N,)."""
    return Matured(len(alerts), int(alerts.sum()), int(frauds.sum()), int((alerts & frauds).sum()))


def by_day(timestamps: Ints, alerts: Flags, frauds: Flags, matured: Flags) -> tuple[Day, ...]:
    """Each day's figures, oldest first; all arguments have shape (N,)."""
    days = timestamps // DAY_MS
    found = []
    for number in np.unique(days):
        of_day = days == number
        ripe = of_day & matured
        found.append(
            Day(
                date_of(int(number)),
                int(of_day.sum()),
                int(alerts[of_day].sum()),
                judge_matured(alerts[ripe], frauds[ripe]),
            )
        )
    return tuple(found)


def calibration(scores: Floats, frauds: Flags, edges: Sequence[float] = SCORE_EDGES) -> tuple[Band, ...]:
    """Mean score against the share of fraud in each band of scores that holds any; shapes (N,)."""
    places = np.searchsorted(np.asarray(edges), scores, side="right")
    limits = (0.0, *edges, 1.0)
    return tuple(
        Band(
            limits[band],
            limits[band + 1],
            int((places == band).sum()),
            float(scores[places == band].mean()),
            float(frauds[places == band].mean()),
        )
        for band in np.unique(places).tolist()
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
