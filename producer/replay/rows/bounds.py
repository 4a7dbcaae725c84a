"""What a field's values must not exceed, as rows of a batch break it."""

from collections.abc import Iterator
from math import inf

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.fields import MAX_UNITS, Field, FieldType
from fraud.messages.transaction import time_bounds
from fraud.schema import is_currency, minor_digits

Violation = tuple[pa.Array, str]
"""Which rows break a bound, and the words for it."""


def violations(field: Field, column: pa.Array, currencies: pa.Array | None = None) -> Iterator[Violation]:
    """The bounds that values (in the field's Arrow type) break; money is bounded in whole units."""
    if field.type is FieldType.CURRENCY:
        yield _other_than_currencies(column), "is not a code of three capitals"
    elif field.is_text:
        length = pc.utf8_length(column)
        yield pc.less(length, field.min_length), f"is shorter than {field.min_length}"
        yield pc.greater(length, field.max_length), f"is longer than {field.max_length}"
    elif field.type is FieldType.TIME:
        yield from _outside(column, *time_bounds(field))
    elif field.type is FieldType.NUMBER:
        yield from _outside(column, field.lowest, field.highest)
    elif field.type is not FieldType.BOOLEAN:
        yield from _outside_units(field, column, currencies)


def _outside(column: pa.Array, lowest: float, highest: float) -> Iterator[Violation]:
    if lowest > -inf:
        yield pc.less(column, lowest), f"is below {lowest:.15g}"
    if highest < inf:
        yield pc.greater(column, highest), f"is above {highest:.15g}"


def _outside_units(field: Field, column: pa.Array, currencies: pa.Array | None) -> Iterator[Violation]:
    """Integers of minor units, or of units of the field's scale, against bounds in whole ones."""
    if field.name != "amount":  # whose limit depends on its currency
        yield pc.greater(pc.abs(column), MAX_UNITS), f"has more than {MAX_UNITS} units"
    if field.lowest == -inf and field.highest == inf:
        return
    digits = np.full(len(column), field.scale)
    if field.type is FieldType.MONEY:
        codes = [] if currencies is None else currencies.to_pylist()
        digits = np.array([minor_digits(code or "") for code in codes], dtype=np.int64)
    whole = pc.divide(pc.cast(column, pa.float64(), safe=False), pa.array(10.0**digits))
    yield from _outside(whole, field.lowest, field.highest)


def _other_than_currencies(codes: pa.Array) -> pa.Array:
    wrong = [code for code in pc.unique(codes).to_pylist() if code is not None and not is_currency(code)]
    return pc.is_in(codes, pa.array(wrong, pa.string()))
