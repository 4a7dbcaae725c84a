"""Operations that give truths of fields: texts, truths and what is on lists."""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.rules.comparisons import is_among
from fraud.native.rules.list_table import BY_CODE, slot_of
from fraud.native.rules.program import FALSE, NEITHER, TRUE, Code

_T, _F, _N = np.uint8(TRUE), np.uint8(FALSE), np.uint8(NEITHER)
_EITHER = np.uint8(TRUE | FALSE)
_ABSENT = np.int64(-(1 << 63))
_FREE = np.uint64(0)

TRUTH, BOOLEAN, TEXT_AMONG = int(Code.TRUTH), int(Code.BOOLEAN), int(Code.TEXT_AMONG)
SAME_TEXT, TEXT_UNKNOWN = int(Code.SAME_TEXT), int(Code.TEXT_UNKNOWN)


@inlined
def examine(code, target, a, b, c, kind, program, payments, lists, start, size):  # type: ignore[no-untyped-def]
    """Truths of payments from `start` on."""
    values = payments.values
    if code == TRUTH:
        _fill(target, np.uint8(a), size)
    elif code == BOOLEAN:
        _boolean(target, values, a, start, size)
    elif code == TEXT_AMONG:
        _text_among(target, values, a, program.keys, b, c, kind, start, size)
    elif code == SAME_TEXT:
        _same_text(target, values, a, b, kind, start, size)
    elif code == TEXT_UNKNOWN:
        _text_unknown(target, values, a, start, size)
    else:
        _on_list(target, a, b, kind, payments, lists, start, size)


@inlined
def _fill(target, truth, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = truth


@inlined
def _boolean(target, values, column, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        value = values[start + row, column]
        truth = _T if value == 1 else _F
        target[row] = _N if value == _ABSENT else truth


@inlined
def _text_among(target, values, column, keys, first, end, kind, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        value = values[start + row, column]
        target[row] = _matched(is_among(keys, first, end, value), value, kind)


@inlined
def _same_text(target, values, left, right, kind, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        x, y = values[start + row, left], values[start + row, right]
        truth = _matched(x == y, x, kind)
        target[row] = _N if _is_absent(y) else truth


@inlined
def _text_unknown(target, values, column, start, size):  # type: ignore[no-untyped-def]
    for row in range(size):
        target[row] = _T if _is_absent(values[start + row, column]) else _F


@inlined
def _on_list(target, column, number, kind, payments, lists, start, size):  # type: ignore[no-untyped-def]
    slots = lists.slots
    if number < len(lists.sizes) and lists.sizes[number] == 0:
        for row in range(size):
            target[row] = _N if _is_absent(payments.values[start + row, column]) else _F
        return
    owner = (np.uint64(number) << np.uint64(2)) + np.uint64(kind)
    for row in range(size):
        value = payments.values[start + row, column]
        slot = slot_of(slots, owner, np.uint64(value))
        is_valid = (kind == BY_CODE) | (payments.heads[start + row].timestamp < slots[slot].expires)
        is_found = (slots[slot].owner != _FREE) & is_valid
        target[row] = _matched(is_found, value, kind)


@inlined
def _is_absent(value):  # type: ignore[no-untyped-def]
    return (value == 0) | (value == _ABSENT)


@inlined
def _matched(is_same, value, kind):  # type: ignore[no-untyped-def]
    """Of a text whose key is that of another; other texts have the code of a category, too."""
    same = _EITHER if kind == BY_CODE else _T
    truth = same if is_same else _F
    return _N if _is_absent(value) else truth
