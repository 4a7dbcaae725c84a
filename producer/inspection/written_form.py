"""How the values of a column are written, as the options of its entry in a mapping."""

import time
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from fraud.definitions.fields import Field, FieldType
from producer.inspection.mapping_text import Proposed
from producer.inspection.names import columns_for, columns_named, simple
from producer.inspection.profile import ColumnProfile
from producer.label_fields import IS_FRAUD, LABEL_FIELDS, LABEL_SOURCES
from producer.replay.forms.codes import country_codes
from producer.replay.forms.texts import holds_countries
from producer.replay.rows.values import as_bool, as_float

_UNITS_BY_NAME = {
    "step": ("h", 3_600_000),
    "hour": ("h", 3_600_000),
    "day": ("d", 86_400_000),
    "minute": ("m", 60_000),
}
_Options = tuple[dict[str, Any], str | None]
"""Options of an entry, and what was assumed for them."""
_UNIT_WORDS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def with_options(one: Field, column: ColumnProfile) -> Proposed:
    """The entry of a field that a column feeds, with how its values are written."""
    if holds_countries(one) and _is_no_country(column):
        return Proposed(one.name, None, "its values are no countries")
    own = columns_named((".".join(one.path), one.name, one.path[-1]), [column.name])
    is_named = own or columns_for(one.name, [column.name])
    options, assumed = _options(one, column)
    entry: str | dict[str, Any] = {"column": column.name} | options if options else column.name
    why = assumed or ("by its name" if is_named else "by its values")
    return Proposed(one.name, entry, why, is_assumed=assumed is not None)


def _options(one: Field, column: ColumnProfile) -> _Options:
    if one.type in _OPTIONS:
        return _OPTIONS[one.type](column)
    if one.name == IS_FRAUD and as_bool(pc.unique(column.values.drop_null())).null_count:
        return {"values": _fraud_values(column)}, "the rarer value is fraud"
    if one in LABEL_FIELDS and one.name == "source" and not _are_sources(column):
        return {"default": "chargeback"}, "other sources count as chargebacks"
    if one.name == "merchant_id" and _all_start_with(column, "fraud_"):
        return {"strip": "fraud_"}, None
    return {}, None


def _time_options(column: ColumnProfile) -> _Options:
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


def _amount_options(column: ColumnProfile) -> _Options:
    options: dict[str, Any] = dict(column.hints)
    ambiguous = options.pop("ambiguous", None)
    if any(word in simple(column.name) for word in ("cent", "minor")) and column.kind == "integer":
        options["unit"] = "minor"
    if pc.any(pc.match_substring_regex(column.values, r"[.,]\d{4,}$")).as_py() and "decimal" not in options:
        options["round"] = True
    return options, ambiguous


def _number_options(column: ColumnProfile) -> _Options:
    options: dict[str, Any] = dict(column.hints)
    return options, options.pop("ambiguous", None)


_OPTIONS = {
    FieldType.TIME: _time_options,
    FieldType.MONEY: _amount_options,
    FieldType.NUMBER: _number_options,
    FieldType.FIXED: _number_options,
}


def _fraud_values(column: ColumnProfile) -> dict[str, str]:
    counts = pc.value_counts(column.values.drop_null()).to_pylist()
    rarest = min(counts, key=lambda one: one["counts"])["values"]
    return {one["values"]: "1" if one["values"] == rarest else "0" for one in counts}


def _are_sources(column: ColumnProfile) -> bool:
    different = pc.utf8_lower(pc.unique(column.values.drop_null())).to_pylist()
    return set(different) <= set(LABEL_SOURCES)


def _is_no_country(column: ColumnProfile) -> bool:
    codes = country_codes(pc.unique(column.values.drop_null()))
    return all(len(code) > 3 for code in codes.to_pylist())


def _all_start_with(column: ColumnProfile, prefix: str) -> bool:
    return bool(pc.all(pc.starts_with(column.values.drop_null(), prefix)).as_py())
