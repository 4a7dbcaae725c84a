"""Which predictions were made with the merchants' profiles that training rows of their time have."""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.features.availability import profile_days
from fraud.features.daily import date_of
from fraud.features.spec import DAY_MS


def on_days_with_own_profiles(
    timestamps: npt.NDArray[np.int64], profile_dates: pa.Array, available_after: timedelta = timedelta()
) -> npt.NDArray[np.bool_]:
    """The predictions of the days on which at least half of the profiles used were those due; shape (N,).

    On other days (a history that is scored at once, a preprocess that did not run) the merchants' figures
    differ from those of training by their age alone. Whole days are chosen, so that merchants without a
    profile keep their share.

    Args:
        timestamps: event times in ms, shape (N,).
        profile_dates: of the profiles used, N; null where the merchant had none.
        available_after: how long after a day's midnight its profiles are there.
    """
    days, place = np.unique(timestamps // DAY_MS, return_inverse=True)
    due, which = np.unique(profile_days(timestamps, available_after), return_inverse=True)
    dates = np.array([str(date_of(int(day))) for day in due], dtype=np.str_)
    used = profile_dates.fill_null("").to_numpy(zero_copy_only=False).astype(np.str_)
    profiled = np.bincount(place, used != "", len(days))
    own = np.bincount(place, used == dates[which], len(days))
    return np.asarray(((own > 0) & (2 * own >= profiled))[place], dtype=np.bool_)
