"""What an event keeps, packed into words: only the columns that some operation needs, in the bits they need.

Raw values are not negative; 0 is unknown. A filter is a column of one bit that is decided on arrival.
"""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel.tables import (
    AGE_TIME,
    AT_LEAST,
    AT_MOST,
    CHOICE,
    EMPTY,
    FILTER,
    HASH,
    INTEGER,
    INTEGER_BIAS,
    NARROW_BIAS,
    NUMBER,
    NUMBER_AT_LEAST,
    NUMBER_AT_MOST,
    NUMBER_BIAS,
    REFUND,
)

_LARGEST = np.int64(INTEGER_BIAS - 1)
_LARGEST_NUMBER = float(np.finfo(np.float32).max)
_LOW_31 = np.int64(0x7FFF_FFFF)
_LOW_32 = np.int64(0xFFFF_FFFF)


@inlined
def raw(column, words, at):  # type: ignore[no-untyped-def]
    """The raw value of a column (a record) of the event whose words start at `at`."""
    low = (np.int64(words[at + column.word]) >> column.shift) & column.mask
    if column.high_mask == 0:
        return low
    high = np.int64(words[at + column.high_word]) >> column.high_shift
    return low | ((high & column.high_mask) << 32)


@inlined
def passes(columns, words, at, condition):  # type: ignore[no-untyped-def]
    """Whether the event satisfies a filter, or there is none."""
    return condition < 0 or raw(columns[condition], words, at) != 0


@inlined
def age(operations, words, at, watermark):  # type: ignore[no-untyped-def]
    """How long before the watermark the event was, in ms; it is a remembered one."""
    time = np.int64(words[at])
    if operations.time_mask != _LOW_32:
        time = raw(operations.columns[0], words, at)
    return (watermark - time) & operations.time_mask


@inlined
def pack(operations, values, timestamp, packed, current):  # type: ignore[no-untyped-def]
    """Write words and raw values of the payment with these values (F,) to `packed` and `current`."""
    for word in range(len(packed)):
        packed[word] = 0
    for number in range(len(operations.columns)):
        column = operations.columns[number]
        found = _encode(operations, values, timestamp, column)
        current[number] = found
        write_raw(column, packed, 0, found)


@inlined
def write_raw(column, words, at, found):  # type: ignore[no-untyped-def]
    """Write a raw value to an event whose words start at `at`, and have 0 there."""
    words[at + column.word] |= np.uint32((found & column.mask) << column.shift)
    if column.high_mask != 0:
        words[at + column.high_word] |= np.uint32(((found >> 32) & column.high_mask) << column.high_shift)


@inlined
def fits(operations, values):  # type: ignore[no-untyped-def]
    """Whether the values of a payment (F,) fit into the bits that an event has for them."""
    for source in operations.narrow:
        value = values[source]
        if (value >= NARROW_BIAS or value <= -NARROW_BIAS) and value != EMPTY:
            return False
    return True


@inlined
def _encode(operations, values, timestamp, column):  # type: ignore[no-untyped-def]
    if column.encoding == AGE_TIME:
        return timestamp & operations.time_mask
    if column.encoding == FILTER:
        return np.int64(_satisfies(operations, values, column))
    value = values[column.source]
    if column.encoding == NUMBER:
        return ordered(np.int64(value).view(np.float64))  # -0.0 has the bits of an unknown integer
    if column.encoding == HASH:
        return max(value & _LOW_32, np.int64(value != 0))
    if value == EMPTY:
        return np.int64(0)
    if column.encoding == INTEGER:
        value = min(max(value, -_LARGEST), _LARGEST)
    return value + column.bias


@inlined
def finite(number):  # type: ignore[no-untyped-def]
    """A number, NaN if it is beyond what a float32 holds: no model is trained on infinite features."""
    return number if abs(number) <= _LARGEST_NUMBER else np.nan


@inlined
def ordered(number):  # type: ignore[no-untyped-def]
    """A float32 as an integer above 0 that sorts as it does; 0 if it is NaN, or would be infinite."""
    if np.isnan(finite(number)):
        return np.int64(0)
    bits = np.int64(np.float32(number + 0.0).view(np.int32))
    return (bits if bits >= 0 else bits ^ _LOW_31) + NUMBER_BIAS


@inlined
def number_of(value):  # type: ignore[no-untyped-def]
    """The inverse of `ordered`, of a value from which `NUMBER_BIAS` was taken."""
    return np.int32(value if value >= 0 else value ^ _LOW_31).view(np.float32)


@inlined
def _satisfies(operations, values, column):  # type: ignore[no-untyped-def]
    row = column.source
    while row < column.end and _holds(operations, values, operations.conditions[row]):
        row += 1
    return row == column.end


@inlined
def _holds(operations, values, condition):  # type: ignore[no-untyped-def]
    """Whether a condition holds; of an unknown value only that it is a payment."""
    value = values[condition.field]
    if condition.test == AT_LEAST:
        return value != EMPTY and value >= condition.limit
    if condition.test == AT_MOST:
        return value != EMPTY and value <= condition.limit
    if condition.test == NUMBER_AT_LEAST:
        return np.int64(value).view(np.float64) >= np.int64(condition.limit).view(np.float64)
    if condition.test == NUMBER_AT_MOST:
        return np.int64(value).view(np.float64) <= np.int64(condition.limit).view(np.float64)
    if condition.test == CHOICE:
        return _is_chosen(operations, value, condition)
    is_refund = value != EMPTY and value < 0
    if not is_refund and condition.limit >= 0:
        is_refund = _is_chosen(operations, values[condition.limit], condition)
    return is_refund == (condition.test == REFUND)


@inlined
def _is_chosen(operations, value, condition):  # type: ignore[no-untyped-def]
    choice = condition.first_choice
    while choice < condition.end_choice and operations.choices[choice] != value:
        choice += 1
    return choice < condition.end_choice
