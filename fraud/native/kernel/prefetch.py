"""What the next payments need is asked of memory while the ones before them are computed.

A payment touches its id's entry, its card's rows and its card's events, each far from the others: waiting for
memory took more than half of the kernel's time. Asking early changes no result.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fraud.native import id_index
from fraud.native.jit import inlined
from fraud.native.kernel.tables import USED_CARDS

_FAR, _NEAR, _NEXT = 6, 4, 2
"""How many payments ahead ids and slots are asked for, then the cards' rows, then their events."""


@intrinsic  # type: ignore[untyped-decorator]
def _load(_: Any, array: Any, index: Any) -> Any:
    """Ask for the element of a contiguous array at a flat index, which may be anywhere."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], signature.args[1], types.intp)
        pointer = builder.bitcast(builder.gep(view.data, [place]), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        is_read, keep_it, is_data = number(0), number(3), number(1)
        builder.call(function, [pointer, is_read, keep_it, is_data])
        return context.get_dummy_value()

    return types.void(array, index), generate


@inlined
def look_ahead(operations, state, heads, row):  # type: ignore[no-untyped-def]
    """Ask for what the payments after `row` need."""
    if row + _FAR < len(heads):
        head = heads[row + _FAR]
        entry = id_index.first_slot(state.ids, head.transaction)
        _load(state.ids.entries, entry)
        _load(state.ids.more, entry)
        _load(state.table, np.int64(head.card & np.uint64(len(state.table) - 1)))
    if row + _NEAR < len(heads):
        slot = _likely_slot(state, heads[row + _NEAR].card)
        _load(state.cards, slot)
        _load(state.counts, slot * state.counts.shape[1])
        _load(state.totals, slot * state.totals.shape[1])
        _load(state.totals, slot * state.totals.shape[1] + 8)
    if row + _NEXT < len(heads):
        slot = _likely_slot(state, heads[row + _NEXT].card)
        if 0 <= slot < state.used[USED_CARDS]:
            _load_events(operations, state, slot)


@inlined
def _likely_slot(state, card_hash):  # type: ignore[no-untyped-def]
    """The slot of a card unless its place in the table is another's; -1 if the place is free."""
    return np.int64(state.table[np.int64(card_hash & np.uint64(len(state.table) - 1))])


@inlined
def _load_events(operations, state, slot):  # type: ignore[no-untyped-def]
    """Ask for a card's last events, of which most were made lately, and the first of each window."""
    card = state.cards[slot]
    end = card.block + card.head + card.count
    _load(state.events, end * operations.width)
    for window in range(len(operations.windows)):
        _load(state.events, (end - state.counts[slot, window]) * operations.width)
