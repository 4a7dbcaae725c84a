"""How old profiles of fields were at the payments."""

from datetime import timedelta

import numpy as np
import pytest

from fraud.definitions.features import DAY_MS, FEATURE_VERSION, HOUR_MS, MINUTE_MS
from fraud.monitoring.moment_freshness import MomentFreshness, moment_freshness, with_fresh_moments
from fraud.monitoring.predictions import MonitoredPrediction, to_columns
from fraud.profiles.values import NO_MOMENT
from tests.definitions import PROFILED, V1

DELAY = timedelta(minutes=5)
NOON = 20_000 * DAY_MS + 12 * HOUR_MS


def prediction(number: int, minutes: int, profile: int | None) -> MonitoredPrediction:
    """So many minutes after noon, with profiles of so many minutes after noon."""
    moment = None if profile is None else NOON + profile * MINUTE_MS
    return MonitoredPrediction(
        f"t{number}", "card", NOON + minutes * MINUTE_MS, 0.1, "approve", "1", FEATURE_VERSION,
        definitions=PROFILED.digest, profile_moment=moment,
    )  # fmt: skip


def freshness(*predictions: tuple[int, int | None]) -> MomentFreshness:
    scored = [prediction(number, *one) for number, one in enumerate(predictions)]
    found = moment_freshness(PROFILED, to_columns(PROFILED, scored), DELAY)
    assert found is not None
    return found


def test_the_due_moment_depends_on_the_period_and_the_delay() -> None:
    # given payments just before and after the profiles of quarter past are there
    found = freshness((19, 0), (20, 15), (29, 15))
    assert found.due_share == 1
    assert found.late_seconds == {"p50": 0, "p99": 0}
    assert found.age_seconds["p50"] == 14 * 60


def test_older_profiles_are_late_and_newer_ones_are_not() -> None:
    # given one with the profiles of an hour before and one with later profiles than it could have
    found = freshness((20, -45), (20, 30))
    assert found.due_share == 0
    assert found.late_seconds["p99"] == pytest.approx(3_600, rel=0.02)
    assert found.age_seconds["p50"] == pytest.approx((65 - 10) * 60 / 2)


def test_predictions_before_there_were_profiles_are_counted() -> None:
    found = freshness((20, None), (20, 15))
    assert (found.predictions, found.without, found.due_share) == (2, 1, 0.5)
    assert freshness((20, None)).age_seconds == {}


def test_only_the_newest_day_counts() -> None:
    # given stale profiles two days ago
    assert freshness((-2 * 24 * 60, None), (20, 15)).predictions == 1


def test_definitions_without_profiles_have_no_freshness() -> None:
    assert moment_freshness(V1, to_columns(V1, []), DELAY) is None
    assert moment_freshness(PROFILED, to_columns(PROFILED, []), DELAY) is None


def test_payments_with_fresh_profiles_are_selected() -> None:
    # given the due profiles, those of one and two hours before, newer ones, and none
    moments = np.array([15, -45, -120, 30, 0]) * MINUTE_MS + NOON
    moments[-1] = NO_MOMENT
    times = np.full(5, NOON + 20 * MINUTE_MS)
    chosen = with_fresh_moments(PROFILED, times, moments, DELAY, timedelta(hours=1))
    assert chosen.tolist() == [True, True, False, True, False]
