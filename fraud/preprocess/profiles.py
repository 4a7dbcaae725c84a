"""Merchants' profiles of the days that need them, from the lake to the lake."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from xxhash import xxh3_128_hexdigest

from fraud.features.daily import (
    FRAUD_SPANS_ARROW,
    LONGEST_DAYS,
    MERCHANT_DAYS_ARROW,
    daily_profiles,
    day_number,
    merchant_days,
    verdict_spans,
)
from fraud.features.spec import DAY_MS, FEATURE_VERSION, PROFILE_COLUMNS
from fraud.ingest.commits import LakeFile, committed_files
from fraud.lake import Lake
from fraud.preprocess.days import PROFILES, DayManifest, changed, day_folder, read_days, write_day
from fraud.preprocess.plan import DAY, REPORT_DAYS, LakeIndex, days_between, fingerprint, profile_inputs
from fraud.schema import LABEL_ARROW
from fraud.spark import spread

_LOG = logging.getLogger(__name__)
_FIGURES = f"merchant_days/v{FEATURE_VERSION}"
_FIGURE_COLUMNS = ["card_id", "transaction_id", "merchant_id", "timestamp", "amount"]
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


def make_profiles(lake: Lake, days: Sequence[date], open_spark: OpenSpark) -> list[date]:
    """Bring the profiles of these days up to date; returns the days that had to be made.

    Raises:
        DataError: the lake has no transactions, or a file of it is broken.
    """
    transactions, labels = LakeIndex.of_transactions(lake), LakeIndex(committed_files(lake, "labels"))
    inputs = {day: profile_inputs(transactions, labels, day) for day in days}
    there = read_days(lake, PROFILES)
    stale = changed(days, there, inputs)
    if not stale:
        return []
    first, last = stale[0], stale[-1]
    with open_spark() as spark:
        figures = _figures(spark, lake, transactions, first - LONGEST_DAYS * DAY, last - DAY)
        frauds = _frauds(spark, lake, transactions, labels, first - LONGEST_DAYS * DAY, last - DAY)
    for day, profiles in daily_profiles(figures, frauds, first, last):
        if day in inputs and (day not in there or there[day].inputs != inputs[day]):
            _write(lake, day, profiles, inputs[day])
    return stale


def read_profiles(lake: Lake, days: Sequence[date]) -> dict[date, pa.Table]:
    """The profiles of these days, which must be there."""
    return {day: lake.read_table(_path(day)) for day in days}


def _path(day: date) -> str:
    return f"{day_folder(PROFILES, day)}/part.parquet"


def _write(lake: Lake, day: date, profiles: pa.Table, inputs: str) -> None:
    lake.write_table(profiles, _path(day))
    write_day(lake, PROFILES, DayManifest(day, inputs, [_path(day)], profiles.num_rows, _digest(profiles)))


def _digest(profiles: pa.Table) -> str:
    values = np.column_stack([profiles[name] for name in PROFILE_COLUMNS])
    names = "\0".join(profiles["merchant_id"].to_pylist())
    return xxh3_128_hexdigest(names.encode() + values.tobytes())


def _figures(spark: SparkSession, lake: Lake, index: LakeIndex, first: date, last: date) -> pa.Table:
    """The merchants' figures by day; a day's are kept in the lake until its files change."""
    paths = {day: _figures_path(index, day) for day in days_between(first, last) if index.within(day, day)}
    missing = [day for day, path in paths.items() if not lake.exists(path)]
    items = [
        msgspec.json.encode([file.path for file in _arrival_order(index.within(day, day))]).decode()
        for day in missing
    ]

    def work(item: str) -> Iterator[pa.RecordBatch]:
        tables = [lake.read_table(path, _FIGURE_COLUMNS) for path in msgspec.json.decode(item)]
        yield from merchant_days(pa.concat_tables(tables)).to_batches()

    if missing:
        made = spread(spark, items, work, MERCHANT_DAYS_ARROW).toArrow().cast(MERCHANT_DAYS_ARROW)
        for day in missing:
            _keep(lake, paths[day], made.filter(pc.equal(made["day"], day_number(day))))
    return pa.concat_tables([MERCHANT_DAYS_ARROW.empty_table(), *map(lake.read_table, paths.values())])


def _keep(lake: Lake, path: str, figures: pa.Table) -> None:
    lake.write_table(figures, path)
    for other in lake.list_all(path.rpartition("/")[0]):
        if other != path:
            lake.remove(other)


def _figures_path(index: LakeIndex, day: date) -> str:
    return f"{day_folder(_FIGURES, day)}/{fingerprint(index.within(day, day))}.parquet"


def _arrival_order(files: Sequence[LakeFile]) -> list[LakeFile]:
    return sorted(files, key=lambda file: (file.partition, file.start))


def _frauds(
    spark: SparkSession, lake: Lake, transactions: LakeIndex, labels: LakeIndex, first: date, last: date
) -> pa.Table:
    """The verdicts of fraud reported from `first` to `last`, with the merchant of their transaction."""
    tables = [lake.read_table(file.path) for file in labels.within(first, last)]
    spans = verdict_spans(pa.concat_tables([LABEL_ARROW.empty_table(), *tables]))
    files = transactions.within(first - timedelta(days=REPORT_DAYS), last)
    if not spans.num_rows or not files:
        return FRAUD_SPANS_ARROW.empty_table()
    found = spans.join(_matches(spark, lake, files, spans), ["card_id", "transaction_id"], join_type="inner")
    if found.num_rows < spans.num_rows:
        _LOG.warning(
            "%d of %d reports of fraud name a transaction that the lake does not hold within %d days before",
            spans.num_rows - found.num_rows, spans.num_rows, REPORT_DAYS,
        )  # fmt: skip
    age = pc.subtract(found["reported_day"], pc.divide(found["timestamp"], DAY_MS))
    timely = pc.and_(pc.greater_equal(age, 0), pc.less_equal(age, REPORT_DAYS))
    return found.filter(timely).select(FRAUD_SPANS_ARROW.names).cast(FRAUD_SPANS_ARROW)


def _matches(spark: SparkSession, lake: Lake, files: Sequence[LakeFile], spans: pa.Table) -> pa.Table:
    """The first transaction of each card and id that the spans name."""
    wanted = pc.unique(spans["transaction_id"])

    def work(path: str) -> Iterator[pa.RecordBatch]:
        table = lake.read_table(path, _MATCH_ARROW.names).select(_MATCH_ARROW.names)
        yield from table.filter(pc.is_in(table["transaction_id"], wanted)).to_batches()

    found = spread(spark, [file.path for file in files], work, _MATCH_ARROW).toArrow()
    ordered = found.sort_by([("partition", "ascending"), ("offset", "ascending")])
    firsts = ordered.group_by(["card_id", "transaction_id"], use_threads=False).aggregate(
        [("merchant_id", "first"), ("timestamp", "first")]
    )
    return firsts.rename_columns(["card_id", "transaction_id", "merchant_id", "timestamp"])
