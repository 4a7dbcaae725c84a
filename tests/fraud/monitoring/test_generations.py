import numpy as np
import pyarrow as pa

from fraud.features.spec import DAY_MS
from fraud.monitoring.generations import on_days_with_own_profiles


def chosen(*predictions: tuple[int, str | None]) -> list[bool]:
    """For each day (since 1970) and profile's date."""
    days, dates = zip(*predictions, strict=True)
    times = np.array(days, dtype=np.int64) * DAY_MS + 5
    own: list[bool] = on_days_with_own_profiles(times, pa.array(dates, pa.string())).tolist()
    return own


def test_a_day_scored_with_its_own_profiles_counts_whole() -> None:
    # given one before that day's profiles came, and one on a merchant without a profile
    first = [(0, "1969-12-31"), (0, "1970-01-01"), (0, "1970-01-01"), (0, None)]
    assert chosen(*first) == [True] * 4


def test_a_day_scored_with_another_days_profiles_does_not_count() -> None:
    assert chosen((0, "1970-01-09"), (0, None), (1, "1970-01-02")) == [False, False, True]


def test_without_any_profile_no_day_counts() -> None:
    assert chosen((0, None), (1, None)) == [False, False]
