"""Features of a whole history in memory: production's kernel and profiles, without Kafka and Spark."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.features import ids
from fraud.features.daily import (
    FRAUD_SPANS_ARROW,
    daily_profiles,
    date_of,
    day_number,
    merchant_days,
    verdict_spans,
)
from fraud.features.events import encode_table
from fraud.features.profiles import profile_features
from fraud.features.spec import DAY_MS, FEATURE_NAMES, KERNEL_FEATURES, PROFILE_COLUMNS
from fraud.features.store import CardStore

_BATCH = 200_000

Progress = Callable[[str, int, int], object]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True)
class FeatureRows:
    """Features of the transactions that count.

    Attributes:
        rows: float32 (M, len(FEATURE_NAMES)).
        places: which of the N transactions each row is of, int64 (M,); the others bear an id that is taken.
    """

    rows: npt.NDArray[np.float32]
    places: npt.NDArray[np.int64]


def compute_features(transactions: pa.Table, labels: pa.Table, progress: Progress) -> FeatureRows:
    """The features that serving would have computed, had it stood there at the time.

    Args:
        transactions: in the Transaction schema, N rows in the order of arrival.
        labels: transaction_id, is_fraud and reported_at (ms); a profile sees those reported before its day.
        progress: told how far it is.
    """
    rows = np.empty((transactions.num_rows, len(FEATURE_NAMES)), dtype=np.float32)
    accepted = _fill_kernel(transactions, rows, progress)
    places = np.flatnonzero(accepted)
    if len(places) < len(rows):
        rows, transactions = rows[places], transactions.take(pa.array(places))
    _fill_profiles(transactions, labels, rows, progress)
    return FeatureRows(rows, places)


def _fill_kernel(
    transactions: pa.Table, rows: npt.NDArray[np.float32], progress: Progress
) -> npt.NDArray[np.bool_]:
    store, accepted = CardStore(), np.zeros(len(rows), dtype=np.bool_)
    for begin in range(0, len(rows), _BATCH):
        part = slice(begin, min(begin + _BATCH, len(rows)))
        events = encode_table(transactions.slice(begin, _BATCH))
        rows[part, : len(KERNEL_FEATURES)], outcomes = store.process(events)
        accepted[part] = outcomes == ids.ACCEPTED
        progress("card features", part.stop, len(rows))
    return accepted


def _fill_profiles(
    transactions: pa.Table, labels: pa.Table, rows: npt.NDArray[np.float32], progress: Progress
) -> None:
    """Join each day's profiles to its transactions; a merchant without one is unknown."""
    amounts, days = transactions["amount"].to_numpy(), transactions["timestamp"].to_numpy() // DAY_MS
    spans = _fraud_spans(transactions, labels)
    first, last = date_of(int(days.min())), date_of(int(days.max()))
    by_day = np.argsort(days, kind="stable")
    for day, profiles in daily_profiles(merchant_days(transactions), spans, first, last):
        begin, end = np.searchsorted(days, [day_number(day), day_number(day) + 1], sorter=by_day)
        places = by_day[begin:end]
        values = _profiles_of(transactions["merchant_id"].take(pa.array(places)), profiles)
        rows[places, len(KERNEL_FEATURES) :] = profile_features(amounts[places], values)
        progress("merchant profiles", int(end), len(rows))


def _fraud_spans(transactions: pa.Table, labels: pa.Table) -> pa.Table:
    rows = pc.index_in(labels["transaction_id"], value_set=transactions["transaction_id"].combine_chunks())
    known = pc.is_valid(rows)
    labels, cards = labels.filter(known), transactions["card_id"].take(rows.filter(known))
    count = labels.num_rows
    spans = verdict_spans(
        labels.append_column("card_id", cards)
        .append_column("partition", pa.array(np.zeros(count, dtype=np.int32)))
        .append_column("offset", pa.array(np.arange(count)))
    )
    rows = pc.index_in(spans["transaction_id"], value_set=transactions["transaction_id"].combine_chunks())
    merchants = transactions["merchant_id"].take(rows)
    return pa.table([merchants, spans["reported_day"], spans["valid_until"]], schema=FRAUD_SPANS_ARROW)


def _profiles_of(merchants: pa.ChunkedArray, profiles: pa.Table) -> npt.NDArray[np.float64]:
    """The profile of each of these merchants; NaN where there is none."""
    values = np.column_stack([profiles[name].to_numpy() for name in PROFILE_COLUMNS])
    values = np.vstack([values, np.full(len(PROFILE_COLUMNS), np.nan)])
    places = pc.fill_null(
        pc.index_in(merchants, value_set=profiles["merchant_id"].combine_chunks()), profiles.num_rows
    )
    return np.asarray(values[places.to_numpy()])
