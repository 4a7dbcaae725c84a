"""Source rows as transactions and labels, checked against the admission limits that serving uses.

What a field may hold is read from the annotations of `fraud.schema`, so that a row accepted here is not
a dead letter there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct, inspect

from fraud.schema import LABEL_ARROW, TRANSACTION_ARROW, Label, Transaction, is_currency
from producer.inspection.masking import masked
from producer.replay.forms.amounts import written_amounts
from producer.replay.forms.texts import IDENTIFIERS, clean_text, may_have_exponents, source_column
from producer.replay.forms.times import read_times
from producer.replay.forms.zones import moment_of
from producer.replay.mapping.columns import (
    IS_FRAUD,
    LABEL_FIELDS,
    REQUIRED_FIELDS,
    TRANSACTION_FIELDS,
    FieldSource,
)
from producer.replay.rows.values import as_bool, as_float, as_text

TRANSACTION_ROWS = pa.schema([TRANSACTION_ARROW.field(name) for name in TRANSACTION_FIELDS])
LABEL_ROWS = pa.schema([LABEL_ARROW.field(name).with_nullable(True) for name in LABEL_FIELDS])
"""A label as it was read: card, time and source may be missing, and are taken from the transaction then."""

_SCIENTIFIC = r"^[+-]?\d+([.,]\d+)?[eE][+-]?\d+$"
_EXACT_FLOATS = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
"""From these values on, floats of so many bits skip whole numbers."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AdmissionLimits:
    """What admission accepts beyond the schema: event times in ms, amounts in minor units."""

    earliest: int
    latest: int
    max_amount: int
    max_amounts: Mapping[str, int] = field(default_factory=dict)
    """Of currencies that are not limited by `max_amount` itself."""


@dataclass(frozen=True)
class RowPositions:
    """Positions of a batch's rows in the file, and the stem of the file's name."""

    positions: npt.NDArray[np.int64] | None = None
    stem: str = "row"


@dataclass
class Findings:
    """The first reason for rejecting each rejected row, and optional values left out of others."""

    count: int
    reasons: dict[int, str] = field(default_factory=dict)
    left_out: dict[str, dict[int, str]] = field(default_factory=dict)
    refunds: int = 0

    def omit(self, name: str, rows: Mask, reason: Callable[[int], str]) -> None:
        """Omit an optional field's values in the rows of a mask."""
        out = self.left_out.setdefault(name, {})
        for row in np.flatnonzero(rows).tolist():
            out.setdefault(row, reason(row))

    def reject(self, rows: Mask, reason: Callable[[int], str]) -> None:
        """Reject the rows of a mask; `reason` gives the text for one of them."""
        for row in np.flatnonzero(rows).tolist():
            self.reasons.setdefault(row, reason(row))

    def good(self) -> Mask:
        """The rows without a reason for rejection."""
        good = np.ones(self.count, dtype=bool)
        good[list(self.reasons)] = False
        return good


def conform_transactions(
    rows: pa.RecordBatch,
    columns: Mapping[str, FieldSource],
    limits: AdmissionLimits,
    position: RowPositions | None = None,
) -> tuple[pa.RecordBatch, Findings]:
    """The rows in `TRANSACTION_ROWS`, in their order, and the findings."""
    findings = Findings(len(rows))
    work = _Conformer(rows, columns, findings, position or RowPositions())
    fields = work.conform(Transaction, strict=REQUIRED_FIELDS, later="amount")
    source = work.source("amount")
    fields["amount"] = _amounts(source, columns["amount"], fields["currency"], limits, findings)
    _check_currencies(fields["currency"], findings)
    _check_times("timestamp", fields["timestamp"], limits.earliest, limits.latest, findings)
    return pa.record_batch([fields[name] for name in TRANSACTION_FIELDS], names=TRANSACTION_FIELDS), findings


def conform_labels(
    rows: pa.RecordBatch, columns: Mapping[str, FieldSource], earliest: int = 0
) -> tuple[pa.RecordBatch, Findings]:
    """The rows in `LABEL_ROWS`, in their order, and the findings."""
    findings = Findings(len(rows))
    work = _Conformer(rows, columns, findings, RowPositions())
    fields = work.conform(Label, strict=LABEL_FIELDS, optional=("card_id", "reported_at"))
    _check_times("reported_at", fields["reported_at"], earliest, None, findings)
    return pa.record_batch([fields[name] for name in LABEL_FIELDS], schema=LABEL_ROWS), findings


def transaction_ids(
    rows: pa.RecordBatch, columns: Mapping[str, FieldSource], position: RowPositions
) -> pa.Array:
    """The identifiers alone (strings), null where there is none."""
    source = source_column(rows, columns["transaction_id"], position.positions, position.stem)
    return clean_text("transaction_id", source)


def conform_fraud_flags(rows: pa.RecordBatch, origin: FieldSource, findings: Findings) -> pa.Array:
    """Labels in a column of the transactions (booleans); empty is null, an unreadable one rejects its row."""
    source = source_column(rows, origin, None, "")
    fraud_flags = as_bool(source)
    _reject_unreadable(IS_FRAUD, source, fraud_flags, findings)
    return fraud_flags


@dataclass(frozen=True)
class _Conformer:
    """A batch that is being conformed."""

    rows: pa.RecordBatch
    columns: Mapping[str, FieldSource]
    findings: Findings
    position: RowPositions

    def source(self, name: str) -> pa.Array:
        """A field's values as the file and the mapping give them."""
        return source_column(
            self.rows, self.columns.get(name, FieldSource()), self.position.positions, self.position.stem
        )

    def conform(
        self,
        struct: type[Struct],
        *,
        strict: tuple[str, ...],
        later: str = "",
        optional: tuple[str, ...] = (),
    ) -> dict[str, pa.Array]:
        """The struct's fields but `later`; a wrong value of a field that is not strict is left out."""
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        fields = {}
        for one in info.fields:
            if one.name == later:
                continue
            kind, target = _not_none(one.type), Findings(self.findings.count)
            source, column = self._read(one.name, kind, target)
            if one.required and one.name not in optional:
                _reject_missing(one.name, kind, source, column, target)
            _check_annotation(one.name, kind, column, target)
            fields[one.name] = self._settled(one.name, column, target, is_strict=one.name in strict)
        return fields

    def _read(self, name: str, kind: inspect.Type, target: Findings) -> tuple[pa.Array, pa.Array]:
        origin, source = self.columns.get(name, FieldSource()), self.source(name)
        if isinstance(kind, inspect.IntType):
            times = read_times(source, origin)
            reasons = times.reasons
            target.reject(
                _mask(pc.is_in(pa.array(range(len(source))), pa.array(reasons, pa.int64()))),
                lambda row: f"{name} {_shown(source, row)} {reasons[row]}",
            )
            column = times.millis
        elif isinstance(kind, inspect.FloatType):
            column = _decimal(source, origin)
        elif isinstance(kind, inspect.BoolType):
            column = as_bool(source)
        else:
            return source, self._read_text(name, kind, origin, source, target)
        _reject_unreadable(name, source, column, target)
        return source, column

    def _read_text(
        self, name: str, kind: inspect.Type, origin: FieldSource, source: pa.Array, target: Findings
    ) -> pa.Array:
        if pa.types.is_binary(source.type):
            text = as_text(source)
            _reject_unreadable(name, source, text, target)
        else:
            text = source
        column = clean_text(name, text)
        if name in IDENTIFIERS:
            _reject_rounded(name, source, column, target)
        if isinstance(kind, inspect.LiteralType):
            known = pa.array(kind.values, pa.string())
            column = pc.utf8_lower(column)
            if origin.default is not None:
                column = pc.if_else(pc.fill_null(pc.is_in(column, known), False), column, origin.default)
        return column

    def _settled(self, name: str, column: pa.Array, target: Findings, *, is_strict: bool) -> pa.Array:
        if not target.reasons:
            return column
        if is_strict:
            for row, reason in target.reasons.items():
                self.findings.reasons.setdefault(row, reason)
            return column
        wrong = ~target.good()
        self.findings.omit(name, wrong, lambda row: target.reasons[row])
        return pc.if_else(pa.array(wrong), None, column)


def _decimal(source: pa.Array, origin: FieldSource) -> pa.Array:
    """Degrees, with a decimal comma if the mapping says so."""
    if origin.decimal == "," and not pa.types.is_floating(source.type):
        source = pc.replace_substring(as_text(source), ",", ".")
    return as_float(source)


def _amounts(
    source: pa.Array, origin: FieldSource, currencies: pa.Array, limits: AdmissionLimits, findings: Findings
) -> pa.Array:
    amounts, reasons = written_amounts(source, origin, currencies)
    findings.reject(_null(source) | _nothing(source), lambda _: "amount is missing")
    findings.reject(_null(amounts), lambda row: masked(reasons.get(row, "amount is not a number")))
    most = _most(currencies, limits)
    refunds = _mask(pc.less(amounts, 0))
    findings.refunds += int(refunds.sum())
    findings.reject(
        refunds, lambda row: f"a refund: amount {_shown(source, row)} is outside 0 to {most[row]} minor units"
    )
    values = pc.fill_null(amounts, 0).to_numpy(zero_copy_only=False)
    findings.reject(
        values > most,
        lambda row: (
            f"amount {_shown(source, row)} is outside 0 to {most[row]} minor units of "
            f"{currencies[row]}, see FRAUD_ADMISSION__MAX_AMOUNT"
        ),
    )
    return amounts


def _most(currencies: pa.Array, limits: AdmissionLimits) -> npt.NDArray[np.int64]:
    """The largest amount of each row, in minor units of its currency."""
    encoded = pc.fill_null(currencies, "").dictionary_encode()
    most = [limits.max_amounts.get(code, limits.max_amount) for code in encoded.dictionary.to_pylist()]
    found: npt.NDArray[np.int64] = np.array(most, dtype=np.int64)[encoded.indices.to_numpy()]
    return found


def _nothing(source: pa.Array) -> Mask:
    """Blank texts, and numbers that are none."""
    if pa.types.is_string(source.type) or pa.types.is_binary(source.type):
        return _mask(
            pc.is_in(pc.utf8_trim_whitespace(as_text(source)), pa.array(["", "NULL", "null", "N/A", "\\N"]))
        )
    return _nan(source)


def _check_currencies(codes: pa.Array, findings: Findings) -> None:
    wrong = [code for code in pc.unique(codes).to_pylist() if code is not None and not is_currency(code)]
    findings.reject(
        _mask(pc.is_in(codes, pa.array(wrong, pa.string()))),
        lambda row: f"currency {_shown(codes, row)} is not a code of three capitals",
    )


def _check_times(name: str, times: pa.Array, earliest: int, latest: int | None, findings: Findings) -> None:
    early = _mask(pc.less(times, earliest))
    findings.reject(
        early,
        lambda row: (
            f"{name} {times[row]} ({moment_of(times[row].as_py())}) is before the earliest allowed, "
            f"{earliest}"
        ),
    )
    if latest is not None:
        late = _mask(pc.greater(times, latest))
        findings.reject(
            late, lambda row: f"{name} {times[row]} ({moment_of(times[row].as_py())}) is in the future"
        )


def _reject_missing(
    name: str, kind: inspect.Type, source: pa.Array, column: pa.Array, findings: Findings
) -> None:
    missing = _null(column) & (_null(source) | _nan(source) | _is_text(kind))
    findings.reject(missing, lambda _: f"{name} is missing")


def _reject_rounded(name: str, source: pa.Array, column: pa.Array, findings: Findings) -> None:
    """Identifiers that a spreadsheet or a double has rounded."""
    if pa.types.is_floating(source.type):
        rounded = _mask(pc.greater_equal(pc.abs(source), _EXACT_FLOATS[source.type.bit_width]))
    elif may_have_exponents(column):
        rounded = _mask(pc.match_substring_regex(column, _SCIENTIFIC))
    else:
        return
    findings.reject(
        rounded,
        lambda row: (
            f"{name} {_shown(source, row)} is a rounded number, so that several become one: export the "
            "column as text"
        ),
    )


def _reject_unreadable(name: str, source: pa.Array, column: pa.Array, findings: Findings) -> None:
    lost = _null(column) & ~_null(source) & ~_nan(source)
    findings.reject(lost, lambda row: f"{name} {_shown(source, row)} cannot be read")


def _check_annotation(name: str, kind: inspect.Type, column: pa.Array, findings: Findings) -> None:
    for wrong, words in _violations(kind, column):
        mask = _mask(wrong)
        if mask.any():
            findings.reject(mask, lambda row, words=words: f"{name} {_shown(column, row)} {words}")  # type: ignore[misc]


def _violations(kind: inspect.Type, column: pa.Array) -> list[tuple[pa.Array, str]]:
    """The violations of an annotation: a mask of rows and a description each."""
    if isinstance(kind, inspect.StrType):
        length = pc.utf8_length(column)
        return [
            *_outside(length, kind.min_length, kind.max_length, "is shorter than {}", "is longer than {}"),
            *_mismatch(column, kind.pattern),
        ]
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _outside(column, kind.ge, kind.le, "is below {}", "is above {}")
    if isinstance(kind, inspect.LiteralType):
        words = f"is none of {', '.join(map(str, kind.values))}"
        unknown = pc.invert(pc.is_in(column, pa.array(kind.values)))
        return [(pc.and_(pc.is_valid(column), unknown), words)]
    return []


def _outside(
    column: pa.Array, least: float | None, most: float | None, below: str, above: str
) -> list[tuple[pa.Array, str]]:
    found = []
    if least is not None:
        found.append((pc.less(column, least), below.format(least)))
    if most is not None:
        found.append((pc.greater(column, most), above.format(most)))
    return found


def _mismatch(column: pa.Array, pattern: str | None) -> list[tuple[pa.Array, str]]:
    if pattern is None:
        return []
    return [(pc.invert(pc.match_substring_regex(column, pattern)), f"does not match {pattern}")]


def _is_text(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StrType | inspect.LiteralType)


def _not_none(kind: inspect.Type) -> inspect.Type:
    if not isinstance(kind, inspect.UnionType):
        return kind
    return next(one for one in kind.types if not isinstance(one, inspect.NoneType))


def _shown(column: pa.Array, row: int) -> str:
    value: Any = column[row].as_py()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = masked(repr(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _mask(condition: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def _null(column: pa.Array) -> Mask:
    mask: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def _nan(column: pa.Array) -> Mask:
    if not pa.types.is_floating(column.type):
        return np.zeros(len(column), dtype=bool)
    return _mask(pc.is_nan(column))
