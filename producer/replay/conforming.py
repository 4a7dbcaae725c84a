"""Source rows as transactions and labels, judged by the limits of the door that serving uses.

What a field may hold is read from the annotations of `fraud.schema`, so that a row let through here is not
a dead letter there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct, inspect

from fraud.schema import LABEL_ARROW, TRANSACTION_ARROW, Label, Transaction, is_currency
from producer.replay.mapping import LABEL_FIELDS, TRANSACTION_FIELDS, VERDICT, Columns, Origin
from producer.replay.values import as_bool, as_float, as_millis, as_minor, as_text

TRANSACTION_ROWS = pa.schema([TRANSACTION_ARROW.field(name) for name in TRANSACTION_FIELDS])
LABEL_ROWS = pa.schema([LABEL_ARROW.field(name).with_nullable(True) for name in LABEL_FIELDS])
"""A label as it was read: card, time and source may be left for the transaction to tell."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """What the door lets in beyond the schema: event times in ms, amounts in minor units."""

    earliest: int
    latest: int
    max_amount: int


@dataclass
class Findings:
    """The first objection to each row of a batch that meets one."""

    count: int
    reasons: dict[int, str] = field(default_factory=dict)

    def object_to(self, rows: Mask, reason: Callable[[int], str]) -> None:
        """Object to the rows of a mask; `reason` words it for one of them."""
        for row in np.flatnonzero(rows).tolist():
            self.reasons.setdefault(row, reason(row))

    def good(self) -> Mask:
        """The rows that nobody objected to."""
        good = np.ones(self.count, dtype=bool)
        good[list(self.reasons)] = False
        return good


def conform_transactions(
    rows: pa.RecordBatch, columns: Columns, limits: Limits
) -> tuple[pa.RecordBatch, Findings]:
    """The rows in `TRANSACTION_ROWS`, each in its place, and what is wrong with some of them."""
    findings = Findings(len(rows))
    fields = _conform(Transaction, rows, columns, findings, later="amount")
    fields["amount"] = _amounts(_source(rows, columns["amount"]), fields["currency"], limits, findings)
    _hold_currencies(fields["currency"], findings)
    _hold_times(fields["timestamp"], limits, findings)
    return pa.record_batch([fields[name] for name in TRANSACTION_FIELDS], names=TRANSACTION_FIELDS), findings


def conform_labels(rows: pa.RecordBatch, columns: Columns) -> tuple[pa.RecordBatch, Findings]:
    """The rows in `LABEL_ROWS`, each in its place, and what is wrong with some of them."""
    findings = Findings(len(rows))
    fields = _conform(Label, rows, columns, findings, optional=("card_id", "reported_at"))
    return pa.record_batch([fields[name] for name in LABEL_FIELDS], schema=LABEL_ROWS), findings


def conform_verdicts(rows: pa.RecordBatch, origin: Origin, findings: Findings) -> pa.Array:
    """Verdicts that stand beside transactions; an empty one is none, an unreadable one spoils its row."""
    source = _source(rows, origin)
    verdicts = as_bool(source)
    _object_to_unreadable(VERDICT, source, verdicts, findings)
    return verdicts


def _conform(
    struct: type[Struct],
    rows: pa.RecordBatch,
    columns: Columns,
    findings: Findings,
    *,
    later: str = "",
    optional: tuple[str, ...] = (),
) -> dict[str, pa.Array]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    fields = {}
    for one in info.fields:
        if one.name == later:
            continue
        origin = columns.get(one.name, Origin())
        source = _source(rows, origin)
        fields[one.name] = column = _read(_not_none(one.type), source, origin)
        _object_to_unreadable(one.name, source, column, findings)
        _hold_annotation(one.name, _not_none(one.type), column, findings)
        if one.required and one.name not in optional:
            _object_to_missing(one.name, source, findings)
    return fields


def _source(rows: pa.RecordBatch, origin: Origin) -> pa.Array:
    if origin.column is not None:
        return rows.column(origin.column)
    return pa.repeat(pa.scalar(origin.value, pa.string()), len(rows))


def _read(kind: inspect.Type, source: pa.Array, origin: Origin) -> pa.Array:
    if isinstance(kind, inspect.IntType):
        return as_millis(source, origin.format)
    if isinstance(kind, inspect.FloatType):
        return as_float(source)
    if isinstance(kind, inspect.BoolType):
        return as_bool(source)
    return as_text(source)


def _amounts(source: pa.Array, currencies: pa.Array, limits: Limits, findings: Findings) -> pa.Array:
    amounts, reasons = as_minor(source, currencies)
    _object_to_missing("amount", source, findings)
    findings.object_to(_null(amounts), lambda row: reasons.get(row, "amount is not a number"))
    outside = _mask(pc.or_(pc.less(amounts, 0), pc.greater(amounts, limits.max_amount)))
    findings.object_to(
        outside, lambda row: f"amount {_shown(source, row)} is outside 0 to {limits.max_amount} minor units"
    )
    return amounts


def _hold_currencies(codes: pa.Array, findings: Findings) -> None:
    wrong = [code for code in pc.unique(codes).to_pylist() if code is not None and not is_currency(code)]
    findings.object_to(
        _mask(pc.is_in(codes, pa.array(wrong, pa.string()))),
        lambda row: f"currency {_shown(codes, row)} is not a code of three capitals",
    )


def _hold_times(times: pa.Array, limits: Limits, findings: Findings) -> None:
    early, late = _mask(pc.less(times, limits.earliest)), _mask(pc.greater(times, limits.latest))
    findings.object_to(
        early, lambda row: f"timestamp {times[row]} is before the earliest allowed, {limits.earliest}"
    )
    findings.object_to(late, lambda row: f"timestamp {times[row]} is in the future")


def _object_to_missing(name: str, source: pa.Array, findings: Findings) -> None:
    findings.object_to(_null(source), lambda _: f"{name} is missing")


def _object_to_unreadable(name: str, source: pa.Array, column: pa.Array, findings: Findings) -> None:
    lost = _null(column) & ~_null(source) & ~_nan(source)
    findings.object_to(lost, lambda row: f"{name} {_shown(source, row)} cannot be read")


def _hold_annotation(name: str, kind: inspect.Type, column: pa.Array, findings: Findings) -> None:
    for wrong, words in _violations(kind, column):
        mask = _mask(wrong)
        if mask.any():
            findings.object_to(mask, lambda row, words=words: f"{name} {_shown(column, row)} {words}")  # type: ignore[misc]


def _violations(kind: inspect.Type, column: pa.Array) -> list[tuple[pa.Array, str]]:
    """What of the annotation is not kept: where, and in words."""
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


def _not_none(kind: inspect.Type) -> inspect.Type:
    if not isinstance(kind, inspect.UnionType):
        return kind
    return next(one for one in kind.types if not isinstance(one, inspect.NoneType))


def _shown(column: pa.Array, row: int) -> str:
    value: Any = column[row].as_py()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = repr(value)
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
