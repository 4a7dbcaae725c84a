"""Which files of a day have a payment, by the hash of its id, without reading the day's payments."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fraud.lake import Lake
from fraud.profiles.making.day_payments import DayPayments

Ints = npt.NDArray[np.int64]

IDS_ARROW = pa.schema([("id", pa.int64()), ("file", pa.int32())])

_GROUP_ROWS = 8_192


def write_ids(lake: Lake, path: str, payments: DayPayments) -> None:
    """Write a day's ids, sorted, so that a few of them are found by reading a few row groups."""
    order = np.argsort(payments.ids, kind="stable")
    columns = [payments.ids[order], payments.files[order].astype(np.int32)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=IDS_ARROW), sink, row_group_size=_GROUP_ROWS, compression="zstd")
    lake.write_bytes(sink.getvalue().to_pybytes(), path)


def files_with(lake: Lake, path: str, ids: Ints) -> set[int]:
    """The numbers of the day's files that have payments with any of these ids (sorted).

    Raises:
        DataError: the file of ids is missing.
    """
    if not len(ids):
        return set()
    with lake.open(path) as source:
        index = pq.ParquetFile(source)
        groups = list(_groups_with(index, ids))
        table = index.read_row_groups(groups) if groups else IDS_ARROW.empty_table()
    found = np.isin(table["id"].to_numpy(), ids)
    return set(table["file"].to_numpy()[found].tolist())


def _groups_with(index: pq.ParquetFile, ids: Ints) -> Iterator[int]:
    """The row groups between whose bounds some of the ids are."""
    for number in range(index.metadata.num_row_groups):
        bounds = index.metadata.row_group(number).column(0).statistics
        first, last = np.searchsorted(ids, bounds.min), np.searchsorted(ids, bounds.max, side="right")
        if last > first:
            yield number
