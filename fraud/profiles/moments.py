"""Which profiles a payment has: one rule for training rows, backtests and the monitor.

Profiles are made at the start of every period and are there some time later. Until then serving has those of
the period before, and a training row must have the same.
"""

from datetime import timedelta

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def due_moments(timestamps: Ints, every_ms: int, available_after: timedelta) -> Ints:
    """The newest moment, in periods since 1970, whose profiles payments at times (ms, (N,)) can have."""
    delay = available_after // timedelta(milliseconds=1)
    return np.asarray((timestamps - delay) // every_ms, dtype=np.int64)
