"""A mapping to start from: which column most likely feeds which field, and why."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fraud.schema import LabelSource
from fraud.settings import PER_EURO
from producer.inspection.names import columns_for, simple
from producer.inspection.profile import ColumnProfile
from producer.replay.forms.codes import country_codes, currency_codes
from producer.replay.mapping.assumptions import BASE_CURRENCY
from producer.replay.mapping.columns import LABEL_FIELDS, TRANSACTION_FIELDS
from producer.replay.rows.values import as_bool, as_float

_UNITS_BY_NAME = {
    "step": ("h", 3_600_000),
    "hour": ("h", 3_600_000),
    "day": ("d", 86_400_000),
    "minute": ("m", 60_000),
}
_UNIT_WORDS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SOURCES = LabelSource.__args__  # type: ignore[attr-defined]
_IDS = ("transaction_id", "card_id", "merchant_id")


@dataclass(frozen=True)
class Proposed:
    """One field's entry of a mapping: a column's name or options, and what it rests on."""

    field: str
    entry: str | dict[str, Any] | None
    why: str
    is_assumed: bool = False

    def column(self) -> str | None:
        """The column that it reads, if it is one."""
        return self.entry.get("column") if isinstance(self.entry, dict) else self.entry

    def line(self) -> str:
        """Its line of YAML, below one that says what was assumed."""
        note = f"# ASSUMED: {self.why}\n" if self.is_assumed else ""
        return f"{note}{self.field}: {_yaml(self.entry)}"


@dataclass
class Proposal:
    """A mapping: entries of the file of transactions, and of the file of labels."""

    entries: list[Proposed] = field(default_factory=list)
    labels: list[Proposed] = field(default_factory=list)

    def text(self) -> str:
        """The same as YAML, with what was assumed in comments."""
        lines = [one.line() for one in self.entries]
        if self.labels:
            lines += ["labels:", *(indent(one.line(), "  ") for one in self.labels)]
        return "\n".join(lines) + "\n"


def propose(columns: Sequence[ColumnProfile], *, with_labels: bool) -> list[Proposed]:
    """Entries for a file of transactions; `with_labels` leaves its labels to another file."""
    found: dict[str, Proposed] = {}
    for target in TRANSACTION_FIELDS if with_labels else (*TRANSACTION_FIELDS, "is_fraud"):
        taken = {one.column() for one in found.values()}
        column = _column_for(target, [one for one in columns if one.name not in taken])
        if column is not None:
            found[target] = _with_options(target, column)
    _join_clock(found, columns)
    for target, assume in (
        ("transaction_id", _assumed_id),
        ("card_id", _assumed_card),
        ("merchant_id", _assumed_shop),
    ):
        found.setdefault(target, assume())
    if "currency" not in found:
        found["currency"] = _assumed_currency(found.get("amount"), columns)
    return [found[target] for target in (*TRANSACTION_FIELDS, "is_fraud") if target in found]


def propose_labels(columns: Sequence[ColumnProfile]) -> list[Proposed]:
    """Entries for a file of labels."""
    found: list[Proposed] = []
    for target in LABEL_FIELDS:
        taken = {one.column() for one in found}
        column = _column_for(target, [one for one in columns if one.name not in taken])
        if column is not None:
            found.append(_with_options(target, column))
    return found


def _column_for(target: str, columns: Sequence[ColumnProfile]) -> ColumnProfile | None:
    by_name = {one.name: one for one in columns}
    named = [by_name[name] for name in columns_for(target, list(by_name)) if _suits(target, by_name[name])]
    if named:
        return named[0]
    alike = [one for one in columns if _is_content_of(target, one)]
    return alike[0] if len(alike) == 1 else None


def _suits(target: str, column: ColumnProfile) -> bool:
    """Whether a column of a fitting name can hold the field."""
    if column.kind in ("empty", "nested"):
        return False
    if target in ("timestamp", "reported_at"):
        return column.kind in ("time", "decimal", "integer")
    if target in ("amount", "latitude", "longitude"):
        return column.kind in ("decimal", "integer", "yes/no")
    if target == "is_fraud":
        return column.kind == "yes/no" or column.different <= 3
    if target == "currency":
        return column.kind != "decimal"
    if target == "transaction_id":
        return column.kind in ("text", "integer") and 2 * column.different > len(column.values.drop_null())
    if target == "source":
        return column.kind == "text" and column.different <= 50
    return column.kind not in ("time", "decimal") or target in _IDS


def _is_content_of(target: str, column: ColumnProfile) -> bool:
    """Whether a column of another name can only be the field."""
    if target == "timestamp":
        return column.kind == "time"
    if target == "currency" and column.kind == "text" and column.different <= 60:
        codes = currency_codes(pc.unique(column.values.drop_null()))
        return all(code in PER_EURO for code in codes.to_pylist())
    return False


def _with_options(target: str, column: ColumnProfile) -> Proposed:
    options: dict[str, Any] = {}
    why, is_assumed = "by its name", False
    if simple(column.name) not in {simple(name) for name in columns_for(target, [column.name])}:
        why = "by its values"
    if target in ("timestamp", "reported_at"):
        options, reason = _time_options(column)
        is_assumed = reason is not None
        why = reason or why
    elif target == "amount":
        options, reason = _amount_options(column)
        is_assumed, why = reason is not None, reason or why
    elif target == "is_fraud" and as_bool(pc.unique(column.values.drop_null())).null_count:
        options = {"values": _fraud_values(column)}
        is_assumed, why = True, "the rarer value is fraud"
    elif target == "source" and not _are_sources(column):
        options, is_assumed, why = {"default": "chargeback"}, True, "other sources count as chargebacks"
    elif target == "merchant_id" and _all_start_with(column, "fraud_"):
        options = {"strip": "fraud_"}
    elif target == "country" and _is_no_country(column):
        return Proposed(target, None, "its values are no countries")
    entry: str | dict[str, Any] = {"column": column.name} | options if options else column.name
    return Proposed(target, entry, why, is_assumed)


def _time_options(column: ColumnProfile) -> tuple[dict[str, Any], str | None]:
    hints = dict(column.hints)
    ambiguous = hints.pop("ambiguous", None)
    if column.kind == "time":
        return hints, f"{ambiguous} is ambiguous by its values" if ambiguous else None
    # A number that is no time of our century counts from a start that the file does not name.
    unit, unit_ms = next(
        (one for word, one in _UNITS_BY_NAME.items() if word in simple(column.name)), ("s", 1_000)
    )
    longest = pc.max(as_float(column.values)).as_py() or 0
    start = datetime.fromtimestamp(max(time.time() - longest * unit_ms / 1_000, 946_684_800), UTC).replace(
        day=1
    )
    return (
        {"start": start.strftime("%Y-%m-%d"), "unit": unit},
        f"it counts {_UNIT_WORDS[unit]} from a start that the file does not name",
    )


def _amount_options(column: ColumnProfile) -> tuple[dict[str, Any], str | None]:
    options: dict[str, Any] = dict(column.hints)
    ambiguous = options.pop("ambiguous", None)
    if any(word in simple(column.name) for word in ("cent", "minor")) and column.kind == "integer":
        options["unit"] = "minor"
    if pc.any(pc.match_substring_regex(column.values, r"[.,]\d{4,}$")).as_py() and "decimal" not in options:
        options["round"] = True
    return options, ambiguous


def _join_clock(found: dict[str, Proposed], columns: Sequence[ColumnProfile]) -> None:
    """A date and the time of day beside it are one time."""
    clocks = [one for one in columns if one.kind == "time of day"]
    at = found.get("timestamp")
    if at is None or len(clocks) != 1:
        return
    day = next(one for one in columns if one.name == at.column())
    layout = day.hints.get("format", "")
    if (
        "%H" in layout
        or "%I" in layout
        or (pc.any(pc.match_substring(day.values, ":")).as_py() and not layout)
    ):
        return
    entry: dict[str, Any] = {"columns": [day.name, clocks[0].name]}
    if layout:
        has_seconds = pc.any(pc.match_substring_regex(clocks[0].values, r":\d{2}:\d{2}")).as_py()
        entry["format"] = f"{layout} %H:%M" + (":%S" if has_seconds else "")
    found["timestamp"] = Proposed("timestamp", entry, "a date and a time of day", at.is_assumed)


def _assumed_id() -> Proposed:
    return Proposed(
        "transaction_id", {"row": "number"}, "no column is one; derived from each row", is_assumed=True
    )


def _assumed_card() -> Proposed:
    return Proposed(
        "card_id", {"row": "number"}, "no column is one; every payment has its own card", is_assumed=True
    )


def _assumed_shop() -> Proposed:
    return Proposed("merchant_id", {"value": "unknown"}, "no column is one", is_assumed=True)


def _assumed_currency(amount: Proposed | None, columns: Sequence[ColumnProfile]) -> Proposed:
    name = amount.column() if amount is not None else None
    code = next((code for code in PER_EURO if name and simple(name).endswith(code.lower())), None)
    if code is not None:
        return Proposed("currency", {"value": code}, "by the amount's name")
    values = next((one.values for one in columns if one.name == name), pa.array([], pa.string()))
    signs = (("€", "EUR"), ("£", "GBP"), ("₹", "INR"), ("$", "USD"))
    signed = next((code for sign, code in signs if pc.any(pc.match_substring(values, sign)).as_py()), None)
    why = "by the amount's sign" if signed else "no column is one"
    return Proposed("currency", {"value": signed or BASE_CURRENCY}, why, is_assumed=True)


def _fraud_values(column: ColumnProfile) -> dict[str, str]:
    counts = pc.value_counts(column.values.drop_null()).to_pylist()
    rarest = min(counts, key=lambda one: one["counts"])["values"]
    return {one["values"]: "1" if one["values"] == rarest else "0" for one in counts}


def _are_sources(column: ColumnProfile) -> bool:
    different = pc.utf8_lower(pc.unique(column.values.drop_null())).to_pylist()
    return set(different) <= set(_SOURCES)


def _is_no_country(column: ColumnProfile) -> bool:
    codes = country_codes(pc.unique(column.values.drop_null()))
    return all(len(code) > 3 for code in codes.to_pylist())


def _all_start_with(column: ColumnProfile, prefix: str) -> bool:
    return bool(pc.all(pc.starts_with(column.values.drop_null(), prefix)).as_py())


def _yaml(entry: Any) -> str:
    if entry is None:
        return "null"
    if isinstance(entry, dict):
        return "{" + ", ".join(f"{_yaml(str(name))}: {_yaml(value)}" for name, value in entry.items()) + "}"
    if isinstance(entry, list):
        return "[" + ", ".join(map(_yaml, entry)) + "]"
    if isinstance(entry, bool):
        return "true" if entry else "false"
    text = str(entry)
    is_plain = text.replace("_", "").replace("-", "").isalnum() and text[0].isalpha() and text.isascii()
    is_word = text.lower() in ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
    return text if is_plain and not is_word else _quoted(text)


def _quoted(text: str) -> str:
    """In quotes; what does not print, as marks that turn the line, is written as an escape."""
    return "".join(
        letter if letter.isprintable() else f"\\U{ord(letter):08x}"
        for letter in json.dumps(text, ensure_ascii=False)
    )
