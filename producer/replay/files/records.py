"""Rows that come one by one (workbooks, JSON) as batches of text."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from producer.replay.files.source import BATCH_ROWS, Chunk

Row = tuple[int, Sequence[str | None]]


def chunks_of(columns: list[str], rows: Iterator[Row]) -> Iterator[Chunk]:
    """Batches of rows, each with its position."""
    while part := list(islice(rows, BATCH_ROWS)):
        values = zip(*(values for _, values in part), strict=True)
        arrays = [pa.array(column, pa.string()) for column in values]
        yield Chunk(
            pa.record_batch(arrays, names=columns), np.array([position for position, _ in part], np.int64)
        )


def as_written(value: Any) -> str | None:
    """A cell as text; a whole number has no decimals, a time is ISO, and nothing is null."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**63:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
