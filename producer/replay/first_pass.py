"""The first pass over the files: every row is read and checked, accepted rows are staged on disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.errors import DataError
from producer.inspection.suspicions import require_sane
from producer.replay.files.opening import Chunk, RecordSource
from producer.replay.files.source import BATCH_ROWS
from producer.replay.mapping.columns import FieldSource
from producer.replay.readers import LabelFileReader, ReadingRemarks, TransactionFileReader
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.findings import Findings
from producer.replay.rows.labels import DEFAULT_SOURCE, LABELS_WITH_POSITION
from producer.replay.staging.rejected_rows import RejectedRows
from producer.replay.staging.staging_file import Rows, StagingFile, StagingWriter
from producer.transaction_schema import transaction_schema

Count = Callable[[int], object]
"""Called with how many rows have been read so far."""


@dataclass(frozen=True)
class StagedTransactions:
    """The good transactions of a file and the labels that stood beside them."""

    transactions: StagingFile
    labels: StagingFile | None
    remarks: ReadingRemarks = field(default_factory=ReadingRemarks)


def time_order(times: npt.NDArray[np.int64]) -> Rows | None:
    """Row numbers in order of time, equal times as they stood; None if they are in order already."""
    if (times[1:] >= times[:-1]).all():
        return None
    return np.argsort(times, kind="stable")


def read_transactions(
    definitions: Definitions,
    source: RecordSource,
    mapping: dict[str, FieldSource],
    limits: AdmissionLimits,
    label_delay: timedelta | None,
    folder: Path,
    rejected: RejectedRows,
    count: Count,
    cards: CardRule,
    stem: str = "row",
) -> StagedTransactions:
    """Read and check a file of transactions; accepted rows are staged in `folder`.

    Labels in a column of the transactions are reported `label_delay` later; None ignores them.

    Raises:
        DataError: a column is missing, the file is broken, or its beginning shows that values are damaged.
        ConfigurationError: it holds card numbers, and there is no key.
    """
    reader = TransactionFileReader(
        definitions, source, mapping, limits, stem, has_label_file=label_delay is None, cards=cards
    )
    transactions = StagingWriter(folder / "transactions.arrow", transaction_schema(definitions))
    labels = StagingWriter(folder / "labels.arrow", LABELS_WITH_POSITION) if reader.has_fraud_flags else None
    for chunk in source.chunks(rejected.add):
        is_first = not reader.read
        found = reader.conform(chunk)
        if is_first:
            reader.remarks.warnings += require_sane(reader.suspicions, DataError)
        if labels and found.fraud_flags is not None and label_delay is not None:
            beside = _labels_beside(found.rows, found.fraud_flags, chunk, label_delay)
            labels.append(beside.filter(pc.and_(found.good, found.fraud_flags.is_valid())))
        transactions.append(found.rows.filter(found.good))
        reader.remarks.add(found.findings, chunk, source)
        _reject_rows(chunk, found.findings, rejected)
        count(reader.read)
    _refuse_late_columns(definitions, source)
    reader.remarks.warnings += reader.ids.warnings()
    return StagedTransactions(transactions.close(), labels.close() if labels else None, reader.remarks)


def read_labels(
    source: RecordSource,
    mapping: dict[str, FieldSource],
    folder: Path,
    rejected: RejectedRows,
    count: Count,
    cards: CardRule,
    earliest: int = 0,
) -> tuple[StagingFile, ReadingRemarks]:
    """Read and check a file of labels; accepted rows are staged in `folder`.

    Raises:
        DataError: a column is missing, or the file is broken.
        ConfigurationError: it holds card numbers, and there is no key.
    """
    reader = LabelFileReader(source, mapping, earliest, cards)
    labels = StagingWriter(folder / "labels.arrow", LABELS_WITH_POSITION)
    for chunk in source.chunks(rejected.add):
        found = reader.conform(chunk)
        with_position = found.rows.append_column(
            LABELS_WITH_POSITION.field("position"), pa.array(chunk.positions)
        )
        labels.append(with_position.filter(found.good))
        _reject_rows(chunk, found.findings, rejected)
        count(reader.read)
    return labels.close(), reader.remarks


def _refuse_late_columns(definitions: Definitions, source: RecordSource) -> None:
    """Values of declared fields are never left behind in silence."""
    wanted = {name for field in definitions.fields for name in (".".join(field.path), field.name)}
    late = sorted(source.about.late_columns.keys() & wanted)
    if late:
        where = source.describe_position(source.about.late_columns[late[0]])
        raise DataError(
            f"the field {late[0]} comes first in {where}, and columns are found in the first "
            f"{BATCH_ROWS:,} rows: let the first row have it, if only as null"
        )


def _labels_beside(
    rows: pa.RecordBatch, fraud_flags: pa.Array, chunk: Chunk, delay: timedelta
) -> pa.RecordBatch:
    reported = pc.add(rows["timestamp"], int(delay.total_seconds() * 1_000))
    sources = pa.repeat(DEFAULT_SOURCE, len(rows))
    columns = [
        rows["transaction_id"],
        rows["card_id"],
        fraud_flags,
        reported,
        sources,
        pa.array(chunk.positions),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LABELS_WITH_POSITION)


def _reject_rows(chunk: Chunk, findings: Findings, rejected: RejectedRows) -> None:
    rows = sorted(findings.reasons)
    originals = chunk.rows.take(pa.array(rows, pa.int64())).to_pylist()
    for row, original in zip(rows, originals, strict=True):
        rejected.add(int(chunk.positions[row]), findings.reasons[row], list(original.values()))
