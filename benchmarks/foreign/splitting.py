"""A user's history cut in time: what is learnt from, and the pieces that are served."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraud.errors import DataError
from fraud.features.spec import DAY_MS
from producer.replay.rows.values import as_millis

_FOR_EVER = 1 << 60


@dataclass(frozen=True)
class Part:
    """The files of a piece of the history."""

    transactions: Path
    labels: Path


def cut(transactions: Path, labels: Path, until: int, days: int, folder: Path) -> list[Part]:
    """Cut both files at `until` (ms) and every so many days after it; 0 days leave the rest whole.

    The first part has the labels reported before `until`; the others have all of their transactions' labels,
    whose time of reporting keeps them from being known too early.

    Raises:
        DataError: nothing is before `until`, or nothing after.
    """
    folder.mkdir()
    whole, verdicts = pq.read_table(transactions), pq.read_table(labels)
    times, reported = _times(whole["timestamp"]), _times(verdicts["reported_at"])
    bounds = np.arange(until, times.max() + 1, days * DAY_MS or _FOR_EVER)
    numbers = np.searchsorted(bounds, times, side="right")
    if numbers.min() > 0 or numbers.max() == 0:
        raise DataError("all transactions are on one side of --until; choose a day within their history")
    parts = []
    for number in np.unique(numbers):
        part = Part(folder / f"transactions-{number}.parquet", folder / f"labels-{number}.parquet")
        rows = whole.filter(pa.array(numbers == number))
        theirs = pc.is_in(verdicts["transaction_id"], value_set=rows["transaction_id"].combine_chunks())
        known = pa.array((reported < until) | (number > 0))
        pq.write_table(rows, part.transactions)
        pq.write_table(verdicts.filter(pc.and_(theirs, known)), part.labels)
        parts.append(part)
    return parts


def _times(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    times: npt.NDArray[np.int64] = as_millis(column.combine_chunks(), None).to_numpy()
    return times
