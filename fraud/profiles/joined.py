"""The point-in-time join of profiles to payments: training rows, backtests and the monitor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.labels.history import LabelHistory
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import ProfileHistory
from fraud.profiles.layout import profile_columns
from fraud.profiles.moments import due_moments
from fraud.profiles.payments import PeriodSums
from fraud.profiles.values import NO_MOMENT, ProfileValues

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FieldProfiles:
    """The profiles of all fields that have some, at any moment.

    Attributes:
        histories: by field.
        delay: how long after the start of a period its profiles are there.
    """

    histories: Mapping[str, ProfileHistory]
    delay: timedelta

    def due(
        self, definitions: Definitions, keys: Mapping[str, Ints], times: Ints, amounts: Ints
    ) -> tuple[Rows, Ints]:
        """The features of n payments by the newest profiles that each could have, and their moments in ms.

        Args:
            definitions: what to compute.
            keys: of the payments, by field that has profiles, as in `Events.values`, (n,).
            times: event times, ms, (n,).
            amounts: minor units or `UNKNOWN`, (n,).

        Returns:
            Shapes (n, len(definitions.profile_features)) and (n,).
        """
        every_ms = definitions.profile_every_ms
        moments = due_moments(times, every_ms, self.delay)
        return self._compute(definitions, keys, moments, amounts), moments * every_ms

    def at(self, definitions: Definitions, keys: Mapping[str, Ints], moments_ms: Ints, amounts: Ints) -> Rows:
        """As `due`, by the profiles of these moments: ms, or `NO_MOMENT`, (n,)."""
        every_ms = definitions.profile_every_ms
        moments = np.where(moments_ms == NO_MOMENT, NO_MOMENT, moments_ms // every_ms)
        return self._compute(definitions, keys, moments, amounts)

    def _compute(
        self, definitions: Definitions, keys: Mapping[str, Ints], moments: Ints, amounts: Ints
    ) -> Rows:
        profiles = {field: self.histories[field].at(keys[field], moments) for field in self.histories}
        return ProfileValues(definitions).compute(profiles, keys, moments, amounts)


def joined_profiles(
    definitions: Definitions,
    keys: Mapping[str, Ints],
    times: Ints,
    amounts: Ints,
    reports: LabelHistory,
    delay: timedelta,
    counted: Mapping[str, Ints] | None = None,
) -> Rows:
    """The features of N payments by the newest profiles of the payments themselves that each could have.

    Args:
        definitions: what to compute.
        keys: of the payments, by field that has profiles, (N,).
        times: event times, ms, (N,).
        amounts: minor units or `UNKNOWN`, (N,).
        reports: history of the payments' labels.
        delay: how long after the start of a period its profiles are there.
        counted: the keys in whose profiles payments and their reports count, likewise; by default `keys`.

    Returns:
        Shape (N, len(definitions.profile_features)).
    """
    every_ms, histories = definitions.profile_every_ms, {}
    for field in definitions.profile_fields:
        whose = (counted or keys)[field]
        payments = PeriodSums.of_payments(whose, times, amounts, every_ms)
        frauds = FraudPeriods.of_history(reports, whose, every_ms)
        histories[field] = ProfileHistory(payments, frauds, profile_columns(definitions, field))
    return FieldProfiles(histories, delay).due(definitions, keys, times, amounts)[0]
