"""Operations on registers of sets of truths, which they change."""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.rules.program import FAILED, FALSE, NEITHER, TRUE, Code

_T, _F, _N, _X = np.uint8(TRUE), np.uint8(FALSE), np.uint8(NEITHER), np.uint8(FAILED)
_NONE = np.uint8(0)
_ONE = np.uint8(1)

AND, OR, NOT, SAME_TRUTH = int(Code.AND), int(Code.OR), int(Code.NOT), int(Code.SAME_TRUTH)
TRUTH_UNKNOWN = int(Code.TRUTH_UNKNOWN)


@inlined
def combine(code, target, operand, size):  # type: ignore[no-untyped-def]
    """AND, OR, NOT, `=` and IS NULL of truths, and copies.

    All but copies change `target`: a loop that may write to what it reads from elsewhere is not vectorised.
    """
    if code == AND:
        _and(target, operand, size)
    elif code == OR:
        _or(target, operand, size)
    elif code == NOT:
        _not(target, size)
    elif code == SAME_TRUTH:
        _same_truth(target, operand, size)
    elif code == TRUTH_UNKNOWN:
        _unknown(target, size)
    else:
        _copy(target, operand, size)


@inlined
def _and(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _both(target[row], operand[row])


@inlined
def _or(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _opposite(_both(_opposite(target[row]), _opposite(operand[row])))


@inlined
def _not(target, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _opposite(target[row])


@inlined
def _same_truth(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _same(target[row], operand[row])


@inlined
def _unknown(target, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        truth = target[row]
        is_true = _T if (truth & _N) != 0 else _NONE
        is_false = _F if (truth & (_T | _F)) != 0 else _NONE
        target[row] = is_true | is_false | (truth & _X)


@inlined
def _copy(target, operand, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = operand[row]


@inlined
def _opposite(truth):  # type: ignore[no-untyped-def]
    return (truth & (_N | _X)) | ((truth & _T) << _ONE) | ((truth & _F) >> _ONE)


@inlined
def _both(x, y):  # type: ignore[no-untyped-def]
    """The truths that AND may have; failed comes before unknown."""
    is_unknown = _with(x, _N, y, _T | _N) | _with(y, _N, x, _T | _N)
    has_failed = _with(x, _X, y, _T | _N | _X) | _with(y, _X, x, _T | _N | _X)
    others = (_N if is_unknown else _NONE) | (_X if has_failed else _NONE)
    return (x & y & _T) | ((x | y) & _F) | others


@inlined
def _same(x, y):  # type: ignore[no-untyped-def]
    """The truths that `=` may have; failed comes before unknown."""
    is_true = _with(x, _T, y, _T) | _with(x, _F, y, _F)
    is_false = _with(x, _T, y, _F) | _with(x, _F, y, _T)
    is_unknown = _with(x, _N, y, _T | _F | _N) | _with(y, _N, x, _T | _F | _N)
    truth = (_T if is_true else _NONE) | (_F if is_false else _NONE)
    return truth | (_N if is_unknown else _NONE) | ((x | y) & _X)


@inlined
def _with(x, one, y, others):  # type: ignore[no-untyped-def]
    """Whether `x` may be `one` while `y` is one of `others`."""
    return ((x & one) != 0) & ((y & others) != 0)
