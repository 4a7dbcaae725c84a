"""Profile freshness: which predictions used the merchant profiles that training rows of their day have."""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.features import DAY_MS
from fraud.features.availability import profile_days
from fraud.features.daily import date_of


def on_days_with_due_profiles(
    timestamps: npt.NDArray[np.int64], profile_dates: pa.Array, available_after: timedelta = timedelta()
) -> npt.NDArray[np.bool_]:
    """Select the days on which at least half of the profiles used were the due ones; bool (N,).

    On other days (a replayed history, a preprocessing that did not run) the merchant features differ from
    those of training because the profiles are stale. Whole days are selected, so that the share of merchants
    without a profile stays the same.

    Args:
        timestamps: event times in ms, shape (N,).
        profile_dates: dates of the profiles used, N; null where the merchant had none.
        available_after: how long after midnight a day's profiles are available.
    """
    days, day_index = np.unique(timestamps // DAY_MS, return_inverse=True)
    due_days, due_index = np.unique(profile_days(timestamps, available_after), return_inverse=True)
    dates = np.array([str(date_of(int(day))) for day in due_days], dtype=np.str_)
    used = profile_dates.fill_null("").to_numpy(zero_copy_only=False).astype(np.str_)
    profiled = np.bincount(day_index, used != "", len(days))
    is_due = np.bincount(day_index, used == dates[due_index], len(days))
    return np.asarray(((is_due > 0) & (2 * is_due >= profiled))[day_index], dtype=np.bool_)
