"""The first pass over the files: every row is read and judged, the good ones are kept on disk in place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.errors import DataError
from producer.inspection.suspicions import require_sane
from producer.replay.files.opening import Chunk, Source
from producer.replay.mapping.columns import Origin
from producer.replay.rows.conform import TRANSACTION_ROWS, Findings, Limits
from producer.replay.rows.labels import DEFAULT_SOURCE, PLACED_LABELS
from producer.replay.staging.rejected_rows import Rejects
from producer.replay.staging.staging_file import Rows, Spool, SpoolWriter
from producer.replay.walk import LabelWalk, Remarks, TransactionWalk

Count = Callable[[int], object]
"""Told how many rows have been read so far."""


@dataclass(frozen=True)
class Survey:
    """The good transactions of a file and the labels that stood beside them."""

    transactions: Spool
    labels: Spool | None
    remarks: Remarks = field(default_factory=Remarks)


def time_order(times: npt.NDArray[np.int64]) -> Rows | None:
    """Row numbers in order of time, equal times as they stood; None if they are in order already."""
    if (times[1:] >= times[:-1]).all():
        return None
    return np.argsort(times, kind="stable")


def survey_transactions(
    source: Source,
    mapping: dict[str, Origin],
    limits: Limits,
    label_delay: timedelta | None,
    folder: Path,
    rejects: Rejects,
    count: Count,
    stem: str = "row",
) -> Survey:
    """Read and judge a file of transactions; what is good of it is kept in `folder`.

    Verdicts beside the transactions become labels reported `label_delay` later; None ignores them.

    Raises:
        DataError: a column is missing, the file is broken, or its beginning shows that values are damaged.
    """
    walk = TransactionWalk(source, mapping, limits, stem, has_label_file=label_delay is None)
    transactions = SpoolWriter(folder / "transactions.arrow", TRANSACTION_ROWS)
    labels = SpoolWriter(folder / "labels.arrow", PLACED_LABELS) if walk.has_verdicts else None
    for chunk in source.chunks(rejects.add):
        is_first = not walk.read
        found = walk.conform(chunk)
        if is_first:
            walk.remarks.warnings += require_sane(walk.suspicions, DataError)
        if labels and found.verdicts is not None and label_delay is not None:
            beside = _labels_beside(found.rows, found.verdicts, chunk, label_delay)
            labels.append(beside.filter(pc.and_(found.good, found.verdicts.is_valid())))
        transactions.append(found.rows.filter(found.good))
        walk.remarks.add(found.findings, chunk, source)
        _put_aside(chunk, found.findings, rejects)
        count(walk.read)
    walk.remarks.warnings += walk.ids.warnings()
    return Survey(transactions.close(), labels.close() if labels else None, walk.remarks)


def survey_labels(
    source: Source,
    mapping: dict[str, Origin],
    folder: Path,
    rejects: Rejects,
    count: Count,
    earliest: int = 0,
) -> tuple[Spool, Remarks]:
    """Read and judge a file of labels; what is good of it is kept in `folder`.

    Raises:
        DataError: a column is missing, or the file is broken.
    """
    walk = LabelWalk(source, mapping, earliest)
    labels = SpoolWriter(folder / "labels.arrow", PLACED_LABELS)
    for chunk in source.chunks(rejects.add):
        found = walk.conform(chunk)
        placed = found.rows.append_column(PLACED_LABELS.field("place"), pa.array(chunk.places))
        labels.append(placed.filter(found.good))
        _put_aside(chunk, found.findings, rejects)
        count(walk.read)
    return labels.close(), walk.remarks


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
