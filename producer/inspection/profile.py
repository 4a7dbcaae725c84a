"""Columns of a sample of rows: what kind of values they hold, how many are missing, and examples."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from producer.inspection.masking import masked
from producer.inspection.names import columns_for
from producer.replay.forms.texts import clean_text
from producer.replay.forms.times import epoch_format
from producer.replay.rows.values import as_bool, as_millis, as_text, is_number

_MOST = 0.95
_EXAMPLES = 3
_WHOLE = r"^[+-]?\d+(\.0+)?$"
_POINT = r"^\(?[+-]?\s?[€$£¥₹]?\s?\d*\.?\d+([eE][+-]?\d+)?\s?[€$£¥₹]?-?\)?$"
_LOOSE = r"^\(?[+-]?\s?([€$£¥₹]|[A-Z]{3})?\s?\d[\d.,'\x{2019}_\s]*([eE][+-]?\d+)?\s?([€$£¥₹]|[A-Z]{3})?-?\)?$"
_COMMA_DECIMALS, _POINT_DECIMALS = r"\d,\d{1,2}(\D|$)", r"\d\.\d{1,2}(\D|$)"
_DATE = (
    r"^(?P<a>\d{1,2})(?P<sep>[./-])(?P<b>\d{1,2})[./-](?P<year>\d{4}|\d{2})"
    r"(?P<time>[ T]\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<half> ?[AaPp][Mm])?)?$"
)
_CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$"
_EXCEL_DAYS = (36_526.0, 73_051.0)


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a sample.

    Attributes:
        kind: `yes/no`, `time`, `time of day`, `integer`, `decimal`, `text` or `empty`.
        missing: share of rows without a value.
        different: count of different values.
        examples: a few of them, card numbers masked.
        hints: how its values are written: format, decimal, thousands, ambiguous, unit.
        values: the sample's values, cleaned.
    """

    name: str
    kind: str
    missing: float
    different: int
    examples: list[str]
    hints: dict[str, str] = field(default_factory=dict)
    values: pa.Array = field(default_factory=lambda: pa.array([], pa.string()), repr=False)


def profile_column(name: str, column: pa.Array) -> ColumnProfile:
    """Look at the values of one column."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_nested(column.type):
        return ColumnProfile(name, "nested", column.null_count / max(len(column), 1), 0, ["..."])
    text = clean_text(as_text(column))
    present = text.drop_null()
    kind, hints = _kind(name, column, present)
    # Long numbers are hidden in all columns that may hold those of cards.
    hides = bool(columns_for("card_id", [name])) or (kind in ("integer", "text") and not hints)
    examples = [masked(str(one), always=hides) for one in pc.unique(present[:1_000]).to_pylist()[:_EXAMPLES]]
    missing = 1 - len(present) / len(text) if len(text) else 1.0
    return ColumnProfile(name, kind, missing, pc.count_distinct(present).as_py(), examples, hints, text)


def _kind(name: str, column: pa.Array, present: pa.Array) -> tuple[str, dict[str, str]]:
    if not len(present):
        return "empty", {}
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return "time", {}
    if pa.types.is_boolean(column.type) or _is_yes_no(present):
        return "yes/no", {}
    hints = _time_hints(name, present)
    if hints is not None:
        return "time", hints
    return _kind_of_text(column, present)


def _kind_of_text(column: pa.Array, present: pa.Array) -> tuple[str, dict[str, str]]:
    if _share(present, _CLOCK) >= _MOST:
        return "time of day", {}
    if _share(present, _WHOLE) >= _MOST:
        return "integer", {}
    if is_number(column.type) or _share(present, _POINT) >= _MOST:
        return "decimal", {}
    return ("decimal", _signs(present)) if _share(present, _LOOSE) >= _MOST else ("text", {})


def _is_yes_no(present: pa.Array) -> bool:
    different = pc.unique(present)
    return len(different) <= 2 and as_bool(different).null_count == 0


def _time_hints(name: str, present: pa.Array) -> dict[str, str] | None:
    """How its values are times, if they are."""
    unit = epoch_format(present) if _share(present, r"^\d{10,19}(\.\d+)?$") >= _MOST else None
    if unit is not None and (columns_for("timestamp", [name]) or columns_for("reported_at", [name])):
        return {} if unit == "epoch_ms" else {"format": unit}
    if _share(present, r"^\d{4}[-/]\d{2}[-/]\d{2}") >= _MOST and as_millis(
        present, None
    ).null_count < 0.5 * len(present):
        return {}
    if _share(present, r"^20\d{12}$") >= _MOST:
        return {"format": "%Y%m%d%H%M%S"}
    if _share(present, _DATE) >= _MOST:
        return _date_format(present)
    numbers = _share(present, r"^[34567]\d{4}(\.\d+)?$") >= _MOST and _share(present, r"\.\d") > 0
    return {"format": "excel"} if numbers and columns_for("timestamp", [name]) else None


def _date_format(present: pa.Array) -> dict[str, str]:
    parts = pc.extract_regex(present, _DATE).drop_null()
    first, second = (pc.max(pc.cast(pc.struct_field(parts, name), pa.int64())).as_py() for name in ("a", "b"))
    example = parts[0].as_py()
    sep, is_short = example["sep"], len(example["year"]) == 2
    is_day_first = first > 12 or (second <= 12 and sep == ".")
    order = ("%d", "%m") if is_day_first or second <= 12 else ("%m", "%d")
    layout = sep.join((*order, "%y" if is_short else "%Y"))
    if example["time"]:
        clock = "%I:%M" if example["half"] else "%H:%M"
        layout += example["time"][0] + clock + (":%S" if example["seconds"] else "")
        layout += {"": "", " ": " %p"}.get((example["half"] or "")[:1], "%p")
    hints = {"format": layout}
    if first <= 12 and second <= 12 and sep != ".":
        hints["ambiguous"] = f"{sep.join(('day', 'month'))} or {sep.join(('month', 'day'))}"
    return hints


def _signs(present: pa.Array) -> dict[str, str]:
    """The signs of decimals and thousands in numbers of which some have a comma or other signs."""
    comma, point = _share(present, _COMMA_DECIMALS) > 0, _share(present, _POINT_DECIMALS) > 0
    groups_by_comma, groups_by_point = (
        _share(present, r"\d,\d{3}") > 0,
        _share(present, r"\d\.\d{3}(\D|$)") > 0,
    )
    if comma and not groups_by_comma:
        return {"decimal": ","} | ({"thousands": "."} if groups_by_point else {})
    if groups_by_comma and (point or comma or _share(present, r"\d,\d{3},\d{3}") > 0):
        return {"thousands": ","} | (
            {"ambiguous": "commas before two and before three digits:"} if comma else {}
        )
    if groups_by_comma:
        return {"thousands": ",", "ambiguous": "whether a comma is before decimals or between thousands"}
    return {"thousands": "'"} if _share(present, r"\d['\x{2019}]\d{3}") > 0 else {}


def _share(present: pa.Array, pattern: str) -> float:
    return float(pc.mean(pc.cast(pc.match_substring_regex(present, pattern), pa.float64())).as_py() or 0.0)
