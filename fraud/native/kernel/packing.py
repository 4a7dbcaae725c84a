"""What an event keeps, packed into words: only the columns that some operation needs, in the bits they need.

Raw values are not negative; 0 is unknown. A filter is a column of one bit that is decided on arrival.
"""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel.tables import (
    AGE_TIME,
    AT_LEAST,
    AT_MOST,
    BIAS,
    EMPTY,
    ENCODING,
    END_CHOICE,
    FIELD,
    FILTER,
    FIRST_CHOICE,
    HASH,
    HIGH_MASK,
    HIGH_SHIFT,
    HIGH_WORD,
    INTEGER,
    INTEGER_BIAS,
    LIMIT,
    MASK,
    NUMBER,
    NUMBER_AT_LEAST,
    NUMBER_AT_MOST,
    NUMBER_BIAS,
    SHIFT,
    SOURCE,
    SOURCE_END,
    TEST,
    WORD,
)

_LARGEST = np.int64(INTEGER_BIAS - 1)
_LOW_31 = np.int64(0x7FFF_FFFF)
_LOW_32 = np.int64(0xFFFF_FFFF)


@inlined
def raw(columns, words, at, column):  # type: ignore[no-untyped-def]
    """The raw value of a column of the event whose words start at `at`."""
    low = np.int64(words[at + columns[column, WORD]]) >> columns[column, SHIFT]
    high = np.int64(words[at + columns[column, HIGH_WORD]]) >> columns[column, HIGH_SHIFT]
    return (low & columns[column, MASK]) | ((high & columns[column, HIGH_MASK]) << 32)


@inlined
def passes(columns, words, at, condition):  # type: ignore[no-untyped-def]
    """Whether the event satisfies a filter, or there is none."""
    return condition < 0 or raw(columns, words, at, condition) != 0


@inlined
def age(operations, words, at, watermark):  # type: ignore[no-untyped-def]
    """How long before the watermark the event was, in ms; it is a remembered one."""
    return (watermark - raw(operations.columns, words, at, 0)) & operations.time_mask


@inlined
def pack(operations, values, timestamp, packed):  # type: ignore[no-untyped-def]
    """Write the words of the payment with these values (F,) to `packed`."""
    columns = operations.columns
    for word in range(len(packed)):
        packed[word] = 0
    for column in range(len(columns)):
        found = _encode(operations, values, timestamp, column)
        low = (found & columns[column, MASK]) << columns[column, SHIFT]
        packed[columns[column, WORD]] |= np.uint32(low)
        if columns[column, HIGH_MASK] != 0:
            high = ((found >> 32) & columns[column, HIGH_MASK]) << columns[column, HIGH_SHIFT]
            packed[columns[column, HIGH_WORD]] |= np.uint32(high)


@inlined
def _encode(operations, values, timestamp, column):  # type: ignore[no-untyped-def]
    encoding = operations.columns[column, ENCODING]
    if encoding == AGE_TIME:
        return timestamp & operations.time_mask
    if encoding == FILTER:
        return np.int64(_satisfies(operations, values, column))
    value = values[operations.columns[column, SOURCE]]
    if encoding == NUMBER:
        return ordered(np.int64(value).view(np.float64))  # -0.0 has the bits of an unknown integer
    if encoding == HASH:
        return max(value & _LOW_32, np.int64(value != 0))
    if value == EMPTY:
        return np.int64(0)
    if encoding == INTEGER:
        value = min(max(value, -_LARGEST), _LARGEST)
    return value + operations.columns[column, BIAS]


@inlined
def ordered(number):  # type: ignore[no-untyped-def]
    """A float32 as an integer above 0 that sorts as it does; 0 if it is NaN."""
    if np.isnan(number):
        return np.int64(0)
    bits = np.int64(np.float32(number + 0.0).view(np.int32))
    return (bits if bits >= 0 else bits ^ _LOW_31) + NUMBER_BIAS


@inlined
def number_of(value):  # type: ignore[no-untyped-def]
    """The inverse of `ordered`, of a value from which `NUMBER_BIAS` was taken."""
    return np.int32(value if value >= 0 else value ^ _LOW_31).view(np.float32)


@inlined
def _satisfies(operations, values, column):  # type: ignore[no-untyped-def]
    row = operations.columns[column, SOURCE]
    while row < operations.columns[column, SOURCE_END] and _holds(operations, values, row):
        row += 1
    return row == operations.columns[column, SOURCE_END]


@inlined
def _holds(operations, values, row):  # type: ignore[no-untyped-def]
    """Whether a condition holds; never of an unknown value."""
    value, test = values[operations.conditions[row, FIELD]], operations.conditions[row, TEST]
    limit = operations.conditions[row, LIMIT]
    if test == AT_LEAST:
        return value != EMPTY and value >= limit
    if test == AT_MOST:
        return value != EMPTY and value <= limit
    if test == NUMBER_AT_LEAST:
        return np.int64(value).view(np.float64) >= np.int64(limit).view(np.float64)
    if test == NUMBER_AT_MOST:
        return np.int64(value).view(np.float64) <= np.int64(limit).view(np.float64)
    choice = operations.conditions[row, FIRST_CHOICE]
    end = operations.conditions[row, END_CHOICE]
    while choice < end and operations.choices[choice] != value:
        choice += 1
    return choice < end
