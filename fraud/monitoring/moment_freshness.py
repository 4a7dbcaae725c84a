"""Freshness of the profiles of fields: how old they were at the payments, and how many were the due ones."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.monitoring.predictions import Predictions
from fraud.profiles.moments import due_moments
from fraud.profiles.values import NO_MOMENT

Flags = npt.NDArray[np.bool_]

QUANTILES = (0.5, 0.99)


@dataclass(frozen=True)
class MomentFreshness:
    """The profiles of the predictions of the newest day.

    Attributes:
        predictions: how many were looked at.
        without: how many of them were made before there were profiles.
        due_share: the share of them that used the newest profiles that they could have; training rows have
            these.
        age_seconds: from the moment to the payment, by quantile (`p50`, `p99`); empty without profiles. In a
            history that is scored later the moment may be after the payment: below 0.
        late_seconds: by how much the moment was before the due one, likewise; 0 where it was not.
    """

    predictions: int
    without: int
    due_share: float
    age_seconds: dict[str, float]
    late_seconds: dict[str, float]


def moment_freshness(
    definitions: Definitions, predictions: Predictions, delay: timedelta
) -> MomentFreshness | None:
    """Of the predictions with these definitions; None where they have no profiles, or nothing was predicted.

    Args:
        definitions: that serving uses.
        predictions: of which the newest day counts.
        delay: how long after the start of a period its profiles are there.
    """
    if not definitions.profile_features or not predictions.comparable.any():
        return None
    times, moments = (
        column[predictions.comparable] for column in (predictions.timestamps, predictions.profile_moments)
    )
    recent = times > times.max() - DAY_MS
    times, moments = times[recent], moments[recent]
    due, known = _due(definitions, times, delay), moments != NO_MOMENT
    return MomentFreshness(
        predictions=len(times),
        without=int((~known).sum()),
        due_share=float((moments == due).mean()),
        age_seconds=_quantiles((times - moments)[known]),
        late_seconds=_quantiles(np.maximum(due - moments, 0)[known]),
    )


def with_fresh_moments(
    definitions: Definitions,
    timestamps: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
    delay: timedelta,
    late: timedelta,
) -> Flags:
    """Select the payments whose profiles were at most so much older than due, bool (N,).

    Args:
        definitions: with profiles.
        timestamps: event times in ms, (N,).
        moments: of the profiles used, ms or `NO_MOMENT`, (N,).
        delay: how long after the start of a period its profiles are there.
        late: how much older than due they may be.
    """
    behind = _due(definitions, timestamps, delay) - moments
    return np.asarray((moments != NO_MOMENT) & (behind <= late / timedelta(milliseconds=1)), dtype=np.bool_)


def _due(definitions: Definitions, times: npt.NDArray[np.int64], delay: timedelta) -> npt.NDArray[np.int64]:
    every_ms = definitions.profile_every_ms
    return due_moments(times, every_ms, delay) * every_ms


def _quantiles(milliseconds: npt.NDArray[np.int64]) -> dict[str, float]:
    if not len(milliseconds):
        return {}
    values = np.quantile(milliseconds / 1_000, QUANTILES)
    return {f"p{quantile * 100:.0f}": float(value) for quantile, value in zip(QUANTILES, values, strict=True)}
