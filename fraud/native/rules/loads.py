"""Operations that fill a register of numbers with what payments have."""

import numpy as np

from fraud.native import admission_rules
from fraud.native.jit import compile_functions, inlined
from fraud.native.rules.program import Code

_INFINITY, _NAN = np.inf, np.nan
_ABSENT = np.int64(-(1 << 63))
_BYTE = 255

LITERAL, PAID_FACTOR, FEATURE = int(Code.LITERAL), int(Code.PAID_FACTOR), int(Code.FEATURE)
INTEGER, AMOUNT, REAL = int(Code.INTEGER), int(Code.AMOUNT), int(Code.REAL)

_currency_index = compile_functions(admission_rules, (admission_rules.currency_index,))["currency_index"]


@inlined
def load(code, out, a, b, program, payments, numbers, start, size):  # type: ignore[no-untyped-def]
    """Values of the payments from `start` on."""
    target = numbers[out]
    if code == LITERAL:
        _fill(target, program.literals[a], size)
    elif code == PAID_FACTOR:
        _load_factors(target, a, program.powers, payments.values, start, size)
    elif code == FEATURE:
        _load_feature(target, a, numbers[b], payments.rows, start, size)
    elif code == INTEGER:
        _load_integer(target, a, numbers[b], payments.values, start, size)
    elif code == AMOUNT:
        _load_amount(target, numbers[b], payments.heads, start, size)
    elif code == REAL:
        _load_real(target, a, payments.reals, start, size)
    else:
        _load_probability(target, payments.probabilities, start, size)


@inlined
def _fill(target, value, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = value


@inlined
def _load_factors(target, column, powers, values, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        currency = values[start + row, column]
        index = _currency_index(currency >> 16, currency >> 8 & _BYTE, currency & _BYTE)
        target[row] = powers[max(index, 0)]


@inlined
def _load_feature(target, column, divisors, rows, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _finite(np.divide(np.float64(rows[start + row, column]), divisors[row]))


@inlined
def _load_integer(target, column, divisors, values, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = np.divide(_units(values[start + row, column]), divisors[row])


@inlined
def _load_amount(target, divisors, heads, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = np.divide(_units(heads[start + row].amount), divisors[row])


@inlined
def _load_real(target, column, reals, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _finite(reals[start + row, column])


@inlined
def _load_probability(target, probabilities, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _finite(probabilities[start + row])


@inlined
def _finite(value):  # type: ignore[no-untyped-def]
    return _INFINITY if abs(value) == _INFINITY else value


@inlined
def _units(value):  # type: ignore[no-untyped-def]
    return _NAN if value == _ABSENT else np.float64(value)
