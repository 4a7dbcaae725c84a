"""The first pass over the files: every row is read and judged, the good ones are kept on disk in place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from producer.replay.conforming import (
    TRANSACTION_ROWS,
    Findings,
    Limits,
    conform_labels,
    conform_transactions,
    conform_verdicts,
)
from producer.replay.labels import DEFAULT_SOURCE, PLACED_LABELS
from producer.replay.mapping import (
    LABEL_FIELDS,
    REQUIRED_FIELDS,
    TRANSACTION_FIELDS,
    VERDICT,
    Columns,
    require_columns,
    resolve,
)
from producer.replay.reading import Chunk, Source
from producer.replay.rejects import Rejects
from producer.replay.spool import Rows, Spool, SpoolWriter

Count = Callable[[int], object]
"""Told how many rows have been read so far."""


@dataclass(frozen=True)
class Survey:
    """The good transactions of a file and the labels that stood beside them."""

    transactions: Spool
    labels: Spool | None


def time_order(times: npt.NDArray[np.int64]) -> Rows | None:
    """Row numbers in order of time, equal times as they stood; None if they are in order already."""
    if (times[1:] >= times[:-1]).all():
        return None
    return np.argsort(times, kind="stable")


def survey_transactions(
    source: Source,
    mapping: Columns,
    limits: Limits,
    label_delay: timedelta | None,
    folder: Path,
    rejects: Rejects,
    count: Count,
) -> Survey:
    """Read and judge a file of transactions; what is good of it is kept in `folder`.

    Verdicts beside the transactions become labels reported `label_delay` later; None ignores them.

    Raises:
        DataError: a column is missing, or the file is broken.
    """
    fields = TRANSACTION_FIELDS if label_delay is None else (*TRANSACTION_FIELDS, VERDICT)
    columns = resolve(mapping, source.columns, fields)
    require_columns(columns, source.columns, REQUIRED_FIELDS, "the file of transactions")
    transactions = SpoolWriter(folder / "transactions.arrow", TRANSACTION_ROWS)
    labels = SpoolWriter(folder / "labels.arrow", PLACED_LABELS) if VERDICT in columns else None
    read = 0
    for chunk in source.chunks(rejects.add):
        rows, findings = conform_transactions(chunk.rows, columns, limits)
        if labels and label_delay is not None:
            verdicts = conform_verdicts(chunk.rows, columns[VERDICT], findings)
            told = pc.and_(pa.array(findings.good()), verdicts.is_valid())
            labels.append(_labels_beside(rows, verdicts, chunk, label_delay).filter(told))
        transactions.append(rows.filter(pa.array(findings.good())))
        _put_aside(chunk, findings, rejects)
        read += len(rows)
        count(read)
    return Survey(transactions.close(), labels.close() if labels else None)


def survey_labels(source: Source, mapping: Columns, folder: Path, rejects: Rejects, count: Count) -> Spool:
    """Read and judge a file of labels; what is good of it is kept in `folder`.

    Raises:
        DataError: a column is missing, or the file is broken.
    """
    present = {
        name: one for name, one in mapping.items() if one.column is None or one.column in source.columns
    }
    columns = resolve(present, source.columns, LABEL_FIELDS)
    require_columns(columns, source.columns, ("transaction_id", VERDICT), "the file of labels")
    labels = SpoolWriter(folder / "labels.arrow", PLACED_LABELS)
    read = 0
    for chunk in source.chunks(rejects.add):
        rows, findings = conform_labels(chunk.rows, columns)
        placed = rows.append_column(PLACED_LABELS.field("place"), pa.array(chunk.places))
        labels.append(placed.filter(pa.array(findings.good())))
        _put_aside(chunk, findings, rejects)
        read += len(rows)
        count(read)
    return labels.close()


def _labels_beside(
    rows: pa.RecordBatch, verdicts: pa.Array, chunk: Chunk, delay: timedelta
) -> pa.RecordBatch:
    reported = pc.add(rows["timestamp"], int(delay.total_seconds() * 1_000))
    sources = pa.repeat(DEFAULT_SOURCE, len(rows))
    columns = [rows["transaction_id"], rows["card_id"], verdicts, reported, sources, pa.array(chunk.places)]
    return pa.RecordBatch.from_arrays(columns, schema=PLACED_LABELS)


def _put_aside(chunk: Chunk, findings: Findings, rejects: Rejects) -> None:
    rows = sorted(findings.reasons)
    originals = chunk.rows.take(pa.array(rows, pa.int64())).to_pylist()
    for row, original in zip(rows, originals, strict=True):
        rejects.add(int(chunk.places[row]), findings.reasons[row], list(original.values()))
