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
from producer.inspection.suspicions import require_sane, suspicions_of
from producer.replay.conforming import (
    TRANSACTION_ROWS,
    Findings,
    Limits,
    Place,
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
    Origin,
    require_columns,
    resolve,
)
from producer.replay.reading import Chunk, Source
from producer.replay.recognise import recognise_units, with_defaults
from producer.replay.rejects import Rejects
from producer.replay.spool import Rows, Spool, SpoolWriter

Count = Callable[[int], object]
"""Told how many rows have been read so far."""


@dataclass
class Remarks:
    """What people should know of how a file was read."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refunds: int = 0
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, findings: Findings, chunk: Chunk, source: Source) -> None:
        """Count what a batch had."""
        self.refunds += findings.refunds
        for name, reasons in findings.left_out.items():
            count, example = self.left_out.get(name, (0, ""))
            if not example and reasons:
                row = min(reasons)
                example = f"{source.name_place(int(chunk.places[row]))}: {reasons[row]}"
            self.left_out[name] = (count + len(reasons), example)

    def sentences(self) -> list[str]:
        """The warnings, one sentence each."""
        found = list(self.warnings)
        if self.refunds:
            found.append(
                f"{self.refunds:,} rows are refunds (amounts below 0): they are written aside, since a "
                f"refund is no payment"
            )
        for name, (count, example) in self.left_out.items():
            found.append(
                f"{name} is left out of {count:,} rows, which count without it; {example}; map what it "
                f"says with "
                f"`values`, or leave it out with `{name}: null`"
            )
        return found


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
    columns, remarks = transaction_columns(source, mapping, has_label_file=label_delay is None)
    transactions = SpoolWriter(folder / "transactions.arrow", TRANSACTION_ROWS)
    labels = SpoolWriter(folder / "labels.arrow", PLACED_LABELS) if VERDICT in columns else None
    read = 0
    for chunk in source.chunks(rejects.add):
        columns = columns if read else _with_units(columns, chunk, remarks)
        rows, findings = conform_transactions(chunk.rows, columns, limits, Place(chunk.places, stem))
        verdicts = None
        if labels and label_delay is not None:
            verdicts = conform_verdicts(chunk.rows, columns[VERDICT], findings)
            told = pc.and_(pa.array(findings.good()), verdicts.is_valid())
            labels.append(_labels_beside(rows, verdicts, chunk, label_delay).filter(told))
        good = pa.array(findings.good())
        if not read:
            remarks.warnings += _checked(
                rows.filter(good), verdicts.filter(good) if verdicts is not None else None
            )
        transactions.append(rows.filter(good))
        remarks.add(findings, chunk, source)
        _put_aside(chunk, findings, rejects)
        read += len(rows)
        count(read)
    return Survey(transactions.close(), labels.close() if labels else None, remarks)


def transaction_columns(
    source: Source, mapping: dict[str, Origin], *, has_label_file: bool
) -> tuple[dict[str, Origin], Remarks]:
    """Which column feeds which field of transactions, and what was assumed for that.

    Raises:
        DataError: a field that is needed has none.
    """
    fields = TRANSACTION_FIELDS if has_label_file else (*TRANSACTION_FIELDS, VERDICT)
    columns = resolve(mapping, source.columns, fields)
    needed = [name for name in REQUIRED_FIELDS if name not in ("transaction_id", "currency")]
    advice = ", or have it proposed by `fraud inspect FILE --write mapping.yaml`"
    if any(name not in columns for name in needed):
        needed = list(REQUIRED_FIELDS)
    require_columns(columns, source.columns, needed, "the file of transactions", advice)
    assumed = with_defaults(columns, source.columns, has_label_file=has_label_file)
    return assumed.columns, Remarks([*source.about.notes, *assumed.notes])


def _with_units(columns: dict[str, Origin], chunk: Chunk, remarks: Remarks) -> dict[str, Origin]:
    recognised = recognise_units(columns, chunk.rows)
    remarks.notes += recognised.notes
    return recognised.columns


def _checked(rows: pa.RecordBatch, verdicts: pa.Array | None) -> list[str]:
    return require_sane(suspicions_of(rows, verdicts), DataError)


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
    columns, remarks = label_columns(source, mapping)
    labels = SpoolWriter(folder / "labels.arrow", PLACED_LABELS)
    read = 0
    for chunk in source.chunks(rejects.add):
        columns = columns if read else _with_units(columns, chunk, remarks)
        rows, findings = conform_labels(chunk.rows, columns, earliest)
        placed = rows.append_column(PLACED_LABELS.field("place"), pa.array(chunk.places))
        labels.append(placed.filter(pa.array(findings.good())))
        _put_aside(chunk, findings, rejects)
        read += len(rows)
        count(read)
    return labels.close(), remarks


def label_columns(source: Source, mapping: dict[str, Origin]) -> tuple[dict[str, Origin], Remarks]:
    """Which column feeds which field of labels.

    Raises:
        DataError: a field that is needed has none.
    """
    present = {
        name: one for name, one in mapping.items() if set(one.needs()) <= set(source.columns) and not one.row
    }
    columns = resolve(present, source.columns, LABEL_FIELDS)
    advice = "; those of this file alone belong under `labels:`"
    require_columns(columns, source.columns, ("transaction_id", VERDICT), "the file of labels", advice)
    return columns, Remarks(list(source.about.notes))


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
