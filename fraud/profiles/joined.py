"""The profiles that payments of a whole history had, in memory."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.labels.history import LabelHistory
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import ProfileHistory
from fraud.profiles.moments import due_moments
from fraud.profiles.payments import PeriodSums
from fraud.profiles.values import ProfileValues

Ints = npt.NDArray[np.int64]


def joined_profiles(
    definitions: Definitions,
    keys: Mapping[str, Ints],
    times: Ints,
    amounts: Ints,
    reports: LabelHistory,
    delay: timedelta,
) -> npt.NDArray[np.float32]:
    """The features of N payments that profiles yield, each of the newest profiles that it could have.

    Args:
        definitions: what to compute.
        keys: of the payments, by field that has profiles, (N,).
        times: event times, ms, (N,).
        amounts: minor units or `UNKNOWN`, (N,).
        reports: history of the payments' labels.
        delay: how long after the start of a period its profiles are there.

    Returns:
        Shape (N, len(definitions.profile_features)).
    """
    values, every_ms = ProfileValues(definitions), definitions.profile_every_ms
    moments = due_moments(times, every_ms, delay)
    profiles = {}
    for field in values.fields:
        payments = PeriodSums.of_payments(keys[field], times, amounts, every_ms)
        frauds = FraudPeriods.of_history(reports, keys[field], every_ms)
        profiles[field] = ProfileHistory(payments, frauds, values.columns[field]).at(keys[field], moments)
    return values.compute(profiles, keys, moments, amounts)
