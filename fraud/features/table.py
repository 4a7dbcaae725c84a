"""Features of a whole history in memory: production's kernel and profiles, without Kafka and Spark."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, UNKNOWN
from fraud.features.availability import profile_days
from fraud.features.daily import daily_profiles, date_of, day_number, fraud_spans, merchant_days
from fraud.features.events import encode_table
from fraud.features.profiles import ProfileFeatures, values_of
from fraud.features.store import CardStore
from fraud.labels.history import LabelHistory
from fraud.labels.joining import DEFAULT_RULES, join_labels
from fraud.money.tables import counted_columns, counted_payments, in_base
from fraud.native import id_index
from fraud.profiles.joined import joined_profiles
from fraud.profiles.keys import counted_keys, field_keys
from fraud.settings import LabelSettings

NO_DELAY = timedelta()
_BATCH = 60_000

Progress = Callable[[str, int, int], object]
"""Called with the name of a step, how much of it is done, and of how much."""


@dataclass(frozen=True)
class FeatureRows:
    """Features of the transactions that count.

    Attributes:
        rows: float32 (M, F), in the order of the definitions' features.
        indices: which of the N transactions each row is of, int64 (M,); the others have an id that is taken.
    """

    rows: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Filled:
    """Which of the N payments count, (N,); for profiles their keys, and those in which they count, by field.

    `amounts` are as in `Events.values`; all have shape (N,).
    """

    accepted: npt.NDArray[np.bool_]
    keys: dict[str, npt.NDArray[np.int64]]
    counted: dict[str, npt.NDArray[np.int64]]
    amounts: npt.NDArray[np.int64]


def compute_features(
    definitions: Definitions,
    transactions: pa.Table,
    labels: pa.Table,
    progress: Progress,
    *,
    rules: LabelSettings = DEFAULT_RULES,
    available_after: timedelta = NO_DELAY,
    delay: timedelta = NO_DELAY,
) -> FeatureRows:
    """The features that serving would have computed at the time.

    Args:
        definitions: what to compute.
        transactions: in the Transaction schema, N rows in the order of arrival.
        labels: as `fraud.labels.joining.join_labels` takes them; a profile sees what was reported before its
            day.
        progress: called with each step and how far it is.
        rules: which of several reports on a payment counts.
        available_after: how long after a day's midnight the merchants' daily profiles are there.
        delay: how long after the start of a period its profiles are there.
    """
    rows = np.empty((transactions.num_rows, len(definitions.features)), dtype=np.float32)
    filled = _fill_kernel(definitions, transactions, rows, progress)
    indices = np.flatnonzero(filled.accepted)
    transactions = _for_profiles(definitions, transactions)
    if len(indices) < len(rows):
        rows, transactions = _compacted(rows, indices), transactions.take(pa.array(indices))
    history = join_labels(transactions, labels, rules).history
    _fill_daily_profiles(definitions, transactions, history, rows, available_after, progress)
    if definitions.profile_features:
        keys, counted = (
            {name: column[indices] for name, column in columns.items()}
            for columns in (filled.keys, filled.counted)
        )
        times = transactions["timestamp"].to_numpy()
        first = len(definitions.features) - len(definitions.profile_features)
        amounts = filled.amounts[indices]
        rows[:, first:] = joined_profiles(definitions, keys, times, amounts, history, delay, counted)
    return FeatureRows(rows, indices)


def _for_profiles(definitions: Definitions, transactions: pa.Table) -> pa.Table:
    """The columns that labels and merchants' daily profiles need: a table may have many others."""
    needed = {*CORE_FIELDS, *counted_columns(definitions)}
    return transactions.select([name for name in transactions.column_names if name in needed])


def _compacted(rows: npt.NDArray[np.float32], indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The rows of ascending indices, at the front of the same memory: touching new memory costs more."""
    for start in range(0, len(indices), _BATCH):
        chosen = indices[start : start + _BATCH]
        rows[start : start + len(chosen)] = rows[chosen]
    return rows[: len(indices)]


def _fill_kernel(
    definitions: Definitions, transactions: pa.Table, rows: npt.NDArray[np.float32], progress: Progress
) -> _Filled:
    # Room that is never written to costs nothing, and saves moving cards as they grow.
    store = CardStore(definitions, max(1_024, len(rows) // 8), max(16_384, 3 * len(rows)))
    accepted = np.zeros(len(rows), dtype=np.bool_)
    keys, counted = (
        {field: np.empty(len(rows), dtype=np.int64) for field in definitions.profile_fields} for _ in range(2)
    )
    amounts = np.empty(len(rows), dtype=np.int64)
    kernel = len(definitions.kernel_features)
    for start in range(0, len(rows), _BATCH):
        part = slice(start, min(start + _BATCH, len(rows)))
        events = encode_table(definitions, transactions.slice(start, _BATCH))
        rows[part, :kernel], outcomes = store.process(events)
        accepted[part] = outcomes == id_index.ACCEPTED
        for columns, found in (
            (keys, field_keys(definitions, events)),
            (counted, counted_keys(definitions, events)),
        ):
            for field, column in found.items():
                columns[field][part] = column
        amounts[part] = events.values[:, definitions.field_index["amount"]]
        progress("card features", part.stop, len(rows))
    return _Filled(accepted, keys, counted, amounts)


def _fill_daily_profiles(
    definitions: Definitions,
    transactions: pa.Table,
    history: LabelHistory,
    rows: npt.NDArray[np.float32],
    available_after: timedelta,
    progress: Progress,
) -> None:
    """Join each day's profiles to the transactions that had them; a merchant without one is unknown."""
    profiles, start = ProfileFeatures(definitions), len(definitions.kernel_features)
    if not definitions.daily_profile_features:
        return
    part = slice(start, start + len(definitions.daily_profile_features))
    frauds = fraud_spans(history, transactions["merchant_id"])
    amounts = in_base(definitions, transactions)["amount"].fill_null(UNKNOWN).to_numpy()
    days = profile_days(transactions["timestamp"].to_numpy(), available_after)
    first, last = date_of(int(days.min())), date_of(int(days.max()))
    by_day = np.argsort(days, kind="stable")
    counted = merchant_days(counted_payments(definitions, transactions))
    for day, of_day in daily_profiles(counted, frauds, first, last):
        start, end = np.searchsorted(days, [day_number(day), day_number(day) + 1], sorter=by_day)
        indices = by_day[start:end]
        values = values_of(transactions["merchant_id"].take(pa.array(indices)), of_day)
        rows[indices, part] = profiles.compute(amounts[indices], values)
        progress("merchant profiles", int(end), len(rows))
