"""Compute the missing days of training rows.

Spark groups and sorts the history of each card; the compiled kernel computes the features.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import Broadcast, TaskContext
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from fraud.definitions.definitions import Definitions
from fraud.features.availability import days_behind
from fraud.features.daily import date_of, day_number
from fraud.features.offline import LeftOut, ProfileBook, compute_rows
from fraud.ingest.commits import LakeFile
from fraud.labels.joining import DEFAULT_RULES
from fraud.lake import Lake
from fraud.preprocess.days import (
    PROFILES,
    DayManifest,
    changed,
    day_folder,
    features_dataset,
    read_days,
    write_day,
)
from fraud.preprocess.field_profiles import field_histories, field_profile_inputs
from fraud.preprocess.inputs import input_arrow
from fraud.preprocess.plan import (
    DAY,
    LakeIndex,
    days_between,
    fingerprint,
    is_memory_exceeded,
    state_files,
    union,
    warm_up,
)
from fraud.preprocess.profiles import OpenSpark, read_profiles
from fraud.preprocess.reused_ids import ReusedIds, find_reused, write_rejected
from fraud.profiles.joined import FieldProfiles
from fraud.settings import DEFAULT_MEMORY, LabelSettings, MemorySettings
from fraud.spark import spread

_WRITTEN_ARROW = pa.schema(
    [("day", pa.int64()), ("path", pa.string()), ("rows", pa.int64()), ("repeats", pa.int64())]
)


def make_rows(
    definitions: Definitions,
    lake: Lake,
    days: Sequence[date],
    lateness: timedelta,
    rows_per_task: int,
    open_spark: OpenSpark,
    available_after: timedelta = timedelta(),
    rules: LabelSettings = DEFAULT_RULES,
    delay: timedelta = timedelta(),
    memory: MemorySettings = DEFAULT_MEMORY,
) -> list[DayManifest]:
    """Compute the training rows of these days that are missing or stale; returns their manifests.

    Args:
        definitions: what to compute.
        lake: with the profiles of these days and of the `days_behind` days before.
        days: the days.
        lateness: of admitted transactions; not used, since what a day depends on follows from offsets.
        rows_per_task: approximate number of transactions of one task.
        open_spark: opens a session.
        available_after: how long after midnight a day's profiles are available.
        rules: which of several reports on a payment decides; for profiles of fields.
        delay: how long after the start of a period the profiles of fields are there.
        memory: what serving remembers.

    Raises:
        DataError: the lake has no transactions, or a file of it is broken.
    """
    index, profiles = LakeIndex.of_transactions(lake), read_days(lake, PROFILES)
    needed = {day: state_files(definitions, index, day, memory) for day in days}
    of_fields = _field_profile_inputs(definitions, lake, days, rules, delay, open_spark)
    behind, dataset = days_behind(available_after) * DAY, features_dataset(definitions)
    inputs = {
        day: fingerprint(
            needed[day],
            _profile_inputs(profiles, days_between(day - behind, day), available_after),
            *_rate_inputs(definitions, day) + of_fields.get(day, []),
            *_memory_inputs(definitions, index, day, memory),
            definitions=definitions,
        )
        for day in days
    }
    stale = changed(days, read_days(lake, dataset), inputs)
    if not stale:
        return []
    files = union(needed[day] for day in stale)
    book = ProfileBook.of(read_profiles(lake, days_between(stale[0] - behind, stale[-1])), available_after)
    tasks = -(-sum(file.rows for file in files) // rows_per_task)
    with open_spark() as spark:
        # All partitions. A later payment in another partition does not recompute the day; training checks it.
        known = {day: union((needed[day], index.within(day - warm_up(definitions), day))) for day in stale}
        reused = find_reused(definitions, spark, lake, known, tasks)
        of_values = _field_profiles(definitions, lake, stale, rules, delay)
        task = _TaskData(definitions, book, reused.left_out, of_values, memory)
        written = _run(spark, lake, files, task, stale, tasks).to_pylist()
    manifests = [_manifest(definitions, lake, day, inputs[day], written, reused) for day in stale]
    for manifest in manifests:
        write_day(lake, dataset, manifest)
    return manifests


def _profile_inputs(
    profiles: dict[date, DayManifest], days: list[date], available_after: timedelta
) -> object:
    """The profiles that a day's rows depend on; without a delay in the form of earlier versions."""
    contents = [profiles[day].content for day in days]
    return [*contents, available_after.total_seconds()] if available_after else contents[-1]


def _rate_inputs(definitions: Definitions, day: date) -> list[object]:
    """The rates that a day's rows depend on; rates of later days do not change them."""
    if definitions.money is None:
        return []
    first, last = day_number(day - warm_up(definitions)), day_number(day)
    return [definitions.money.max_age_days, definitions.money.rates.digest(first, last)]


def _memory_inputs(
    definitions: Definitions, index: LakeIndex, day: date, memory: MemorySettings
) -> list[object]:
    """What serving remembers, where a day's rows depend on it; else nothing, as in earlier versions."""
    may_matter = is_memory_exceeded(definitions, index, day, memory) or memory != DEFAULT_MEMORY
    return [memory.model_dump()] if may_matter else []


def _field_profile_inputs(
    definitions: Definitions,
    lake: Lake,
    days: Sequence[date],
    rules: LabelSettings,
    delay: timedelta,
    open_spark: OpenSpark,
) -> dict[date, list[object]]:
    """By day what the profiles of fields that its rows have depend on; empty where no field has profiles."""
    if not definitions.profile_features:
        return {}
    inputs = field_profile_inputs(lake, definitions, days, rules, open_spark)
    return {day: [inputs[day], delay.total_seconds()] for day in days}


def _field_profiles(
    definitions: Definitions, lake: Lake, days: Sequence[date], rules: LabelSettings, delay: timedelta
) -> FieldProfiles | None:
    """The profiles of fields that the rows of these days have; None where no field has profiles."""
    if not definitions.profile_features:
        return None
    return FieldProfiles(field_histories(lake, definitions, days[0], days[-1], rules), delay)


def _run(
    spark: SparkSession,
    lake: Lake,
    files: Sequence[LakeFile],
    task: "_TaskData",
    days: Sequence[date],
    tasks: int,
) -> pa.Table:
    """Compute and write the rows; returns the written files as `_WRITTEN_ARROW`."""

    def read(path: str) -> Iterator[pa.RecordBatch]:
        yield from lake.read_rows(path, columns).to_batches()

    columns = input_arrow(task.definitions)
    writer = _Writer(lake, spark.sparkContext.broadcast(task), [day_number(day) for day in days])
    largest_first = sorted(files, key=lambda file: -file.rows)
    transactions = spread(spark, [file.path for file in largest_first], read, columns)
    by_card = transactions.repartition(max(tasks, spark.sparkContext.defaultParallelism), "card_id")
    ordered = by_card.sortWithinPartitions("card_id", "partition", "offset")
    return ordered.mapInArrow(partial(_write, writer), from_arrow_schema(_WRITTEN_ARROW)).toArrow()


@dataclass(frozen=True)
class _TaskData:
    """The data that is broadcast to every task."""

    definitions: Definitions
    profiles: ProfileBook
    left_out: LeftOut
    field_profiles: FieldProfiles | None
    memory: MemorySettings


@dataclass(frozen=True)
class _Writer:
    """The lake and parameters with which a task writes its rows."""

    lake: Lake
    task: "Broadcast[_TaskData]"
    days: list[int]


def _write(writer: _Writer, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write the rows of the task's cards, one file per day with a unique name."""
    context = TaskContext.get()
    name = f"part-{context.partitionId() if context else 0:05d}-{uuid.uuid4().hex[:12]}.parquet"
    tables: list[pa.Table] = []
    days_of_rows: list[npt.NDArray[np.int64]] = []
    repeats: Counter[int] = Counter()
    days = np.array(writer.days, dtype=np.int64)
    task = writer.task.value
    for computed in compute_rows(
        task.definitions, batches, task.profiles, days, task.left_out, task.field_profiles, task.memory
    ):
        tables.append(computed.rows)
        days_of_rows.append(computed.days)
        repeats.update(computed.repeats)
    for day, rows in _by_day(tables, days_of_rows):
        path = f"{day_folder(features_dataset(task.definitions), date_of(day))}/{name}"
        writer.lake.write_table(rows, path)
        yield _report(day, path, rows.num_rows, repeats.pop(day, 0))
    for day, count in repeats.items():
        yield _report(day, None, 0, count)


def _by_day(
    tables: list[pa.Table], days_of_rows: list[npt.NDArray[np.int64]]
) -> Iterator[tuple[int, pa.Table]]:
    if not tables:
        return
    rows, days = pa.concat_tables(tables), np.concatenate(days_of_rows)
    order = np.argsort(days, kind="stable")
    distinct, starts = np.unique(days[order], return_index=True)
    rows = rows.take(pa.array(order))
    for day, start, end in zip(distinct, starts, [*starts[1:], len(order)], strict=True):
        yield int(day), rows.slice(start, end - start)


def _report(day: int, path: str | None, rows: int, repeats: int) -> pa.RecordBatch:
    values = {"day": day, "path": path, "rows": rows, "repeats": repeats}
    return pa.RecordBatch.from_pylist([values], _WRITTEN_ARROW)


def _manifest(
    definitions: Definitions,
    lake: Lake,
    day: date,
    inputs: str,
    written: list[dict[str, object]],
    reused: ReusedIds,
) -> DayManifest:
    parts = [one for one in written if one["day"] == day_number(day)]
    return DayManifest(
        date=day,
        inputs=inputs,
        files=sorted(str(one["path"]) for one in parts if one["path"]),
        rows=sum(int(str(one["rows"])) for one in parts),
        repeats=sum(int(str(one["repeats"])) for one in parts),
        reused=write_rejected(definitions, lake, day, reused),
    )
