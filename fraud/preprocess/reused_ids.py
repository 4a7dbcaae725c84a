"""Find transactions with an id that another payment used first.

Within a partition the order of the log decides, as in serving (`fraud.native.id_index`). Serving cannot
detect that a payment of another partition has the same id, because partitions have no common order; here the
first by event time, partition and offset counts. The others stay in the card's state,
because serving scored them, but have no training row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.daily import day_number
from fraud.features.events import encode_table, hash_identifier
from fraud.features.offline import LeftOut
from fraud.ingest.commits import LakeFile
from fraud.lake import Lake
from fraud.native.id_index import ACCEPTED, CONFLICT, REPEATED, IdIndex
from fraud.preprocess.days import REUSED_ARROW, rejected_path
from fraud.preprocess.inputs import input_arrow
from fraud.spark import spread

_ID_ARROW = pa.schema([("id", pa.int64())])
_FILE = "__file"
"""The column with a row's file; no field has such a name."""

_OTHER_PARTITION_REASON = "transaction_id was used for a payment of another partition, which is earlier"
_CONFLICT_REASON = "transaction_id was used for another payment of the partition"


@dataclass(frozen=True)
class ReusedIds:
    """The transactions without a training row, and each day's rejected rows (`REUSED_ARROW`)."""

    left_out: LeftOut = field(default_factory=LeftOut)
    rejected: Mapping[date, pa.Table] = field(default_factory=dict)


def find_reused(
    definitions: Definitions,
    spark: SparkSession,
    lake: Lake,
    files: Mapping[date, Sequence[LakeFile]],
    tasks: int,
) -> ReusedIds:
    """Find the reused ids among the rows of days.

    Args:
        definitions: of the rows' fields.
        spark: the session.
        lake: the lake with the files.
        files: by day, the files of its rows and those of the other partitions in that period.
        tasks: number of Spark partitions for counting ids.
    """
    paths = sorted({file.path for of_day in files.values() for file in of_day})
    suspects = _repeated_ids(spark, lake, paths, tasks)
    if not len(suspects):
        return ReusedIds()
    rows = _rows_of(definitions, spark, lake, paths, suspects)
    events = encode_table(definitions, rows).heads
    outcomes = _by_partition(rows, events)
    elsewhere = np.zeros(rows.num_rows, dtype=np.bool_)
    for day, of_day in files.items():
        known = pc.is_in(rows[_FILE], pa.array([file.path for file in of_day], pa.string()))
        counts = (outcomes == ACCEPTED) & np.asarray(known)
        elsewhere |= _used_in_other_partition(rows, events, counts) & (
            events["timestamp"] // DAY_MS == day_number(day)
        )
    left_out = LeftOut.of(
        rows, repeated=outcomes == REPEATED, conflicts=outcomes == CONFLICT, elsewhere=elsewhere
    )
    rejected = _rejected(rows, outcomes == CONFLICT, elsewhere)
    days = rejected["timestamp"].to_numpy() // DAY_MS
    return ReusedIds(left_out, {day: rejected.filter(pa.array(days == day_number(day))) for day in files})


def write_rejected(definitions: Definitions, lake: Lake, day: date, reused: ReusedIds) -> int:
    """Replace a day's rejected rows of an earlier run; returns how many there are."""
    rows, path = reused.rejected.get(day), rejected_path(definitions, day)
    if rows is None or not rows.num_rows:
        lake.remove(path)
        return 0
    lake.write_table(rows, path)
    return int(rows.num_rows)


def _repeated_ids(spark: SparkSession, lake: Lake, paths: Sequence[str], tasks: int) -> npt.NDArray[np.int64]:
    """The hashes of the ids that are in more than one row."""

    def read(path: str) -> Iterator[pa.RecordBatch]:
        for batch in lake.read_table(path, ["transaction_id"]).to_batches():
            yield pa.RecordBatch.from_arrays([_hashed(batch.column(0))], schema=_ID_ARROW)

    ids = spread(spark, paths, read, _ID_ARROW).repartition(max(1, tasks), "id")
    found = ids.groupBy("id").count().where("count > 1").select("id").toArrow()
    return np.asarray(found["id"].to_numpy(), dtype=np.int64)


def _rows_of(
    definitions: Definitions,
    spark: SparkSession,
    lake: Lake,
    paths: Sequence[str],
    suspects: npt.NDArray[np.int64],
) -> pa.Table:
    """The rows with these ids, in the order of each partition's log."""
    wanted = spark.sparkContext.broadcast(pa.array(suspects))
    columns = input_arrow(definitions)
    with_file = columns.append(pa.field(_FILE, pa.string()))

    def read(path: str) -> Iterator[pa.RecordBatch]:
        rows = lake.read_rows(path, columns)
        rows = rows.filter(pc.is_in(_hashed(rows["transaction_id"]), value_set=wanted.value))
        rows = rows.append_column(_FILE, pa.array([path] * rows.num_rows, pa.string()))
        yield from rows.to_batches()

    found = spread(spark, paths, read, with_file).toArrow().cast(with_file)
    return found.sort_by([("partition", "ascending"), ("offset", "ascending")])


def _by_partition(rows: pa.Table, events: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """The outcome of each row in its partition; the rows are in the order of the log."""
    partitions, outcomes = rows["partition"].to_numpy(), np.empty(rows.num_rows, dtype=np.uint8)
    for partition in np.unique(partitions):
        here = partitions == partition
        outcomes[here] = IdIndex().process(events[here])
    return outcomes


def _used_in_other_partition(
    rows: pa.Table, events: npt.NDArray[np.void], counts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Rows accepted in their partition whose id an earlier row of another partition has."""
    keys = (rows["offset"].to_numpy(), rows["partition"].to_numpy(), events["timestamp"])
    order = np.lexsort(keys)
    order = order[counts[order]]
    found = np.zeros(len(events), dtype=np.bool_)
    found[order] = IdIndex().process(events[order]) != ACCEPTED
    return found


def _rejected(rows: pa.Table, conflicts: npt.NDArray[np.bool_], elsewhere: npt.NDArray[np.bool_]) -> pa.Table:
    parts = [
        rows.filter(pa.array(chosen)).select(REUSED_ARROW.names[:-1]).append_column(
            "reason", pa.array([reason] * int(chosen.sum()), pa.string())
        ).cast(REUSED_ARROW)
        for chosen, reason in ((conflicts, _CONFLICT_REASON), (elsewhere, _OTHER_PARTITION_REASON))
    ]  # fmt: skip
    return pa.concat_tables(parts)


def _hashed(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    hashes = np.array([hash_identifier(text) for text in texts.to_pylist()], dtype=np.uint64)
    return pa.array(hashes.view(np.int64))
