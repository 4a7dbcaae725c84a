"""A user's files as whole tables in memory, for what looks at all of a history at once."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraud.cards.rule import CardRule
from fraud.errors import DataError
from fraud.messages.admission import max_amounts
from fraud.settings import Settings
from producer.label_fields import IS_FRAUD
from producer.replay.files.opening import RecordSource, open_source
from producer.replay.first_pass import StagedTransactions, read_labels, read_transactions, time_order
from producer.replay.forms.texts import stem_of
from producer.replay.mapping.columns import ColumnMapping, FieldSource, resolve
from producer.replay.mapping.mapping_file import read_mapping
from producer.replay.readers import ReadingRemarks
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.card_columns import rule_of_nothing_kept
from producer.replay.rows.labels import LABELS_WITH_POSITION, REPORTED_BEFORE, is_before
from producer.replay.staging.rejected_rows import RejectedRows
from producer.replay.staging.remedies import no_label_of, no_transaction_of
from producer.replay.staging.staging_file import StagingFile

Progress = Callable[[str, int], object]
"""Called with the current stage and how many of its rows are done."""

FRAUD_TYPE_COLUMNS = ["transaction_id", "fraud_type"]
_EARLIER_COLUMNS = ["transaction_id", "campaign"]
"""Of truth files that earlier versions wrote."""


@dataclass(frozen=True)
class Files:
    """Which files, and how to read them; `label_delay` is for labels without a time of reporting."""

    transactions: Path
    labels: Path | None = None
    columns: Path | None = None
    label_delay: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Tables:
    """What is good in the files.

    Attributes:
        transactions: in `transaction_schema`, in order of event time.
        labels: transaction_id, is_fraud, reported_at (ms), and card_id and source where the file has them.
        rejects: of each file the rows that could not be used.
        notes: what was assumed of the files.
        warnings: what is suspicious about them.
    """

    transactions: pa.Table
    labels: pa.Table
    rejected: list[RejectedRows]
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_tables(settings: Settings, files: Files, progress: Progress) -> Tables:
    """Read, check and sort a user's transactions and labels.

    Labels of transactions that were rejected go with them; others that name no transaction are kept.

    Raises:
        DataError: a file is missing or broken, or there are no labels.
    """
    mapping = ColumnMapping()
    if files.columns:
        mapping = read_mapping(settings.loaded_definitions, files.columns)
    with tempfile.TemporaryDirectory(prefix="fraud-tables-") as folder:
        read, rejected = _read_transactions(settings, files, mapping, Path(folder), progress)
        staged, rejected_of_files, notes = read.labels, list[RejectedRows]([rejected]), read.remarks.notes
        if files.labels:
            staged, unusable, remarks = _read_labels(settings, files.labels, mapping, Path(folder), progress)
            rejected_of_files.append(unusable)
            notes = notes + [f"labels: {note}" for note in remarks.notes]
        if staged is None:
            raise DataError(
                f"{files.transactions} has no column {IS_FRAUD}: give the labels with --labels, or name the "
                "column with --columns mapping.yaml"
            )
        transactions = _in_order(read.transactions)
        labels, early = _labels(staged, transactions, rejected.ids, files.label_delay)
        if files.labels and not _any_joins(labels, transactions):
            raise DataError(
                no_label_of(
                    files.labels, rejected_of_files[1], Counter({REPORTED_BEFORE: early} if early else {})
                )
            )
    warnings = read.remarks.sentences()
    if early:
        warnings.append(f"{early:,} labels are not used: {REPORTED_BEFORE}")
    return Tables(transactions, labels, rejected_of_files, notes, warnings)


def read_fraud_types(path: Path) -> pa.Table:
    """The kind of each fraud in a simulator's truth: transaction_id and fraud_type (null: none).

    Raises:
        DataError: the file (Parquet, or a folder of such files) is missing, broken or lacks a column.
    """
    try:
        try:
            return pq.read_table(path, columns=FRAUD_TYPE_COLUMNS)
        except pa.ArrowInvalid:
            return pq.read_table(path, columns=_EARLIER_COLUMNS).rename_columns(FRAUD_TYPE_COLUMNS)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is no Parquet file with the columns {' and '.join(FRAUD_TYPE_COLUMNS)}: {error}"
        ) from None


class _RejectedRowsWithIds(RejectedRows):
    """Rejects that remember the identifiers of their rows."""

    def __init__(
        self, folder: Path, name: str, source: RecordSource, origin: FieldSource, cards: CardRule
    ) -> None:
        super().__init__(folder, name, source.columns, source.position_name, source.describe_position)
        self._cards = cards
        column = origin.column
        self._column = source.columns.index(column) if column in source.columns else None
        self.ids: set[str] = set()

    def add(self, position: int, reason: str, row: Sequence[object]) -> None:
        """Write one rejected row."""
        super().add(position, reason, row)
        if self._column is not None and self._column < len(row):
            value = row[self._column]
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            self.ids.add(text if "transaction_id" in self._cards.exempt else self._cards.replace(text))


def _read_transactions(
    settings: Settings, files: Files, mapping: ColumnMapping, folder: Path, progress: Progress
) -> tuple[StagedTransactions, _RejectedRowsWithIds]:
    source, stem = open_source(files.transactions, mapping.file), stem_of(files.transactions)
    admission = settings.admission
    limits = AdmissionLimits(
        admission.earliest, int(time.time() * 1_000), admission.max_amount, max_amounts(admission)
    )
    delay = None if files.labels else files.label_delay
    count = partial(progress, "reading transactions")
    identifier = settings.loaded_definitions.field_by_name["transaction_id"]
    origin = resolve(mapping, source.columns, [identifier]).get(identifier.name, FieldSource())
    cards = rule_of_nothing_kept(settings)
    with _RejectedRowsWithIds(_rejected_folder(settings), stem, source, origin, cards) as rejected:
        read = read_transactions(
            settings.loaded_definitions, source, mapping, limits, delay, folder, rejected, count, cards, stem
        )
    if not len(read.transactions):
        raise DataError(no_transaction_of(files.transactions, rejected))
    return read, rejected


def _read_labels(
    settings: Settings, path: Path, mapping: ColumnMapping, folder: Path, progress: Progress
) -> tuple[StagingFile, RejectedRows, ReadingRemarks]:
    own = mapping.of_labels()
    source, count = open_source(path, own.file), partial(progress, "reading labels")
    with RejectedRows(
        _rejected_folder(settings),
        stem_of(path),
        source.columns,
        source.position_name,
        source.describe_position,
    ) as rejected:
        labels, remarks = read_labels(
            source, own, folder, rejected, count, rule_of_nothing_kept(settings), settings.admission.earliest
        )
    return labels, rejected, remarks


def _in_order(staged: StagingFile) -> pa.Table:
    order = time_order(staged.column("timestamp"))
    table = pa.Table.from_batches(staged.batches())
    return table.combine_chunks() if order is None else table.take(pa.array(order))


def _labels(
    staged: StagingFile, transactions: pa.Table, rejected: set[str], delay: timedelta
) -> tuple[pa.Table, int]:
    """The labels but those of rejected rows and from before their transactions; how many these are."""
    labels = pa.Table.from_batches(staged.batches(), LABELS_WITH_POSITION).combine_chunks()
    if rejected:
        gone = pc.is_in(labels["transaction_id"], pa.array(sorted(rejected), pa.string()))
        labels = labels.filter(pc.invert(gone))
    owners = pc.index_in(labels["transaction_id"], value_set=transactions["transaction_id"].combine_chunks())
    reported = labels["reported_at"]
    if reported.null_count:
        reported = pc.coalesce(reported, _assumed(owners, transactions, delay))
    names = ["transaction_id", "card_id", "is_fraud", "source"]
    table = labels.select(names).append_column("reported_at", reported)
    numbers = pc.fill_null(owners, -1).to_numpy()
    early = is_before(reported.to_numpy(), transactions["timestamp"].to_numpy(), numbers)
    return table.filter(pa.array(~early)), int(early.sum())


def _any_joins(labels: pa.Table, transactions: pa.Table) -> bool:
    known = transactions["transaction_id"].combine_chunks()
    return bool(pc.any(pc.is_in(labels["transaction_id"], value_set=known)).as_py())


def _assumed(owners: pa.ChunkedArray, transactions: pa.Table, delay: timedelta) -> pa.ChunkedArray:
    """When each label is taken to have been reported: so long after its transaction; 0 without one."""
    times = transactions["timestamp"].take(owners)
    return pc.fill_null(pc.add(times, delay // timedelta(milliseconds=1)), 0)


def _rejected_folder(settings: Settings) -> Path:
    return settings.home / "rejected"
