"""Where a training row has other profiles than the payment was scored with."""

import numpy as np

from fraud.lineage.collect import _other_profiles
from fraud.lineage.features import FeatureVector
from tests.definitions import PROFILED
from tests.serving.dashboard.support import payment, prediction_for

MOMENT_MS = 1_760_000_400_000


def test_moments_that_differ_are_noted() -> None:
    # given a training row with the profiles of a moment
    values = np.zeros(len(PROFILED.features), dtype=np.float32)
    row = FeatureVector(PROFILED, values, "lake", "2025-10-09", MOMENT_MS)
    # when it is compared with predictions of the same moment, and of none
    same = prediction_for(payment(1), profile_date="2025-10-09", profile_moment=MOMENT_MS)
    without = prediction_for(payment(1), profile_date="2025-10-09")
    # then only the other one is noted
    assert _other_profiles(same, row) == []
    (note,) = _other_profiles(without, row)
    assert note.endswith("with the profiles of 2025-10-09 09:00 UTC; serving used those of no moment")
