"""Decimal numbers as exact integers: amounts in minor units, fixed-point numbers in units of their scale.

Binary fractions are taken to the nearest unit when they are as near as their precision allows. Other
fractions of a unit are an error, or, if `rounded`, half to even.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.schema import minor_digits, to_minor, to_units
from producer.replay.forms.numbers import is_number_text
from producer.replay.rows.values import known, shaped, trimmed

_DECIMALS = 9
_PLAIN_DECIMAL = r"^[+-]?\d{1,20}(\.\d{0,9})?$"

Exact: TypeAlias = "tuple[pa.Array, dict[int, str]]"
"""Integers (int64), and why those that are null could not be read."""
_Digits = npt.NDArray[np.int64]


def as_minor(column: pa.Array, currencies: pa.Array, *, rounded: bool = False) -> Exact:
    """Amounts in minor units of their currencies."""
    digits = _digits_of(currencies)
    if pa.types.is_floating(column.type):
        return _of_floats(column, digits, rounded, "amount", "its currency knows")

    def convert(number: Decimal, row: int) -> int:
        return to_minor(number, currencies[row].as_py() or "")

    return _of_texts(trimmed(column), digits, rounded, "amount", convert)


def as_fixed(name: str, column: pa.Array, scale: int, *, rounded: bool = False) -> Exact:
    """Numbers in units of 10 ** -scale."""
    digits, unit = np.full(len(column), scale, dtype=np.int64), f"its scale of {scale}"
    if pa.types.is_floating(column.type):
        return _of_floats(column, digits, rounded, name, f"{unit} knows")

    def convert(number: Decimal, _: int) -> int:
        return to_units(number, scale, name, unit)

    return _of_texts(trimmed(column), digits, rounded, name, convert)


def _of_texts(
    text: pa.Array, digits: _Digits, rounded: bool, name: str, convert: Callable[[Decimal, int], int]
) -> Exact:
    """Quick for numbers of usual size; the others are taken singly by `convert`, which may refuse them."""
    wide = pc.cast(shaped(text, _PLAIN_DECIMAL), pa.decimal128(38, _DECIMALS))
    halves = np.frombuffer(wide.buffers()[1], dtype="<i8").reshape(-1, 2)[
        wide.offset : wide.offset + len(wide)
    ]
    low, high = halves[:, 0], halves[:, 1]
    unit = 10 ** (_DECIMALS - digits)
    settled = known(wide) & (high == low >> 63) & (low % unit == 0)
    units, reasons = np.where(settled, low // unit, 0), dict[int, str]()
    for row in np.flatnonzero(~settled & known(text)).tolist():
        written = text[row].as_py()
        if not is_number_text(written):
            reasons[row] = f"{name} {written!r} is not a number"
            continue
        try:
            number = Decimal(written)
            units[row] = convert(_rounded(number, int(digits[row])) if rounded else number, row)
            settled[row] = True
        except (ValueError, OverflowError) as error:
            reasons[row] = str(error)
    return pa.array(units, mask=~settled), reasons


def _rounded(number: Decimal, digits: int) -> Decimal:
    """To whole units; what is too large or not finite stays for the conversion to refuse."""
    if not number.is_finite() or number.adjusted() > _DECIMALS * 2:
        return number
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def _of_floats(column: pa.Array, digits: _Digits, rounded: bool, name: str, limit: str) -> Exact:
    precision = np.finfo(column.type.to_pandas_dtype()).eps
    numbers = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    scaled = numbers * 10.0**digits
    with np.errstate(invalid="ignore"):
        near = np.abs(scaled - np.rint(scaled)) <= np.minimum(1e-6 + 4 * precision * np.abs(scaled), 0.25)
        good = (near | rounded) & (np.abs(scaled) < 2.0**53)
    reasons = {
        int(row): f"{name} is not a finite number" if not np.isfinite(numbers[row])
        else f"{name} {numbers[row]} has more digits than {limit}"
        for row in np.flatnonzero(~good & known(column))
    }  # fmt: skip
    return pa.array(np.where(good, np.rint(scaled), 0).astype(np.int64), mask=~good), reasons


def _digits_of(currencies: pa.Array) -> _Digits:
    encoded = pc.fill_null(currencies, "").dictionary_encode()
    of_code = np.array([minor_digits(code.as_py()) for code in encoded.dictionary], dtype=np.int64)
    digits: _Digits = of_code[encoded.indices.to_numpy()]
    return digits
