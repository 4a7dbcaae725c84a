"""The compiled kernel's entry: payments in arrival order, one after another."""

from fraud.native import id_index
from fraud.native.jit import compiled, inlined
from fraud.native.kernel import cards, groups, outputs, windows
from fraud.native.kernel.packing import fits, pack
from fraud.native.kernel.prefetch import look_ahead
from fraud.native.kernel.tables import IS_FULL_OF_IDS, IS_TOO_WIDE, USED_IDS


@compiled
def process(operations, state, heads, values, offsets, start, features, outcomes):  # type: ignore[no-untyped-def]
    """Feed payments from row `start` on; returns where it stopped for lack of room.

    Args:
        operations: `tables.Operations`.
        state: `tables.State`.
        heads: records of `fraud.features.events.HEAD`, (n,).
        values: int64 (n, F), C-contiguous.
        offsets: of the payments in the log, int64 (n,).
        start: the first row.
        features: float32 (n, M), its rows are filled in.
        outcomes: uint8 (n,), filled with `id_index.ACCEPTED`, `REPEATED` or `CONFLICT`.
    """
    for row in range(start, len(heads)):
        look_ahead(operations, state, heads, row)
        head = heads[row]
        if not fits(operations, values[row]):
            state.used[IS_TOO_WIDE] = 1
            return row
        if not id_index.has_room(state.ids, state.used[USED_IDS], head):
            state.used[IS_FULL_OF_IDS] = 1
            return row
        entry = id_index.slot_of(state.ids, head.transaction)
        outcomes[row] = id_index.outcome_of(state.ids, entry, head)
        if outcomes[row] != id_index.ACCEPTED:
            continue
        free = id_index.free_slot(state.ids, entry, head.transaction)
        if free < 0:
            state.used[IS_FULL_OF_IDS] = 1
            return row
        slot = cards.slot_with_room(operations, state, head.card, head.timestamp, offsets[row])
        if slot < 0:
            return row
        state.used[USED_IDS] += id_index.take(state.ids, entry, free, head)
        _observe(operations, state, slot, head.timestamp, values[row], features[row])
    return len(heads)


@inlined
def _observe(operations, state, slot, timestamp, values, out):  # type: ignore[no-untyped-def]
    """Write the event's features to `out` and remember the event."""
    card = state.cards[slot]
    pack(operations, values, timestamp, state.packed, state.current)
    position = cards.position_of(operations, state, card, timestamp)
    outputs.write_transforms(operations, values, out)
    for group in range(operations.group_ends[0]):
        groups.measure(operations, state, slot, group)
    outputs.write_before(operations, state, slot, timestamp, values, position, out)
    if _is_in_memory(operations, card, timestamp):
        windows.enter(operations, state, slot, timestamp, values)
        cards.insert_event(operations, state, card, position)
    for group in range(operations.group_ends[0], operations.group_ends[1]):
        groups.measure(operations, state, slot, group)
    outputs.write_windows(operations, state, slot, out)


@inlined
def _is_in_memory(operations, card, timestamp):  # type: ignore[no-untyped-def]
    """Whether an event of this time is in the longest window, and after what the card has forgotten."""
    longest = operations.windows[len(operations.windows) - 1].length
    return card.watermark - timestamp < longest and timestamp > card.horizon
