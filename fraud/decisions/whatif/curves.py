"""What other bounds of a segment's bands would do: alerts, precision, recall and money at each bound."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.decisions.policy import MODEL_THRESHOLD, BandValue, Segment
from fraud.decisions.whatif.history import ScoredHistory
from fraud.decisions.whatif.parts import DecidedAgain
from fraud.evaluation.metrics import descending

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

POINTS = 60


@dataclass(frozen=True)
class CurvePoint:
    """What everything from `bound` on would give; money in whole units of the currency.

    Attributes:
        bound: the lower bound.
        alerts: payments from it on, a day.
        precision: share of frauds among them; NaN where no label is known.
        recall: share of the frauds that the bands decide; NaN without any.
        saved: frauds from it on.
        lost: frauds below it.
        wrongly: legitimate payments from it on, which a decline would refuse.
    """

    bound: float
    alerts: float
    precision: float
    recall: float
    saved: float
    lost: float
    wrongly: float


@dataclass(frozen=True)
class BandCurve:
    """A segment's payments that neither a list nor a rule decides, by the value of its bands.

    Attributes:
        segment: its name.
        value: what the bounds are of.
        bounds: the bound of each band, by outcome; that of the model is the median of its thresholds.
        points: from the highest bound to the lowest.
    """

    segment: str
    value: BandValue
    bounds: dict[str, float]
    points: tuple[CurvePoint, ...]


def band_curves(history: ScoredHistory, again: DecidedAgain) -> list[BandCurve]:
    """The curve of each segment that has payments."""
    by_bands = again.decided.decided_by == -1
    curves = []
    for number, segment in enumerate(again.policy.segments):
        values = history.logged.scores if segment.value == "probability" else history.expected_costs
        chosen = by_bands & (again.decided.segments == number) & ~np.isnan(values)
        if chosen.any():
            bounds = _bounds(history, segment, chosen)
            curves.append(BandCurve(segment.name, segment.value, bounds, _points(history, values, chosen)))
    return curves


def _bounds(history: ScoredHistory, segment: Segment, chosen: Flags) -> dict[str, float]:
    model = float(np.median(history.logged.thresholds[chosen]))
    return {
        band.outcome: model if band.lower == MODEL_THRESHOLD else float(band.lower) for band in segment.bands
    }


def _points(history: ScoredHistory, values: Floats, chosen: Flags) -> tuple[CurvePoint, ...]:
    rows = np.flatnonzero(chosen)
    order, ends = descending(values[rows])
    rows, picked = rows[order], _picked(ends)
    fraud, units, weights = history.fraud[rows], history.units[rows], history.labels.weights[rows]
    caught, known, saved, wrongly = (
        np.cumsum(one) for one in (fraud, weights, fraud * units, history.legitimate[rows] * units)
    )
    return tuple(
        CurvePoint(
            bound=float(values[rows[end]]),
            alerts=float(end + 1) / history.days,
            precision=float(caught[end] / known[end]) if known[end] else float("nan"),
            recall=float(caught[end] / caught[-1]) if caught[-1] else float("nan"),
            saved=float(saved[end]),
            lost=float(saved[-1] - saved[end]),
            wrongly=float(wrongly[end]),
        )
        for end in picked
    )


def _picked(ends: npt.NDArray[np.int64]) -> list[int]:
    """At most `POINTS` ends of groups of equal values, evenly by the logarithm of the number of payments."""
    wanted = np.geomspace(1, ends[-1] + 1, POINTS) - 1
    return sorted({int(end) for end in ends[np.searchsorted(ends, wanted.astype(np.int64))]})
