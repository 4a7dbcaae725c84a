"""Operations on registers of numbers that give truths."""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.rules.program import FAILED, FALSE, NEITHER, TRUE, Code

_T, _F, _N, _X = np.uint8(TRUE), np.uint8(FALSE), np.uint8(NEITHER), np.uint8(FAILED)
_INFINITY = np.inf
_MANY = 16

LESS, LESS_EQUAL, EQUAL, AMONG = int(Code.LESS), int(Code.LESS_EQUAL), int(Code.EQUAL), int(Code.AMONG)


@inlined
def compare(code, target, a, b, c, literals, numbers, size):  # type: ignore[no-untyped-def]
    """Comparisons, IN and IS NULL."""
    if code == LESS:
        _less(target, numbers[a], numbers[b], size)
    elif code == LESS_EQUAL:
        _less_equal(target, numbers[a], numbers[b], size)
    elif code == EQUAL:
        _equal(target, numbers[a], numbers[b], size)
    elif code == AMONG:
        _among(target, numbers[a], literals, b, c, size)
    else:
        _unknown(target, numbers[a], size)


@inlined
def _less(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _compared(left[row] < right[row], left[row], right[row])


@inlined
def _less_equal(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _compared(left[row] <= right[row], left[row], right[row])


@inlined
def _equal(target, left, right, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _compared(left[row] == right[row], left[row], right[row])


@inlined
def _among(target, operand, literals, start, end, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        value = operand[row]
        target[row] = _compared(is_among(literals, start, end, value), value, value)


@inlined
def _unknown(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        value = operand[row]
        truth = _T if value != value else _F
        target[row] = _X if abs(value) == _INFINITY else truth


@inlined
def _compared(is_true, x, y):  # type: ignore[no-untyped-def]
    has_failed = (abs(x) == _INFINITY) | (abs(y) == _INFINITY)
    is_unknown = (x != x) | (y != y)
    truth = _T if is_true else _F
    truth = _N if is_unknown else truth
    return _X if has_failed else truth


@inlined
def is_among(ordered, start, end, value):  # type: ignore[no-untyped-def]
    """Whether `ordered[start:end]`, which ascends, has a value."""
    low, high = start, end
    while high - low > _MANY:
        middle = (low + high) >> 1
        if ordered[middle] <= value:
            low = middle
        else:
            high = middle
    found = False
    for place in range(low, high):
        found |= ordered[place] == value
    return found
