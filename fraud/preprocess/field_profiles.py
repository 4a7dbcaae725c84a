"""The profiles of ids and categories that training rows need, from what the lake keeps of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.daily import day_number
from fraud.lake import Lake
from fraud.preprocess.plan import DAY, REPORT_DAYS, LakeIndex, days_between, fingerprint
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import ProfileHistory
from fraud.profiles.layout import longest_window, profile_columns
from fraud.profiles.making.periods import DayFiles, OpenSparkSession, make_periods, read_periods
from fraud.profiles.making.reported import update_reported
from fraud.settings import LabelSettings

_MOMENT_DAYS = 2
"""A payment's newest profiles are at most `profiles.delay` and a period old, each at most a day."""


def field_histories(
    lake: Lake,
    definitions: Definitions,
    first: date,
    last: date,
    rules: LabelSettings,
    open_spark: OpenSparkSession | None = None,
    index: LakeIndex | None = None,
) -> dict[str, ProfileHistory]:
    """The profiles of each field at all moments that payments of these days (both included) can have.

    What is missing in the lake is made first.

    Args:
        lake: with transactions and labels.
        definitions: with profiles.
        first: the first day.
        last: the last day.
        rules: which of several reports on a payment decides.
        open_spark: opens a session if many days are missing; without it this process makes them.
        index: of the lake's transactions, if it was read.

    Raises:
        DataError: the lake has no transactions, or a file of it is broken.
    """
    index = index or LakeIndex.of_transactions(lake)
    known = _Known.of(lake, definitions, index, first, last, rules, open_spark)
    payments = read_periods(definitions, lake, known.index, window_days(definitions, first, last))
    return {
        field: ProfileHistory(payments[field], known.frauds[field], profile_columns(definitions, field))
        for field in definitions.profile_fields
    }


def field_profile_inputs(
    lake: Lake,
    definitions: Definitions,
    days: Sequence[date],
    rules: LabelSettings,
    open_spark: OpenSparkSession | None = None,
) -> dict[date, str]:
    """For each day of payments the fingerprint of all that their profiles are made of.

    Reports and payments of later days do not change it. The other arguments are those of `field_histories`.
    """
    index = LakeIndex.of_transactions(lake)
    known = _Known.of(lake, definitions, index, min(days), max(days), rules, open_spark)
    payments = {
        day: DayFiles(definitions, known.index, day).fingerprint
        for day in window_days(definitions, min(days), max(days))
    }
    return {
        day: fingerprint(
            [payments[one] for one in window_days(definitions, day, day)],
            [_known_frauds(known.frauds[field], definitions, day) for field in definitions.profile_fields],
        )
        for day in days
    }


def window_days(definitions: Definitions, first: date, last: date) -> list[date]:
    """The days whose payments are in the profiles of payments from `first` to `last`, both included."""
    return days_between(first - timedelta(days=_days_back(definitions)), last)


@dataclass(frozen=True)
class _Known:
    """The lake's transactions, and the frauds that count in some days' profiles, by field."""

    index: LakeIndex
    frauds: dict[str, FraudPeriods]

    @classmethod
    def of(
        cls,
        lake: Lake,
        definitions: Definitions,
        index: LakeIndex,
        first: date,
        last: date,
        rules: LabelSettings,
        open_spark: OpenSparkSession | None,
    ) -> "_Known":
        earliest = first - REPORT_DAYS * DAY - timedelta(days=_days_back(definitions))
        days = [day for day in index.days if earliest <= day <= last]
        make_periods(definitions, lake, index, days, open_spark)
        return cls(index, update_reported(definitions, lake, index, days).frauds(definitions, rules))


def _known_frauds(frauds: FraudPeriods, definitions: Definitions, day: date) -> str:
    """What is known of frauds at the end of a day, as far as its payments' profiles reach back."""
    every_ms = definitions.profile_every_ms
    end = (day_number(day) + 1) * DAY_MS // every_ms
    start = end - (1 + _days_back(definitions)) * DAY_MS // every_ms
    chosen = (frauds.since < end) & (frauds.reported >= start) & (frauds.until >= start)
    columns = [frauds.keys, frauds.reported, frauds.since, np.minimum(frauds.until, end)]
    table = pa.table([one[chosen] for one in columns], names=["key", "reported", "since", "until"])
    ordered = table.sort_by([(name, "ascending") for name in table.column_names])
    return fingerprint(*(ordered[name].to_numpy().tobytes().hex() for name in ordered.column_names))


def _days_back(definitions: Definitions) -> int:
    window_ms = longest_window(definitions) * definitions.profile_every_ms
    return -(-window_ms // DAY_MS) + _MOMENT_DAYS
