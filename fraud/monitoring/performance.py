"""Performance of the predictions: alerts by day, and precision and recall once labels have matured.

Of the model, of each outcome and of each rule; and whether analysts had more to review than they can do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from fraud.decisions.outcomes import OUTCOMES
from fraud.definitions.features import DAY_MS
from fraud.features.daily import date_of
from fraud.labels.observation import Observation

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SCORE_EDGES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.8)
"""Edges of the calibration bins. With equal widths the lowest bin would hold nearly all payments."""

DELAY_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class MaturedCounts:
    """Counts of predictions whose labels have matured; a ratio without its denominator is None.

    `caught` are the frauds that were alerted. Payments whose outcome was not observed are left out
    and counted as `unobserved`; one of the control group counts, as an alert, for all that it stands for.
    """

    predictions: int
    alerts: int
    frauds: int
    caught: int
    unobserved: int = 0

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


@dataclass(frozen=True)
class Outcomes:
    """What is known of N predictions, each shape (N,).

    Attributes:
        flagged: the decision, without a control group, was anything but approval.
        frauds: labelled fraud.
        observed: the outcome was observed.
        weights: how many payments each stands for.
    """

    flagged: Flags
    frauds: Flags
    observed: Flags
    weights: Floats

    @classmethod
    def of(
        cls, flagged: Flags, frauds: Flags, observation: Observation | None = None, moment: int = 0
    ) -> "Outcomes":
        """At `moment` (ms); without an observation every outcome is observed, each for itself."""
        if observation is None:
            return cls(flagged, frauds, np.ones(len(flagged), dtype=np.bool_), np.ones(len(flagged)))
        return cls(flagged, frauds, observation.known_at(moment), observation.weights)

    def take(self, chosen: Flags) -> "Outcomes":
        """Those of some predictions."""
        return Outcomes(
            self.flagged[chosen], self.frauds[chosen], self.observed[chosen], self.weights[chosen]
        )

    def count(self, chosen: Flags) -> int:
        """How many payments the chosen ones among the observed stand for."""
        return round(float(self.weights[chosen & self.observed].sum()))


def count_matured(outcomes: Outcomes) -> MaturedCounts:
    """Count alerts and frauds of matured predictions."""
    return MaturedCounts(
        predictions=outcomes.count(outcomes.observed),
        alerts=outcomes.count(outcomes.flagged),
        frauds=outcomes.count(outcomes.frauds),
        caught=outcomes.count(outcomes.flagged & outcomes.frauds),
        unobserved=int((~outcomes.observed).sum()),
    )


def by_day(timestamps: Ints, alerts: Flags, outcomes: Outcomes, matured: Flags) -> tuple[DailyCounts, ...]:
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
                count_matured(outcomes.take(is_matured)),
            )
        )
    return tuple(found)


def calibration(
    scores: Floats, outcomes: Outcomes, edges: Sequence[float] = SCORE_EDGES
) -> tuple[CalibrationBin, ...]:
    """Mean score and share of fraud of each bin that is not empty, of observed payments; shapes (N,)."""
    scores, outcomes = scores[outcomes.observed], outcomes.take(outcomes.observed)
    frauds, weights = outcomes.frauds, outcomes.weights
    bins = np.searchsorted(np.asarray(edges), scores, side="right")
    limits = (0.0, *edges, 1.0)
    return tuple(
        CalibrationBin(
            limits[index],
            limits[index + 1],
            outcomes.count(bins == index),
            float(np.average(scores[bins == index], weights=weights[bins == index])),
            float(np.average(frauds[bins == index], weights=weights[bins == index])),
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
class MaturedFigures:
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


def by_outcome(
    outcomes: npt.NDArray[np.uint8], would_be: npt.NDArray[np.uint8], known: Outcomes, matured: Flags
) -> tuple[MaturedFigures, ...]:
    """The figures of each outcome that occurs, `approve` first; all arguments have shape (N,).

    What is known of an outcome is known of payments that would have had it without a control group.
    """
    chosen = {name: outcomes == index for index, name in enumerate(OUTCOMES)}
    return tuple(
        _figures(name, int(np.count_nonzero(flags)), would_be == index, known, matured)
        for index, (name, flags) in enumerate(chosen.items())
        if flags.any()
    )


def by_rule(fired: Mapping[str, Ints], known: Outcomes, matured: Flags) -> tuple[MaturedFigures, ...]:
    """The figures of each live rule, by name, of the indices of the predictions for which it fired."""
    found = []
    for name, indices in sorted(fired.items()):
        flags = np.zeros(len(matured), dtype=np.bool_)
        flags[indices] = True
        found.append(_figures(name, len(indices), flags, known, matured))
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


def figures_documents(figures: tuple[MaturedFigures, ...]) -> Mapping[str, Mapping[str, float | None]]:
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


def _figures(name: str, predictions: int, flags: Flags, known: Outcomes, matured: Flags) -> MaturedFigures:
    return MaturedFigures(name, predictions, count_matured(replace(known, flagged=flags).take(matured)))
