"""From when on a day's merchant profiles are used: one rule for training rows, backtests and the monitor.

The profiles of a day hold what was known before its midnight (UTC), but the job that makes them runs hours
later. Until then serving has those of the day before, and a training row must have the same.
"""

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fraud.definitions.features import DAY_MS
from fraud.profiles.moments import due_moments

Ints = npt.NDArray[np.int64]


def profile_days(timestamps: Ints, available_after: timedelta) -> Ints:
    """The day, counted from 1970, of the newest profiles that payments at these times (ms, (N,)) can have."""
    return due_moments(timestamps, DAY_MS, available_after)


def days_behind(available_after: timedelta) -> int:
    """By how many days the profiles of a day's first payment are older than that day."""
    return -(-available_after // timedelta(days=1))
