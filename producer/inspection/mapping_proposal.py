"""A mapping to start from: which column most likely feeds which field, and why."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType
from fraud.settings import PER_EURO
from producer.inspection.mapping_text import Proposed
from producer.inspection.names import SYNONYMS, columns_for, columns_named, simple
from producer.inspection.profile import ColumnProfile
from producer.inspection.written_form import with_options
from producer.label_fields import IS_FRAUD, LABEL_FIELDS
from producer.replay.forms.codes import currency_codes
from producer.replay.mapping.assumptions import BASE_CURRENCY


def propose(
    definitions: Definitions, columns: Sequence[ColumnProfile], *, with_labels: bool
) -> list[Proposed]:
    """Entries for a file of transactions; `with_labels` leaves its labels to another file.

    Fields that only these definitions have, and whose columns are called as they are, need no entry.
    """
    flags = [one for one in LABEL_FIELDS if one.name == IS_FRAUD and not with_labels]
    fields = (*definitions.fields, *flags)
    found = _matched(fields, columns)
    _join_clock(found, columns)
    for target, assume in (
        ("transaction_id", _assumed_id),
        ("card_id", _assumed_card),
        ("merchant_id", _assumed_shop),
    ):
        found.setdefault(target, assume())
    if "currency" not in found:
        found["currency"] = _assumed_currency(found.get("amount"), columns)
    return [
        found[one.name] for one in fields if one.name in found and not _goes_without(one, found[one.name])
    ]


def propose_labels(columns: Sequence[ColumnProfile]) -> list[Proposed]:
    """Entries for a file of labels."""
    return list(_matched(LABEL_FIELDS, columns).values())


_Match = Callable[[Field, Sequence[Field], Mapping[str, ColumnProfile]], "ColumnProfile | None"]


def _matched(fields: Sequence[Field], columns: Sequence[ColumnProfile]) -> dict[str, Proposed]:
    """The entry of each field that has a column: by its own name first, else by other names."""
    found: dict[str, Proposed] = {}
    taken, core = set[str](), set[str]()
    matches: tuple[_Match, ...] = (_by_name, _by_habit)
    for match in matches:
        for one in fields:
            if one.name in found:
                continue
            column = match(one, fields, {each.name: each for each in columns if each.name not in taken})
            if column is None and one.name in CORE_FIELDS:
                # No payment is without it: it may share the column of another field.
                column = match(one, fields, {each.name: each for each in columns if each.name not in core})
            if column is not None:
                found[one.name] = with_options(one, column)
                taken.add(column.name)
                core |= {column.name} if one.name in CORE_FIELDS else set()
    return {one.name: found[one.name] for one in fields if one.name in found}


def _by_name(one: Field, _: Sequence[Field], columns: Mapping[str, ColumnProfile]) -> ColumnProfile | None:
    return _first_suiting(one, columns_named((".".join(one.path), one.name), list(columns)), columns)


def _by_habit(
    one: Field, fields: Sequence[Field], columns: Mapping[str, ColumnProfile]
) -> ColumnProfile | None:
    """By the names that such columns have elsewhere, the end of its path, or what the values can only be."""
    names = columns_for(one.name, list(columns))
    if len(one.path) > 1 and sum(other.path[-1] == one.path[-1] for other in fields) == 1:
        names = [*names, *columns_named(one.path[-1:], list(columns))]
    named = _first_suiting(one, names, columns)
    if named is not None:
        return named
    alike = [column for column in columns.values() if _is_content_of(one, column)]
    return alike[0] if len(alike) == 1 else None


def _first_suiting(
    one: Field, names: Iterable[str], columns: Mapping[str, ColumnProfile]
) -> ColumnProfile | None:
    return next((columns[name] for name in names if _suits(one, columns[name])), None)


def _suits(one: Field, column: ColumnProfile) -> bool:
    """Whether a column of a fitting name can hold the field."""
    if column.kind in ("empty", "nested"):
        return False
    match one.type:
        case FieldType.TIME:
            return column.kind in ("time", "decimal", "integer")
        case FieldType.MONEY | FieldType.NUMBER | FieldType.FIXED:
            return column.kind in ("decimal", "integer", "yes/no")
        case FieldType.BOOLEAN:
            return column.kind == "yes/no" or (one.name == IS_FRAUD and column.different <= 3)
        case FieldType.CURRENCY:
            return column.kind != "decimal"
        case FieldType.CATEGORY:
            is_source = one in LABEL_FIELDS
            return column.kind == "text" and column.different <= 50 if is_source else _is_category(column)
        case _:
            return one.name != "transaction_id" or _differs(column)


def _is_category(column: ColumnProfile) -> bool:
    return column.kind not in ("time", "decimal")


def _differs(column: ColumnProfile) -> bool:
    is_present = column.kind in ("text", "integer")
    return is_present and 2 * column.different > len(column.values.drop_null())


def _is_content_of(one: Field, column: ColumnProfile) -> bool:
    """Whether a column of another name can only be the field."""
    if one.name == "timestamp":
        return column.kind == "time"
    if one.name == "currency" and column.kind == "text" and column.different <= 60:
        codes = currency_codes(pc.unique(column.values.drop_null()))
        return all(code in PER_EURO for code in codes.to_pylist())
    return False


def _goes_without(one: Field, proposed: Proposed) -> bool:
    own = (".".join(one.path), one.name)
    return one.name not in SYNONYMS and proposed.entry in own and not proposed.is_assumed


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
