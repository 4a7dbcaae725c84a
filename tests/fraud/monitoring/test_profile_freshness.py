from datetime import timedelta

import numpy as np
import pyarrow as pa

from fraud.definitions.features import DAY_MS
from fraud.monitoring.profile_freshness import on_days_with_due_profiles


def chosen(*predictions: tuple[float, str | None], hours: int = 0) -> list[bool]:
    """For each day (since 1970) and profile's date, where profiles are there so many hours after midnight."""
    days, dates = zip(*predictions, strict=True)
    times = (np.array(days) * DAY_MS).astype(np.int64) + 5
    delay = timedelta(hours=hours)
    own: list[bool] = on_days_with_due_profiles(times, pa.array(dates, pa.string()), delay).tolist()
    return own


def test_a_day_scored_with_its_own_profiles_counts_whole() -> None:
    # given one before that day's profiles came, and one on a merchant without a profile
    first = [(0, "1969-12-31"), (0, "1970-01-01"), (0, "1970-01-01"), (0, None)]
    assert chosen(*first) == [True] * 4


def test_a_day_scored_with_another_days_profiles_does_not_count() -> None:
    assert chosen((0, "1970-01-09"), (0, None), (1, "1970-01-02")) == [False, False, True]


def test_without_any_profile_no_day_counts() -> None:
    assert chosen((0, None), (1, None)) == [False, False]


def test_before_a_days_profiles_are_due_those_of_the_day_before_are_its_own() -> None:
    # given profiles that are there at four, and payments at one and at noon
    due = [(1 + 1 / 24, "1970-01-01"), (1.5, "1970-01-02")]
    assert chosen(*due, hours=4) == [True, True]
    assert chosen((1 + 1 / 24, "1970-01-02"), hours=4) == [False]
