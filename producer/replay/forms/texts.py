"""A field's column before it is parsed: null markers, prefixes, translated values."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from fraud.definitions.fields import Field, FieldType
from producer.replay.forms.codes import country_codes, currency_codes
from producer.replay.mapping.columns import FieldSource
from producer.replay.rows.values import as_text, is_number

_NULL_MARKERS = ("", "NULL", "null", "Null", "NaN", "nan", "NAN", "<NA>", "N/A", "n/a", "#N/A", "None",
 "none", "\\N",
            "NaT", "-")  # fmt: skip
_NO_NAMIBIA = "NA"
"""Stands for nothing, except where it is a country."""
_LONGEST_NULL_MARKER = max(map(len, _NULL_MARKERS))
_WHOLE_FLOAT = r"^\d+\.0+$"
_LONGEST_STEM = 40


def source_column(
    rows: pa.RecordBatch, origin: FieldSource, positions: npt.NDArray[np.int64] | None, stem: str
) -> pa.Array:
    """The values of a field as the file and the mapping give them."""
    if origin.row is not None:
        return _derived(rows, origin.row, positions, stem)
    if origin.columns:
        return _translated(_joined(rows, origin.columns), origin)
    if origin.column is None:
        return pa.repeat(pa.scalar(origin.value, pa.string()), len(rows))
    return _translated(rows.column(origin.column), origin)


def clean_text(column: pa.Array, field: Field | None = None) -> pa.Array:
    """A column's texts without what is around them, markers of nothing as null, codes in their usual form."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
    text = as_text(column)
    is_country = field is not None and holds_countries(field)
    if not is_number(column.type):
        if _may_have_outer_space(text):
            text = pc.utf8_trim_whitespace(text)
        text = _without_nothing(text, is_country=is_country)
    if is_country:
        return country_codes(text)
    if field is not None and field.type is FieldType.CURRENCY:
        return currency_codes(text)
    if field is not None and field.type is FieldType.ID and not is_number(column.type):
        return _without_point(text)
    return text


def holds_countries(field: Field) -> bool:
    """Whether a field holds countries, by its name: `country`, `ip_country`."""
    return field.type is FieldType.CATEGORY and "country" in field.name.split("_")


def without_markers(column: pa.Array) -> pa.Array:
    """A column of any type in which the texts that stand for nothing are null."""
    if not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
        return column
    text = as_text(column)
    nothing = pc.is_in(pc.utf8_trim_whitespace(text), pa.array([*_NULL_MARKERS, _NO_NAMIBIA]))
    return pc.if_else(nothing, None, column) if pc.any(nothing).as_py() else column


def stem_of(path: Path) -> str:
    """What names a file's rows: its name without folders and extensions."""
    return path.name.split(".")[0][:_LONGEST_STEM] or "row"


def bytes_of(text: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of all values together: looking at them is much quicker than value by value."""
    if text.type != pa.string():
        text = pc.cast(text, pa.string())
    offsets, data = (text.buffers()[n] for n in (1, 2))
    if data is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)
    return np.frombuffer(data, np.uint8)[ends[text.offset] : ends[text.offset + len(text)]]


def may_have_exponents(text: pa.Array) -> bool:
    """Whether an `e` comes after a digit anywhere."""
    data = bytes_of(text)
    after = np.flatnonzero((data[1:] | 0x20) == ord("e"))
    return bool(((data[after] >= ord("0")) & (data[after] <= ord("9"))).any())


def _may_have_outer_space(text: pa.Array) -> bool:
    data = bytes_of(text)
    return bool(len(data)) and bool(data.min() <= ord(" ") or data.max() >= 0x80)


def _may_have_point_zero(text: pa.Array) -> bool:
    data = bytes_of(text)
    points = np.flatnonzero(data[:-1] == ord("."))
    return bool((data[points + 1] == ord("0")).any())


def _without_nothing(text: pa.Array, *, is_country: bool) -> pa.Array:
    markers = list(_NULL_MARKERS) if is_country else [*_NULL_MARKERS, _NO_NAMIBIA]
    if (pc.min(pc.binary_length(text)).as_py() or 0) > _LONGEST_NULL_MARKER:
        return text
    nothing = pc.is_in(text, pa.array(markers))
    return pc.if_else(nothing, None, text) if pc.any(nothing).as_py() else text


def _without_point(text: pa.Array) -> pa.Array:
    """Identifiers such as 123.0, which were numbers with decimals in between, as 123."""
    if not _may_have_point_zero(text):
        return text
    return pc.if_else(
        pc.match_substring_regex(text, _WHOLE_FLOAT), pc.replace_substring_regex(text, r"\.0+$", ""), text
    )


def _translated(column: pa.Array, origin: FieldSource) -> pa.Array:
    """The values of a column as the mapping translates them."""
    if not (origin.strip or origin.nulls or origin.values or origin.pad or origin.default is not None):
        return column
    text = pc.utf8_trim_whitespace(as_text(column))
    if origin.nulls:
        text = pc.if_else(pc.is_in(text, pa.array(origin.nulls)), None, text)
    for prefix in origin.strip:
        text = pc.if_else(pc.starts_with(text, prefix), pc.utf8_slice_codeunits(text, len(prefix)), text)
    if origin.values:
        words, meanings = zip(*origin.values, strict=True)
        found = pc.index_in(text, pa.array(words, pa.string()))
        text = pc.coalesce(pa.array(meanings, pa.string()).take(found), text)
    if origin.pad:
        text = pc.utf8_lpad(_without_point(text), origin.pad, "0")
    if origin.default is not None:
        text = pc.fill_null(pc.if_else(pc.equal(text, ""), None, text), origin.default)
    return text


def _joined(rows: pa.RecordBatch, columns: tuple[str, ...]) -> pa.Array:
    texts = [pc.utf8_trim_whitespace(as_text(rows.column(name))) for name in columns]
    # A date of a workbook is midnight of that day; the time is in the next column.
    texts[0] = pc.replace_substring_regex(texts[0], r" 00:00:00$", "")
    return pc.binary_join_element_wise(*texts, " ")


def _derived(rows: pa.RecordBatch, how: str, positions: npt.NDArray[np.int64] | None, stem: str) -> pa.Array:
    if how == "hash":
        texts = [pc.fill_null(as_text(column), "") for column in rows.columns]
        whole = pc.binary_join_element_wise(*texts, "\x1f").to_pylist()
        return pa.array([xxhash.xxh3_128_hexdigest((text or "").encode()) for text in whole], pa.string())
    numbers = pa.array(np.arange(1, len(rows) + 1) if positions is None else positions)
    return pc.binary_join_element_wise(pa.scalar(stem), pc.cast(numbers, pa.string()), "-")
