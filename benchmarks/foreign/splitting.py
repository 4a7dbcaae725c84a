"""A user's history split by time: the part for training, and the pieces that are served."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from producer.replay.rows.values import as_millis

_NO_LIMIT = 1 << 60


@dataclass(frozen=True)
class Part:
    """The files of a piece of the history."""

    transactions: Path
    labels: Path


def cut(transactions: Path, labels: Path, until: int, days: int, folder: Path) -> list[Part]:
    """Cut both files at `until` (ms) and every so many days after it; 0 days leave the rest whole.

    The first part has the labels reported before `until`; the others have all labels of their
    transactions; the time of reporting of a label decides from when on it is known.

    Raises:
        DataError: nothing is before `until`, or nothing after.
    """
    folder.mkdir()
    whole, all_labels = pq.read_table(transactions), pq.read_table(labels)
    times, reported = _times(whole["timestamp"]), _times(all_labels["reported_at"])
    bounds = np.arange(until, times.max() + 1, days * DAY_MS or _NO_LIMIT)
    numbers = np.searchsorted(bounds, times, side="right")
    if numbers.min() > 0 or numbers.max() == 0:
        raise DataError("all transactions are on one side of --until; choose a day within their history")
    parts = []
    for number in np.unique(numbers):
        part = Part(folder / f"transactions-{number}.parquet", folder / f"labels-{number}.parquet")
        rows = whole.filter(pa.array(numbers == number))
        of_part = pc.is_in(all_labels["transaction_id"], value_set=rows["transaction_id"].combine_chunks())
        known = pa.array((reported < until) | (number > 0))
        pq.write_table(rows, part.transactions)
        pq.write_table(all_labels.filter(pc.and_(of_part, known)), part.labels)
        parts.append(part)
    return parts


def _times(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    times: npt.NDArray[np.int64] = as_millis(column.combine_chunks(), None).to_numpy()
    return times
