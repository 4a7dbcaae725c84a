"""An index of the events of large cards by group and values, so that the kernel need not scan them.

One open-addressing table (linear probing, deletion by shifting back; Knuth, The Art of Computer Programming
vol. 3, 6.4 R) serves all large cards of a store. It is derived from the cards' events, so it is neither
copied nor kept in snapshots: a card enters it again with its next event.
"""

import numpy as np

from fraud.native.jit import compiled, inlined
from fraud.native.kernel.tables import USED_ENTRIES

ENTRY = np.dtype(
    [
        ("card", np.uint64),
        ("value", np.uint64),
        ("sum", np.int64),
        ("high", np.int64),  # sums of the two halves of squares
        ("low", np.int64),
        ("count", np.int32),  # events of the group with these values; 0: the entry is free
        ("group", np.int32),
    ]
)


@inlined
def find(index, card, group, value):  # type: ignore[no-untyped-def]
    """The index of the values' entry, or -1."""
    entry_index = _find_entry(index, card, group, value)
    return entry_index if index[entry_index].count > 0 else np.int64(-1)


@inlined
def add(index, used, card, group, value, addend, high, low):  # type: ignore[no-untyped-def]
    """Add an event with these values; returns how many there are now. `used` counts the entries."""
    entry = index[_find_entry(index, card, group, value)]
    if entry.count == 0:
        entry.card, entry.group, entry.value = card, group, value
        entry.sum = entry.high = entry.low = 0
        used[USED_ENTRIES] += 1
    entry.count += 1
    entry.sum += addend
    entry.high += high
    entry.low += low
    return entry.count


@inlined
def remove(index, used, card, group, value, addend, high, low):  # type: ignore[no-untyped-def]
    """Remove an event with these values; returns how many are left."""
    entry_index = _find_entry(index, card, group, value)
    entry = index[entry_index]
    entry.count -= 1
    entry.sum -= addend
    entry.high -= high
    entry.low -= low
    left = entry.count
    if left == 0:
        _close_gap(index, entry_index)
        used[USED_ENTRIES] -= 1
    return left


@compiled
def copy_entries(source, target):  # type: ignore[no-untyped-def]
    """Copy every entry to an empty table of another size."""
    for entry_index in range(len(source)):
        entry = source[entry_index]
        if entry.count > 0:
            target[_find_entry(target, entry.card, entry.group, entry.value)] = entry


@inlined
def _find_entry(index, card, group, value):  # type: ignore[no-untyped-def]
    """The index of the values' entry, or of the free entry for it."""
    mask = len(index) - 1
    entry_index = _first_probe(card, group, value, mask)
    while index[entry_index].count > 0:
        entry = index[entry_index]
        if entry.value == value and entry.card == card and entry.group == group:
            break
        entry_index = (entry_index + 1) & mask
    return entry_index


@inlined
def _first_probe(card, group, value, mask):  # type: ignore[no-untyped-def]
    mixed = (card ^ (value + np.uint64(group)) * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(
        0xD6E8FEB86659FD93
    )
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))


@inlined
def _close_gap(index, freed):  # type: ignore[no-untyped-def]
    """Shift back the entries after a freed one that collided with it."""
    mask = len(index) - 1
    entry_index = (freed + 1) & mask
    while index[entry_index].count > 0:
        entry = index[entry_index]
        first = _first_probe(entry.card, entry.group, entry.value, mask)
        if (entry_index - first) & mask >= (entry_index - freed) & mask:
            index[freed] = entry
            freed = entry_index
        entry_index = (entry_index + 1) & mask
    index[freed].count = 0
