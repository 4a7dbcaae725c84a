"""Columns of any type as the values a field wants; what cannot be read becomes null.

Everything is done a column at a time; only values that the quick way cannot settle are looked at singly.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from producer.replay.forms.numbers import NUMBER, WHOLE, has_other_digits

_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}(:\d{2}(:\d{2}(\.\d{1,9})?)?)?)?"
_ZONE = r"(Z| ?UTC| ?GMT| ?[+-]\d{2}(:?\d{2})?)$"
_EPOCHS = {"epoch_s": 1_000.0, "epoch_ms": 1.0, "epoch_us": 1e-3, "epoch_ns": 1e-6}
_TRUE = ("1", "1.0", "true", "t", "yes", "y", "fraud", "fraudulent", "ja", "oui", "si", "sí", "sim")
_FALSE = ("0", "0.0", "false", "f", "no", "n", "legit", "legitimate", "genuine", "non_fraud",
 "non-fraud", "not fraud",
          "nein", "non", "não")  # fmt: skip


def as_text(column: pa.Array) -> pa.Array:
    """Strings; bytes that are not UTF-8 become null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    if pa.types.is_floating(kind):
        whole = _cast_or_null(column, lambda part: pc.cast(part, pa.int64()))
        return pc.coalesce(pc.cast(whole, pa.string()), pc.cast(column, pa.string()))
    return _cast_or_null(column, lambda part: pc.cast(part, pa.string()))


def as_float(column: pa.Array) -> pa.Array:
    """Doubles; NaN is null."""
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        column = shaped(trimmed(column), NUMBER)
    numbers = pc.cast(column, pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(numbers), None, numbers)


def as_bool(column: pa.Array) -> pa.Array:
    """Booleans from booleans, 0 and 1, or words such as `true` and `no`."""
    if pa.types.is_boolean(column.type):
        return column
    words = pc.utf8_lower(trimmed(column))
    true, false = (pc.is_in(words, pa.array(which)) for which in (_TRUE, _FALSE))
    return pc.if_else(pc.or_(true, false), true, None)


def as_millis(column: pa.Array, layout: str | None) -> pa.Array:
    """UTC milliseconds (int64) from times, epoch numbers or text in `layout` (see `mapping`)."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pc.cast(
            pc.cast(column, pa.timestamp("ms", tz=getattr(kind, "tz", None)), safe=False), pa.int64()
        )
    if layout in _EPOCHS:
        return _epoch(column, _EPOCHS[layout])
    if layout is None and is_number(kind):
        return _epoch(column, 1.0)
    text = trimmed(column)
    if layout is None or layout == "iso":
        return pc.coalesce(_iso(text), _whole_numbers(text))
    return _strptime(text, layout)


def _epoch(column: pa.Array, scale: float) -> pa.Array:
    whole = column if pa.types.is_integer(column.type) else _whole(column)
    if whole is not None:
        return _scaled(pc.cast(whole, pa.int64(), safe=False), scale)
    seconds = as_float(column).to_numpy(zero_copy_only=False) * scale
    usable = np.abs(seconds) < 2.0**53
    return pa.array(
        np.where(usable, np.floor(np.where(usable, seconds, 0) + 1e-6), 0).astype(np.int64), mask=~usable
    )


def _whole(column: pa.Array) -> pa.Array | None:
    """Text that is all whole numbers as such: the nanoseconds of now have more digits than a double."""
    if is_number(column.type):
        return None
    text = trimmed(column)
    if pc.all(pc.match_substring_regex(text, WHOLE)).as_py() is False:
        return None
    return _whole_numbers(text)


def _whole_numbers(text: pa.Array) -> pa.Array:
    """Whole numbers (int64) of texts that are such; what is none, or leaves 63 bits, is null."""
    # Arrow's integers have no plus.
    whole = pc.replace_substring_regex(shaped(text, WHOLE), r"^\+", "")
    return _cast_or_null(whole, lambda part: pc.cast(part, pa.int64()))


def _scaled(numbers: pa.Array, scale: float) -> pa.Array:
    """Whole numbers times a scale (rounded down); what leaves 63 bits is null."""
    values = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    fits = np.abs(values.astype(np.float64)) * scale < 2.0**62
    product = values // round(1 / scale) if scale < 1 else np.where(fits, values, 0) * int(scale)
    return pa.array(product, mask=~(fits & known(numbers)))


def _iso(text: pa.Array) -> pa.Array:
    found = _parse_iso(shaped(text, _ISO + "$"), None)
    if found.null_count == text.null_count:
        return found
    # Years first with slashes, a comma before the fraction, and zones written out are harmless.
    text = pc.replace_substring_regex(text, r"^(\d{4})/(\d{2})/(\d{2})", r"\1-\2-\3")
    text = pc.replace_substring_regex(text, r"(:\d{2}),(\d{1,9})", r"\1.\2")
    found = pc.coalesce(found, _parse_iso(shaped(text, _ISO + "$"), None))
    zoned = pc.replace_substring_regex(shaped(text, _ISO + _ZONE), r" ?(UTC|GMT)$", "Z")
    zoned = pc.replace_substring_regex(zoned, r" ([+-]\d{2}(:?\d{2})?)$", r"\1")
    return pc.coalesce(found, _parse_iso(zoned, "UTC"))


def _parse_iso(text: pa.Array, zone: str | None) -> pa.Array:
    # Microseconds: milliseconds would refuse finer text, nanoseconds reach the year 2262 only.
    fine = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")
    times = _cast_or_null(fine, lambda part: pc.cast(part, pa.timestamp("us", tz=zone)))
    return pc.cast(pc.cast(times, pa.timestamp("ms", tz=zone), safe=False), pa.int64())


def _strptime(text: pa.Array, layout: str) -> pa.Array:
    if "%f" in layout or "%z" in layout:
        return pa.array([_strptime_one(value, layout) for value in text.to_pylist()], pa.int64())
    return pc.cast(pc.strptime(text, format=layout, unit="ms", error_is_null=True), pa.int64())


def _strptime_one(text: str | None, layout: str) -> int | None:
    if text is None or has_other_digits(text):
        return None
    try:
        moment = datetime.strptime(text, layout)  # noqa: DTZ007
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000 // 1)


def trimmed(column: pa.Array) -> pa.Array:
    """Strings without space around them."""
    return pc.utf8_trim_whitespace(as_text(column))


def shaped(text: pa.Array, pattern: str) -> pa.Array:
    """The texts that match a pattern; others are null."""
    return pc.if_else(pc.match_substring_regex(text, pattern), text, None)


def is_number(kind: pa.DataType) -> bool:
    """Whether a type holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def known(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a column has a value."""
    found: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return found


def _cast_or_null(column: pa.Array, cast: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Cast a column; on a failure halve it, until only wrong values are left, which become null."""
    try:
        return cast(column)
    except pa.ArrowInvalid:
        if len(column) == 1:
            return cast(pa.nulls(1, column.type))
        half = len(column) // 2
        return pa.concat_arrays([_cast_or_null(column[:half], cast), _cast_or_null(column[half:], cast)])
