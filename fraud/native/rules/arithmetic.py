"""Operations on registers of numbers that give numbers."""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.rules.program import FAILED, TRUE, Code

_INFINITY, _NAN = np.inf, np.nan
_ONE = np.uint8(1)

ADD, SUBTRACT, MULTIPLY, DIVIDE = int(Code.ADD), int(Code.SUBTRACT), int(Code.MULTIPLY), int(Code.DIVIDE)
REMAINDER, LEAST = int(Code.REMAINDER), int(Code.LEAST)
NEGATE, ABSOLUTE, FIRST_KNOWN = int(Code.NEGATE), int(Code.ABSOLUTE), int(Code.FIRST_KNOWN)


@inlined
def calculate(code, target, left, right, size):  # type: ignore[no-untyped-def]
    """Arithmetic, LEAST and GREATEST."""
    if code == ADD:
        _add(target, left, right, size)
    elif code == SUBTRACT:
        _subtract(target, left, right, size)
    elif code == MULTIPLY:
        _multiply(target, left, right, size)
    elif code == DIVIDE:
        _divide(target, left, right, size)
    elif code == REMAINDER:
        _remainder(target, left, right, size)
    elif code == LEAST:
        _least(target, left, right, size)
    else:
        _greatest(target, left, right, size)


@inlined
def _add(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(left[row] + right[row], left[row], right[row])


@inlined
def _subtract(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(left[row] - right[row], left[row], right[row])


@inlined
def _multiply(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(left[row] * right[row], left[row], right[row])


@inlined
def _divide(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(np.divide(left[row], right[row]), left[row], right[row])


@inlined
def _remainder(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(np.fmod(left[row], right[row]), left[row], right[row])


@inlined
def _least(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(min(left[row], right[row]), left[row], right[row])


@inlined
def _greatest(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _checked(max(left[row], right[row]), left[row], right[row])


@inlined
def _checked(value, x, y):  # type: ignore[no-untyped-def]
    """A result of two numbers: failed if one of them has or if it is not finite, else unknown if one is."""
    has_failed = (abs(x) == _INFINITY) | (abs(y) == _INFINITY)
    is_unknown = (x != x) | (y != y)
    result = value if abs(value) < _INFINITY else _INFINITY
    result = _NAN if is_unknown else result
    return _INFINITY if has_failed else result


@inlined
def choose(code, target, a, b, c, registers, size):  # type: ignore[no-untyped-def]
    """Minus, ABS, COALESCE and CASE."""
    numbers = registers.numbers
    if code == NEGATE:
        _negate(target, numbers[a], size)
    elif code == ABSOLUTE:
        _absolute(target, numbers[a], size)
    elif code == FIRST_KNOWN:
        _first_known(target, numbers[a], numbers[b], size)
    else:
        _choose(target, registers.truths[a], numbers[b], numbers[c], registers.doubts, size)


@inlined
def _negate(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        value = operand[row]
        target[row] = _INFINITY if abs(value) == _INFINITY else -value


@inlined
def _absolute(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = abs(operand[row])


@inlined
def _first_known(target, first, second, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        value = first[row]
        target[row] = second[row] if value != value else value


@inlined
def _choose(target, truths, if_true, otherwise, doubts, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        truth = truths[row]
        value = if_true[row] if truth == TRUE else otherwise[row]
        target[row] = _INFINITY if truth == FAILED else value
        doubts[row] |= truth & (truth - _ONE)
