"""Files of transactions and of labels, chunk by chunk, in the fields of the schema.

Replay, backtest and inspection read files with these classes, so that their results agree. With a rule of
cards, pseudonyms stand for card numbers in what they give; inspection keeps nothing, so has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field
from producer.inspection.suspicions import Suspicion, suspicions_of
from producer.label_fields import IS_FRAUD, LABEL_FIELDS
from producer.replay.files.source import Chunk, RecordSource
from producer.replay.mapping.assumptions import recognise_units, with_defaults
from producer.replay.mapping.columns import FieldSource, require_columns, resolve
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.card_columns import CardColumns
from producer.replay.rows.conform import (
    RowPositions,
    conform_fraud_flags,
    conform_labels,
    conform_transactions,
    transaction_ids,
)
from producer.replay.rows.findings import Findings
from producer.replay.rows.repeated_ids import RepeatedIdCounter


@dataclass
class ReadingRemarks:
    """What the user should know of how a file was read."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refunds: int = 0
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, findings: Findings, chunk: Chunk, source: RecordSource) -> None:
        """Count what a batch had."""
        self.refunds += findings.refunds
        for name, reasons in findings.left_out.items():
            count, example = self.left_out.get(name, (0, ""))
            if not example and reasons:
                row = min(reasons)
                example = f"{source.describe_position(int(chunk.positions[row]))}: {reasons[row]}"
            self.left_out[name] = (count + len(reasons), example)

    def sentences(self) -> list[str]:
        """The warnings, one text each."""
        found = list(self.warnings)
        if self.refunds:
            found.append(
                f"{self.refunds:,} rows are refunds (amounts below 0): they are rejected, since the "
                "definitions do not say `refunds: true` of amount"
            )
        for name, (count, example) in self.left_out.items():
            found.append(
                f"{name} is left out of {count:,} rows, which count without it; {example}; map what it "
                f"says with "
                f"`values`, or leave it out with `{name}: null`"
            )
        return found


@dataclass(frozen=True)
class ConformedChunk:
    """A chunk in the fields of the schema (n rows each); `good` marks the accepted rows.

    `fraud_flags` are labels in a column of the transactions (booleans), null where there is none.
    """

    rows: pa.RecordBatch
    findings: Findings
    good: pa.Array
    fraud_flags: pa.Array | None = None


class TransactionFileReader:
    """Conforms the chunks of a file of transactions, in their order.

    Attributes:
        columns: which column feeds which field; units of times are known after the first chunk.
        remarks: what was assumed.
        suspicions: what the first chunk shows.
        ids: the identifiers of all good rows.
        read: the count of rows so far.

    Raises:
        DataError: a field that is needed has no column.
    """

    def __init__(
        self,
        definitions: Definitions,
        source: RecordSource,
        mapping: dict[str, FieldSource],
        limits: AdmissionLimits,
        stem: str,
        *,
        has_label_file: bool,
        cards: CardRule | None,
    ) -> None:
        self.columns, self.remarks = _transaction_columns(
            definitions, source, mapping, has_label_file=has_label_file
        )
        self.suspicions: list[Suspicion] = []
        self.ids = RepeatedIdCounter()
        self.read = 0
        self._definitions, self._limits, self._stem = definitions, limits, stem
        self._cards = None if cards is None else CardColumns(cards, definitions.fields)

    @property
    def has_fraud_flags(self) -> bool:
        """Whether the transactions have a column of labels."""
        return IS_FRAUD in self.columns

    def conform(self, chunk: Chunk) -> ConformedChunk:
        """The next rows."""
        if not self.read:
            self.columns = _with_units(self.columns, chunk, self._definitions.fields, self.remarks)
        position = RowPositions(chunk.positions, self._stem)
        rows, findings = conform_transactions(
            self._definitions, chunk.rows, self.columns, self._limits, position
        )
        fraud_flags = None
        if self.has_fraud_flags:
            fraud_flags = conform_fraud_flags(chunk.rows, self.columns[IS_FRAUD], findings)
        if not self.read:
            good = pa.array(findings.good())
            chosen = fraud_flags.filter(good) if fraud_flags is not None else None
            self.suspicions = suspicions_of(self._definitions, rows.filter(good), chosen)
        if self._cards is not None:
            rows = self._without_card_numbers(self._cards, chunk, rows, findings)
        found = ConformedChunk(rows, findings, pa.array(findings.good()), fraud_flags)
        self.ids.add(rows["transaction_id"].filter(found.good))
        self.read += len(rows)
        return found

    def _without_card_numbers(
        self, cards: CardColumns, chunk: Chunk, rows: pa.RecordBatch, findings: Findings
    ) -> pa.RecordBatch:
        """Conformed rows with pseudonyms; a row's hash is made of its pseudonyms, too."""
        if self.columns.get("transaction_id", FieldSource()).row == "hash":
            source, position = cards.clean_source(chunk.rows), RowPositions(chunk.positions, self._stem)
            hashed = transaction_ids(self._definitions, source, self.columns, position)
            rows = rows.set_column(rows.schema.get_field_index("transaction_id"), "transaction_id", hashed)
        return cards.clean_fields(rows, findings)

    def only_ids(self, chunk: Chunk) -> None:
        """Take the identifiers of the next rows and nothing else; the first rows were conformed."""
        position = RowPositions(chunk.positions, self._stem)
        self.ids.add(transaction_ids(self._definitions, chunk.rows, self.columns, position))


class LabelFileReader:
    """Conforms the chunks of a file of labels, in order; attributes are those of `TransactionFileReader`.

    Raises:
        DataError: a field that is needed has no column.
    """

    def __init__(
        self, source: RecordSource, mapping: dict[str, FieldSource], earliest: int, cards: CardRule | None
    ) -> None:
        self.columns, self.remarks = _label_columns(source, mapping)
        self._cards = None if cards is None else CardColumns(cards, LABEL_FIELDS)
        self.read = 0
        self._earliest = earliest

    def conform(self, chunk: Chunk) -> ConformedChunk:
        """The next rows."""
        if not self.read:
            self.columns = _with_units(self.columns, chunk, LABEL_FIELDS, self.remarks)
        rows, findings = conform_labels(chunk.rows, self.columns, self._earliest)
        rows = rows if self._cards is None else self._cards.clean_fields(rows, findings)
        self.read += len(rows)
        return ConformedChunk(rows, findings, pa.array(findings.good()))


def _with_units(
    columns: dict[str, FieldSource], chunk: Chunk, fields: Sequence[Field], remarks: ReadingRemarks
) -> dict[str, FieldSource]:
    recognised = recognise_units(columns, chunk.rows, fields)
    remarks.notes += recognised.notes
    return recognised.columns


def _transaction_columns(
    definitions: Definitions,
    source: RecordSource,
    mapping: dict[str, FieldSource],
    *,
    has_label_file: bool,
) -> tuple[dict[str, FieldSource], ReadingRemarks]:
    """Which column feeds which field of transactions, and what was assumed for that.

    Raises:
        DataError: a field that is needed has none.
    """
    flags = [one for one in LABEL_FIELDS if one.name == IS_FRAUD and not has_label_file]
    columns = resolve(mapping, source.columns, [*definitions.fields, *flags])
    required = [one.name for one in definitions.fields if not one.is_optional]
    needed = [name for name in required if name not in ("transaction_id", "currency")]
    advice = ", or have it proposed by `fraud inspect FILE --write mapping.yaml`"
    if any(name not in columns for name in needed):
        needed = required
    require_columns(columns, source.columns, needed, "the file of transactions", advice)
    assumed = with_defaults(columns, source.columns, has_label_file=has_label_file)
    return assumed.columns, ReadingRemarks([*source.about.notes, *assumed.notes])


def _label_columns(
    source: RecordSource, mapping: dict[str, FieldSource]
) -> tuple[dict[str, FieldSource], ReadingRemarks]:
    """Which column feeds which field of labels.

    Raises:
        DataError: a field that is needed has none.
    """
    present = {
        name: one for name, one in mapping.items() if set(one.needs()) <= set(source.columns) and not one.row
    }
    columns = resolve(present, source.columns, LABEL_FIELDS)
    advice = "; those of this file alone belong under `labels:`"
    require_columns(columns, source.columns, ("transaction_id", IS_FRAUD), "the file of labels", advice)
    return columns, ReadingRemarks(list(source.about.notes))
