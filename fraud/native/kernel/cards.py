"""Cards and their blocks of events in the arena: found, added, enlarged, indexed, copied."""

import numpy as np

from fraud.native.jit import compiled, inlined
from fraud.native.kernel import groups, memory, windows
from fraud.native.kernel.packing import age, raw, write_raw
from fraud.native.kernel.tables import (
    LACKING_ENTRIES,
    NEVER,
    SMALLEST_BLOCK,
    USED_CARDS,
    USED_ENTRIES,
    USED_EVENTS,
)


@inlined
def slot_with_room(operations, state, card_hash, timestamp, offset):  # type: ignore[no-untyped-def]
    """The slot of a card with room for an event, its windows moved to its watermark; -1: there is no room."""
    slot = find(state, card_hash)
    if slot < 0:
        end = (state.used[USED_EVENTS] + SMALLEST_BLOCK) * operations.width
        if state.used[USED_CARDS] == len(state.cards) or end > len(state.events):
            return np.int32(-1)
        slot = _add_card(operations, state, card_hash, offset)
    if not _make_index_room(operations, state, slot):
        return np.int32(-1)
    card = state.cards[slot]
    is_forgotten = memory.move_horizon(operations, state, slot, timestamp, offset)
    windows.expire(operations, state, slot, max(card.watermark, timestamp), card.horizon)
    if is_forgotten:
        memory.restart_card(operations, state, slot, timestamp, offset)
    if card.head + card.count == card.capacity and not _make_block_room(operations, state, card):
        return np.int32(-1)
    memory.note_payment(operations, state, card, timestamp, offset)
    return slot


@inlined
def find(state, card_hash):  # type: ignore[no-untyped-def]
    """The card's slot, or -1."""
    mask = len(state.table) - 1
    probe = np.int64(card_hash & np.uint64(mask))
    while state.table[probe] >= 0:
        if state.cards[state.table[probe]].hash == card_hash:
            return state.table[probe]
        probe = (probe + 1) & mask
    return np.int32(-1)


@inlined
def _add_card(operations, state, card_hash, offset):  # type: ignore[no-untyped-def]
    slot = np.int32(state.used[USED_CARDS])
    state.used[USED_CARDS] += 1
    card = state.cards[slot]
    card.hash, card.watermark = card_hash, NEVER
    card.block, card.capacity, card.head, card.count = state.used[USED_EVENTS], SMALLEST_BLOCK, 0, 0
    state.used[USED_EVENTS] += SMALLEST_BLOCK
    memory.start_card(state, card, offset)
    windows.clear(operations, state, slot)
    _insert(state.table, card_hash, slot)
    return slot


@inlined
def _insert(table, card_hash, slot):  # type: ignore[no-untyped-def]
    """Insert a card that is not in the table."""
    mask = len(table) - 1
    probe = np.int64(card_hash & np.uint64(mask))
    while table[probe] >= 0:
        probe = (probe + 1) & mask
    table[probe] = slot


@inlined
def _make_index_room(operations, state, slot):  # type: ignore[no-untyped-def]
    """Add a card that has become large to the index; False: the index is full."""
    card, number = state.cards[slot], len(operations.groups)
    if card.count < operations.large and not state.indexed[slot]:
        return True
    lacking = number if state.indexed[slot] else number * (card.count + 1)
    if (state.used[USED_ENTRIES] + lacking) * 2 > len(state.entries):
        state.used[LACKING_ENTRIES] = lacking
        return False
    if not state.indexed[slot]:
        state.indexed[slot] = True
        for group in range(number):
            _index_group(operations, state, slot, group)
    return True


@inlined
def _index_group(operations, state, slot, group):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    end = card.block + card.head + card.count
    for position in range(end - state.counts[slot, operations.groups[group].window], end):
        at = position * operations.width
        if groups.belongs(operations, state.events, at, group):
            groups.add(operations, state, card.hash, group, state.events, at)


@inlined
def _make_block_room(operations, state, card):  # type: ignore[no-untyped-def]
    """Move the card's events to the start of their block, or to a larger block; False: the arena is full."""
    source, target = card.block + card.head, card.block
    if card.head * 16 < card.capacity:
        larger = card.capacity + max(2, card.capacity // 8)
        if (state.used[USED_EVENTS] + larger) * operations.width > len(state.events):
            return False
        target = state.used[USED_EVENTS]
        state.used[USED_EVENTS] += larger
        card.block, card.capacity = target, larger
    copy_words(
        state.events, source * operations.width, target * operations.width, card.count * operations.width
    )
    card.head = 0
    return True


@inlined
def copy_words(events, source, target, count):  # type: ignore[no-untyped-def]
    """Copy words to a place before theirs, or to one that does not overlap with theirs."""
    for word in range(count):
        events[target + word] = events[source + word]


@inlined
def position_of(operations, state, card, timestamp):  # type: ignore[no-untyped-def]
    """The position of an event, counted from the head; after those of the same time."""
    start, position, own = card.block + card.head, np.int64(card.count), card.watermark - timestamp
    while position > 0:
        at = (start + position - 1) * operations.width
        if age(operations, state.events, at, card.watermark) >= own:
            break
        position -= 1
    return position


@inlined
def insert_event(operations, state, card, position):  # type: ignore[no-untyped-def]
    """Put the event at hand among the card's; there is room."""
    width = operations.width
    first, end = (card.block + card.head + position) * width, (card.block + card.head + card.count) * width
    for word in range(end - 1, first - 1, -1):
        state.events[word + width] = state.events[word]
    for word in range(width):
        state.events[first + word] = state.packed[word]
    card.count += 1


@compiled
def slot_of(state, card_hash):  # type: ignore[no-untyped-def]
    """The card's slot, or -1."""
    return find(state, card_hash)


@compiled
def copy_cards(operations, source, target, kept, capacities):  # type: ignore[no-untyped-def]
    """Copy cards from one `State` to an empty one, their blocks one after another.

    Args:
        operations: `tables.Operations`.
        source: from which.
        target: to which; it has room.
        kept: which of the cards, bool (C,).
        capacities: of their blocks in the target, int32 (C,), not less than what is in them.
    """
    for slot in range(len(kept)):
        if not kept[slot]:
            continue
        to, end = target.used[USED_CARDS], target.used[USED_EVENTS]
        target.cards[to] = source.cards[slot]
        old, new = source.cards[slot], target.cards[to]
        start = (old.block + old.head) * operations.width
        for word in range(old.count * operations.width):
            target.events[end * operations.width + word] = source.events[start + word]
        new.block, new.head = end, 0
        new.capacity = capacities[slot]
        for column in range(source.counts.shape[1]):
            target.counts[to, column] = source.counts[slot, column]
        for column in range(source.totals.shape[1]):
            target.totals[to, column] = source.totals[slot, column]
        target.used[USED_CARDS] = to + 1
        target.used[USED_EVENTS] = end + new.capacity


@compiled
def repack_events(source, target, events, repacked, count):  # type: ignore[no-untyped-def]
    """Write the first `count` events of an arena with the bits of other operations of the same definitions.

    Args:
        source: the `tables.Operations` with which they were packed.
        target: those that have more bits for some columns.
        events: the arena.
        repacked: as many events of the target's width, all 0.
        count: of events.
    """
    for position in range(count):
        for number in range(len(source.columns)):
            found = raw(source.columns[number], events, position * source.width)
            if found != 0:
                found += target.columns[number].bias - source.columns[number].bias
            write_raw(target.columns[number], repacked, position * target.width, found)


@compiled
def index_cards(table, cards, count):  # type: ignore[no-untyped-def]
    """Insert the first `count` cards into an empty table."""
    for slot in range(count):
        _insert(table, cards[slot].hash, slot)
