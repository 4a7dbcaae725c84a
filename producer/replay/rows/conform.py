"""Source rows as transactions and labels, checked against the bounds and limits that serving uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import Field, FieldType
from fraud.schema import LABEL_ARROW
from producer.label_fields import IS_FRAUD, LABEL_FIELDS, LABEL_NAMES, LABEL_SOURCES
from producer.replay.forms.texts import clean_text, source_column
from producer.replay.mapping.columns import FieldSource
from producer.replay.rows.admission_limits import AdmissionLimits, check_amounts, check_times
from producer.replay.rows.field_values import FieldReader
from producer.replay.rows.findings import Findings
from producer.transaction_schema import transaction_schema

LABEL_ROWS = pa.schema([LABEL_ARROW.field(name).with_nullable(True) for name in LABEL_NAMES])
"""A label as it was read: card, time and source may be missing, and are taken from the transaction then."""

_CHOICES = {"source": LABEL_SOURCES}


@dataclass(frozen=True)
class RowPositions:
    """Positions of a batch's rows in the file, and the stem of the file's name."""

    positions: npt.NDArray[np.int64] | None = None
    stem: str = "row"


def conform_transactions(
    definitions: Definitions,
    rows: pa.RecordBatch,
    columns: Mapping[str, FieldSource],
    limits: AdmissionLimits,
    position: RowPositions | None = None,
) -> tuple[pa.RecordBatch, Findings]:
    """The rows in `transaction_schema`, in their order, and the findings.

    A wrong value of a field that is optional is left out; any other rejects its row.
    """
    findings = Findings(len(rows))
    schema = transaction_schema(definitions)
    work = _Conformer(rows, columns, findings, schema, position or RowPositions())
    currencies = work.conform(definitions.field_by_name["currency"])
    found = {"currency": currencies}
    # Amounts come last, since their other faults are better explained.
    for one in sorted(definitions.fields, key=lambda one: one.type is FieldType.MONEY):
        if one.name not in found:
            found[one.name] = work.conform(one, currencies, is_strict=not one.is_optional)
    check_amounts(
        found["amount"],
        work.source("amount"),
        currencies,
        limits,
        findings,
        allows_refunds=definitions.field_by_name["amount"].allows_refunds,
    )
    check_times("timestamp", found["timestamp"], limits.earliest, limits.latest, findings)
    return pa.record_batch([found[name] for name in schema.names], names=schema.names), findings


def conform_labels(
    rows: pa.RecordBatch, columns: Mapping[str, FieldSource], earliest: int = 0
) -> tuple[pa.RecordBatch, Findings]:
    """The rows in `LABEL_ROWS`, in their order, and the findings."""
    findings = Findings(len(rows))
    work = _Conformer(rows, columns, findings, LABEL_ROWS, choices=_CHOICES)
    found = {one.name: work.conform(one) for one in LABEL_FIELDS}
    check_times("reported_at", found["reported_at"], earliest, None, findings)
    return pa.record_batch([found[name] for name in LABEL_NAMES], schema=LABEL_ROWS), findings


def transaction_ids(
    definitions: Definitions, rows: pa.RecordBatch, columns: Mapping[str, FieldSource], position: RowPositions
) -> pa.Array:
    """The identifiers alone (strings), null where there is none."""
    source = source_column(rows, columns["transaction_id"], position.positions, position.stem)
    return clean_text(source, definitions.field_by_name["transaction_id"])


def conform_fraud_flags(rows: pa.RecordBatch, origin: FieldSource, findings: Findings) -> pa.Array:
    """Labels in a column of the transactions (booleans); empty is null, an unreadable one rejects its row."""
    flag = Field(IS_FRAUD, FieldType.BOOLEAN, (IS_FRAUD,), is_optional=True)
    return _Conformer(rows, {IS_FRAUD: origin}, findings, LABEL_ROWS).conform(flag)


@dataclass(frozen=True)
class _Conformer:
    """A batch that is being conformed; `choices` are of fields that hold one of a few words."""

    rows: pa.RecordBatch
    columns: Mapping[str, FieldSource]
    findings: Findings
    schema: pa.Schema
    position: RowPositions = RowPositions()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def source(self, name: str) -> pa.Array:
        """A field's values as the file and the mapping give them."""
        origin = self.columns.get(name, FieldSource())
        return source_column(self.rows, origin, self.position.positions, self.position.stem)

    def conform(self, one: Field, currencies: pa.Array | None = None, *, is_strict: bool = True) -> pa.Array:
        """A field's values; a wrong one rejects its row if the field is strict, and is left out if not."""
        if one.is_optional and one.name not in self.columns:
            return pa.nulls(len(self.rows), self.schema.field(one.name).type)
        origin = self.columns.get(one.name, FieldSource())
        reader = FieldReader(one, origin, self.source(one.name), currencies, self.choices.get(one.name, ()))
        column = reader.read()
        reasons = reader.found.reasons
        if not reasons:
            return column
        if is_strict:
            for row, reason in reasons.items():
                self.findings.reasons.setdefault(row, reason)
            return column
        wrong = ~reader.found.good()
        self.findings.omit(one.name, wrong, lambda row: reasons[row])
        return pc.if_else(pa.array(wrong), None, column)
