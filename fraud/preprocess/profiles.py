"""Compute the missing days of merchant profiles, from the lake to the lake."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.daily import (
    FRAUD_SPANS_ARROW,
    LONGEST_DAYS,
    MERCHANT_DAYS_ARROW,
    daily_profiles,
    day_number,
    fraud_spans,
    merchant_days,
)
from fraud.features.profiles import PROFILE_VERSION
from fraud.ingest.commits import LakeFile, committed_files
from fraud.labels.history import LabelHistory
from fraud.labels.joining import DEFAULT_RULES, join_labels
from fraud.labels.lake import read_label_files
from fraud.lake import Lake
from fraud.money.tables import counted_columns, counted_payments, counting_rule
from fraud.preprocess.days import (
    PROFILES,
    DayManifest,
    changed,
    day_folder,
    profile_digest,
    read_days,
    write_day,
)
from fraud.preprocess.plan import (
    DAY,
    REPORT_DAYS,
    LakeIndex,
    days_between,
    fingerprint,
    label_days,
    profile_inputs,
)
from fraud.schema import transaction_arrow
from fraud.settings import LabelSettings
from fraud.spark import spread

_LOG = logging.getLogger(__name__)
_MERCHANT_DAYS = f"merchant_days/v{PROFILE_VERSION}"
_PAYMENT_COLUMNS = ["card_id", "transaction_id", "merchant_id", "timestamp", "amount"]
_MATCH_ARROW = pa.schema(
    [
        ("card_id", pa.string()),
        ("transaction_id", pa.string()),
        ("merchant_id", pa.string()),
        ("timestamp", pa.int64()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)

OpenSpark = Callable[[], AbstractContextManager[SparkSession]]


def make_profiles(
    definitions: Definitions,
    lake: Lake,
    days: Sequence[date],
    open_spark: OpenSpark,
    rules: LabelSettings = DEFAULT_RULES,
) -> list[date]:
    """Compute the profiles of these days that are missing or stale; returns the computed days.

    Args:
        definitions: say what is a refund, which does not count, and the currency of amounts.
        lake: with transactions and labels.
        days: the days.
        open_spark: opens a session.
        rules: which of several reports on a payment decides.

    Raises:
        DataError: the lake has no transactions, or a file of it is broken.
    """
    transactions, labels = LakeIndex.of_transactions(lake), LakeIndex(committed_files(lake, "labels"))
    inputs = {day: profile_inputs(definitions, transactions, labels, day, rules) for day in days}
    existing = read_days(lake, PROFILES)
    stale = changed(days, existing, inputs)
    if not stale:
        return []
    first, last = stale[0], stale[-1]
    with open_spark() as spark:
        figures = _merchant_days(
            definitions, spark, lake, transactions, first - LONGEST_DAYS * DAY, last - DAY
        )
        reported = label_days(first, last)
        frauds = _frauds(
            spark,
            lake,
            transactions.within(first - (LONGEST_DAYS + REPORT_DAYS) * DAY, last - DAY),
            labels.within(reported[0], reported[-1]),
            rules,
        )
    for day, profiles in daily_profiles(figures, frauds, first, last):
        if day in stale:
            _write(lake, day, profiles, inputs[day])
    return stale


def read_profiles(lake: Lake, days: Sequence[date]) -> dict[date, pa.Table]:
    """Read the profiles of these days, all of which exist."""
    return {day: lake.read_table(_path(day)) for day in days}


def _path(day: date) -> str:
    return f"{day_folder(PROFILES, day)}/part.parquet"


def _write(lake: Lake, day: date, profiles: pa.Table, inputs: str) -> None:
    lake.write_table(profiles, _path(day))
    write_day(
        lake, PROFILES, DayManifest(day, inputs, [_path(day)], profiles.num_rows, profile_digest(profiles))
    )


def _merchant_days(
    definitions: Definitions, spark: SparkSession, lake: Lake, index: LakeIndex, first: date, last: date
) -> pa.Table:
    """The daily aggregates of the merchants; those of a day are stored in the lake until its files change."""
    paths = {
        day: _merchant_days_path(definitions, index, day)
        for day in days_between(first, last)
        if index.within(day, day)
    }
    missing = [day for day, path in paths.items() if not lake.exists(path)]
    items = [
        msgspec.json.encode([file.path for file in _arrival_order(index.within(day, day))]).decode()
        for day in missing
    ]

    schema = _payment_arrow(definitions)

    def work(item: str) -> Iterator[pa.RecordBatch]:
        tables = [lake.read_rows(path, schema) for path in msgspec.json.decode(item)]
        yield from merchant_days(counted_payments(definitions, pa.concat_tables(tables))).to_batches()

    if missing:
        computed = spread(spark, items, work, MERCHANT_DAYS_ARROW).toArrow().cast(MERCHANT_DAYS_ARROW)
        for day in missing:
            _store(lake, paths[day], computed.filter(pc.equal(computed["day"], day_number(day))))
    return pa.concat_tables([MERCHANT_DAYS_ARROW.empty_table(), *map(lake.read_table, paths.values())])


def _store(lake: Lake, path: str, figures: pa.Table) -> None:
    lake.write_table(figures, path)
    for other in lake.list_all(path.rpartition("/")[0]):
        if other != path:
            lake.remove(other)


def _merchant_days_path(definitions: Definitions, index: LakeIndex, day: date) -> str:
    counting = counting_rule(definitions, day_number(day), day_number(day))
    return f"{day_folder(_MERCHANT_DAYS, day)}/{fingerprint(index.within(day, day), *counting)}.parquet"


def _payment_arrow(definitions: Definitions) -> pa.Schema:
    schema = transaction_arrow(definitions)
    names = (*_PAYMENT_COLUMNS, *counted_columns(definitions))
    return pa.schema([(name, schema.field(name).type) for name in names])


def _arrival_order(files: Sequence[LakeFile]) -> list[LakeFile]:
    return sorted(files, key=lambda file: (file.partition, file.start))


def _frauds(
    spark: SparkSession,
    lake: Lake,
    transactions: Sequence[LakeFile],
    reported: Sequence[LakeFile],
    rules: LabelSettings,
) -> pa.Table:
    """Fraud periods of these transactions by these labels, with their merchants, as `FRAUD_SPANS_ARROW`."""
    labels = read_label_files(lake, reported)
    if not labels.num_rows or not transactions:
        return FRAUD_SPANS_ARROW.empty_table()
    payments = _labelled_payments(spark, lake, transactions, labels)
    joined = join_labels(payments, labels, rules)
    for warning in joined.unused.warnings():
        _LOG.warning("%s", warning)
    if joined.unused.unknown:
        _LOG.warning(
            "%d of %d labels refer to a transaction that the lake does not have within %d days before",
            joined.unused.unknown, labels.num_rows, REPORT_DAYS,
        )  # fmt: skip
    timely = _timely(joined.history, payments["timestamp"].to_numpy())
    return fraud_spans(joined.history.take(timely), payments["merchant_id"].take(pa.array(timely)))


def _timely(history: LabelHistory, timestamps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices of the payments whose fraud was first reported within `REPORT_DAYS`."""
    spans = history.fraud_spans()
    age = spans.first_reported // DAY_MS - timestamps[spans.rows] // DAY_MS
    return np.unique(spans.rows[age <= REPORT_DAYS])


def _labelled_payments(
    spark: SparkSession, lake: Lake, files: Sequence[LakeFile], labels: pa.Table
) -> pa.Table:
    """The first transaction of each card and id, for the ids of the labels."""
    wanted = pc.unique(labels["transaction_id"])

    def work(path: str) -> Iterator[pa.RecordBatch]:
        table = lake.read_table(path, _MATCH_ARROW.names).select(_MATCH_ARROW.names)
        yield from table.filter(pc.is_in(table["transaction_id"], wanted)).to_batches()

    found = spread(spark, [file.path for file in files], work, _MATCH_ARROW).toArrow()
    ordered = found.sort_by([("partition", "ascending"), ("offset", "ascending")])
    firsts = ordered.group_by(["card_id", "transaction_id"], use_threads=False).aggregate(
        [("merchant_id", "first"), ("timestamp", "first")]
    )
    return firsts.rename_columns(["card_id", "transaction_id", "merchant_id", "timestamp"])
