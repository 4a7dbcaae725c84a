"""The profiles of ids and categories that training rows need, from what the lake keeps of them."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.daily import day_number
from fraud.features.events import encode_table
from fraud.ingest.commits import committed_files
from fraud.labels.joining import join_labels
from fraud.labels.lake import read_label_files
from fraud.lake import Lake
from fraud.preprocess.plan import LakeIndex, days_between, fingerprint
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import ProfileHistory
from fraud.profiles.layout import profile_columns
from fraud.profiles.making.day_payments import payment_arrow
from fraud.profiles.making.periods import day_fingerprint, make_periods, read_periods
from fraud.settings import LabelSettings

_MOMENT_DAYS = 2
"""A payment's newest profiles are at most `profiles.delay` and a period old, each at most a day."""


def window_days(definitions: Definitions, first: date, last: date) -> list[date]:
    """The days whose payments are in the profiles of payments from `first` to `last`, both included."""
    window = max((one.window_ms for one in definitions.profile_features), default=0)
    return days_between(first - timedelta(days=-(-window // DAY_MS) + _MOMENT_DAYS), last)


def field_histories(
    lake: Lake, definitions: Definitions, first: date, last: date, rules: LabelSettings
) -> dict[str, ProfileHistory]:
    """The profiles of each field at all moments that payments of these days (both included) can have.

    What is missing in the lake is made first, without Spark.

    Args:
        lake: with transactions and labels.
        definitions: with profiles.
        first: the first day.
        last: the last day.
        rules: which of several reports on a payment decides.

    Raises:
        DataError: the lake has no transactions, or a file of it is broken.
    """
    index, days = LakeIndex.of_transactions(lake), window_days(definitions, first, last)
    make_periods(definitions, lake, index, days)
    payments, frauds = read_periods(definitions, lake, index, days), _frauds(lake, definitions, rules)
    return {
        field: ProfileHistory(payments[field], frauds[field], profile_columns(definitions, field))
        for field in definitions.profile_fields
    }


def field_profile_inputs(
    lake: Lake, definitions: Definitions, days: Sequence[date], rules: LabelSettings
) -> dict[date, str]:
    """For each day of payments the fingerprint of all that their profiles are made of.

    Reports and payments of later days do not change it.
    """
    index, frauds = LakeIndex.of_transactions(lake), _frauds(lake, definitions, rules)
    return {
        day: fingerprint(
            [day_fingerprint(definitions, index, one) for one in window_days(definitions, day, day)],
            [_known_frauds(frauds[field], definitions, day) for field in definitions.profile_fields],
        )
        for day in days
    }


def _known_frauds(frauds: FraudPeriods, definitions: Definitions, day: date) -> str:
    """What is known of frauds at the end of a day."""
    end = (day_number(day) + 1) * DAY_MS // definitions.profile_every_ms
    start = end - window_periods(definitions)
    known = (frauds.since < end) & (frauds.reported >= start) & (frauds.until >= start)
    rows = [frauds.keys, frauds.reported, frauds.since, np.minimum(frauds.until, end)]
    table = pa.table([one[known] for one in rows], names=["key", "reported", "since", "until"])
    ordered = table.sort_by([(name, "ascending") for name in table.column_names])
    return fingerprint(*(ordered[name].to_numpy().tobytes().hex() for name in ordered.column_names))


def window_periods(definitions: Definitions) -> int:
    """How many periods before the end of a day its payments' profiles reach back."""
    window = max((one.window_ms for one in definitions.profile_features), default=0)
    return (window + (1 + _MOMENT_DAYS) * DAY_MS) // definitions.profile_every_ms


def _frauds(lake: Lake, definitions: Definitions, rules: LabelSettings) -> dict[str, FraudPeriods]:
    # To be replaced by what is kept of earlier joins.
    labels = read_label_files(lake, committed_files(lake, "labels"))
    wanted, schema = pc.unique(labels["transaction_id"]), payment_arrow(definitions)
    files = sorted(committed_files(lake, "transactions"), key=lambda file: (file.partition, file.start))
    tables = (lake.read_rows(file.path, schema) for file in files)
    payments = pa.concat_tables(
        [schema.empty_table(), *(one.filter(pc.is_in(one["transaction_id"], wanted)) for one in tables)]
    )
    history = join_labels(payments, labels, rules).history
    values, index = encode_table(definitions, payments).values, definitions.field_index
    every_ms = definitions.profile_every_ms
    return {
        field: FraudPeriods.of_history(history, values[:, index[field]], every_ms)
        for field in definitions.profile_fields
    }
