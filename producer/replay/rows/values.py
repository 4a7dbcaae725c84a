"""Columns of any type as the values a field wants; what cannot be read becomes null.

Everything is done a column at a time; only values that the quick way cannot settle are looked at singly.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.schema import minor_digits, to_minor
from producer.replay.forms.numbers import NUMBER, WHOLE, has_other_digits, is_number_text

_DECIMALS = 9
_PLAIN_DECIMAL = r"^[+-]?\d{1,20}(\.\d{0,9})?$"
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
        column = _shaped(_trimmed(column), NUMBER)
    numbers = pc.cast(column, pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(numbers), None, numbers)


def as_bool(column: pa.Array) -> pa.Array:
    """Booleans from booleans, 0 and 1, or words such as `true` and `no`."""
    if pa.types.is_boolean(column.type):
        return column
    words = pc.utf8_lower(_trimmed(column))
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
    text = _trimmed(column)
    if layout is None or layout == "iso":
        return pc.coalesce(_iso(text), _whole_numbers(text))
    return _strptime(text, layout)


def as_minor(
    column: pa.Array, currencies: pa.Array, *, rounded: bool = False
) -> tuple[pa.Array, dict[int, str]]:
    """Amounts in minor units of their currencies (int64), and why those that are null could not be read.

    Binary fractions are taken to the nearest minor unit when they are as near as their precision allows.
    Other fractions of a minor unit are an error, or, if `rounded`, half to even.
    """
    digits = _digits(currencies)
    if pa.types.is_floating(column.type):
        return _minor_of_floats(column, digits, rounded)
    text = _trimmed(column)
    wide = pc.cast(_shaped(text, _PLAIN_DECIMAL), pa.decimal128(38, _DECIMALS))
    halves = np.frombuffer(wide.buffers()[1], dtype="<i8").reshape(-1, 2)[
        wide.offset : wide.offset + len(wide)
    ]
    low, high = halves[:, 0], halves[:, 1]
    unit = 10 ** (_DECIMALS - digits)
    settled = _known(wide) & (high == low >> 63) & (low % unit == 0)
    minor = np.where(settled, low // unit, 0)
    return _settle_singly(text, currencies, minor, settled, rounded)


def _settle_singly(
    text: pa.Array,
    currencies: pa.Array,
    minor: npt.NDArray[np.int64],
    settled: npt.NDArray[np.bool_],
    rounded: bool,
) -> tuple[pa.Array, dict[int, str]]:
    reasons: dict[int, str] = {}
    for row in np.flatnonzero(~settled & _known(text)):
        amount, currency = text[row].as_py(), currencies[row].as_py() or ""
        if not is_number_text(amount):
            reasons[int(row)] = f"amount {amount!r} is not a number"
            continue
        try:
            exact = Decimal(amount)
            minor[row] = to_minor(_rounded(exact, currency) if rounded else exact, currency)
            settled[row] = True
        except (ValueError, OverflowError) as error:
            reasons[int(row)] = str(error)
    return pa.array(minor, mask=~settled), reasons


def _rounded(amount: Decimal, currency: str) -> Decimal:
    """To whole minor units, half to even; what is too large or not finite stays for `to_minor` to refuse."""
    if not amount.is_finite() or amount.adjusted() > _DECIMALS * 2:
        return amount
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), ROUND_HALF_EVEN)


def _minor_of_floats(
    column: pa.Array, digits: npt.NDArray[np.int64], rounded: bool
) -> tuple[pa.Array, dict[int, str]]:
    precision = np.finfo(column.type.to_pandas_dtype()).eps
    amounts = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    scaled = amounts * 10.0**digits
    with np.errstate(invalid="ignore"):
        near = np.abs(scaled - np.rint(scaled)) <= np.minimum(1e-6 + 4 * precision * np.abs(scaled), 0.25)
        good = (near | rounded) & (np.abs(scaled) < 2.0**53)
    reasons = {
        int(row): "amount is not a finite number" if not np.isfinite(amounts[row])
        else f"amount {amounts[row]} has more digits than its currency knows"
        for row in np.flatnonzero(~good & _known(column))
    }  # fmt: skip
    return pa.array(np.where(good, np.rint(scaled), 0).astype(np.int64), mask=~good), reasons


def _digits(currencies: pa.Array) -> npt.NDArray[np.int64]:
    encoded = pc.fill_null(currencies, "").dictionary_encode()
    known = np.array([minor_digits(code.as_py()) for code in encoded.dictionary], dtype=np.int64)
    digits: npt.NDArray[np.int64] = known[encoded.indices.to_numpy()]
    return digits


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
    text = _trimmed(column)
    if pc.all(pc.match_substring_regex(text, WHOLE)).as_py() is False:
        return None
    return _whole_numbers(text)


def _whole_numbers(text: pa.Array) -> pa.Array:
    """Whole numbers (int64) of texts that are such; what is none, or leaves 63 bits, is null."""
    # Arrow's integers have no plus.
    shaped = pc.replace_substring_regex(_shaped(text, WHOLE), r"^\+", "")
    return _cast_or_null(shaped, lambda part: pc.cast(part, pa.int64()))


def _scaled(numbers: pa.Array, scale: float) -> pa.Array:
    """Whole numbers times a scale (rounded down); what leaves 63 bits is null."""
    values = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    fits = np.abs(values.astype(np.float64)) * scale < 2.0**62
    product = values // round(1 / scale) if scale < 1 else np.where(fits, values, 0) * int(scale)
    return pa.array(product, mask=~(fits & _known(numbers)))


def _iso(text: pa.Array) -> pa.Array:
    found = _parse_iso(_shaped(text, _ISO + "$"), None)
    if found.null_count == text.null_count:
        return found
    # Years first with slashes, a comma before the fraction, and zones written out are harmless.
    text = pc.replace_substring_regex(text, r"^(\d{4})/(\d{2})/(\d{2})", r"\1-\2-\3")
    text = pc.replace_substring_regex(text, r"(:\d{2}),(\d{1,9})", r"\1.\2")
    found = pc.coalesce(found, _parse_iso(_shaped(text, _ISO + "$"), None))
    zoned = pc.replace_substring_regex(_shaped(text, _ISO + _ZONE), r" ?(UTC|GMT)$", "Z")
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


def _trimmed(column: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(as_text(column))


def _shaped(text: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(text, pattern), text, None)


def is_number(kind: pa.DataType) -> bool:
    """Whether a type holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _known(column: pa.Array) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return known


def _cast_or_null(column: pa.Array, cast: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Cast a column; on a failure halve it, until only wrong values are left, which become null."""
    try:
        return cast(column)
    except pa.ArrowInvalid:
        if len(column) == 1:
            return cast(pa.nulls(1, column.type))
        half = len(column) // 2
        return pa.concat_arrays([_cast_or_null(column[:half], cast), _cast_or_null(column[half:], cast)])
