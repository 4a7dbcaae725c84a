"""An index of the events of large cards by value: the kernel need not scan them, which grows with a card.

One open-addressing table (linear probing, deletion by shifting back; Knuth, The Art of Computer Programming
vol. 3, 6.4 R) serves all large cards of a store. It is derived from the cards' events, so it is neither
copied nor kept in snapshots: a card enters it again with its next event.
"""

import numpy as np

from fraud.native.jit import compiled, inlined

USED_CARDS, USED_EVENTS, USED_ENTRIES, LACKING_ENTRIES, USED_IDS, IS_FULL_OF_IDS = range(6)
"""Indices of `kernel.State.used`."""

FREE, MERCHANT, CATEGORY, COUNTRY = range(4)
KINDS = 3

ENTRY = np.dtype(
    [
        ("card", np.uint64),
        ("value", np.uint64),
        ("count", np.int32),  # events with this value in the longest window
        ("in_day", np.int32),  # and in 24 hours
        ("kind", np.int32),
    ]
)


@inlined
def find(index, card, kind, value):  # type: ignore[no-untyped-def]
    """The index of the value's entry, or -1."""
    entry_index = _find_entry(index, card, kind, value)
    return entry_index if index[entry_index].kind != FREE else np.int64(-1)


@inlined
def add(index, used, card, kind, value, in_day):  # type: ignore[no-untyped-def]
    """Count an event with this value; `used` counts the entries."""
    entry = index[_find_entry(index, card, kind, value)]
    if entry.kind == FREE:
        entry.card, entry.kind, entry.value = card, kind, value
        entry.count = entry.in_day = 0
        used[USED_ENTRIES] += 1
    entry.count += 1
    entry.in_day += in_day


@inlined
def remove_from_day(index, card, kind, value):  # type: ignore[no-untyped-def]
    """Count an event with this value as older than 24 hours."""
    index[_find_entry(index, card, kind, value)].in_day -= 1


@inlined
def remove(index, used, card, kind, value):  # type: ignore[no-untyped-def]
    """Remove an event with this value."""
    entry_index = _find_entry(index, card, kind, value)
    index[entry_index].count -= 1
    if index[entry_index].count == 0:
        _free(index, entry_index)
        used[USED_ENTRIES] -= 1


@compiled
def copy_entries(source, target):  # type: ignore[no-untyped-def]
    """Copy every entry to an empty table of another size."""
    for entry_index in range(len(source)):
        entry = source[entry_index]
        if entry.kind != FREE:
            target[_find_entry(target, entry.card, entry.kind, entry.value)] = entry


@inlined
def _find_entry(index, card, kind, value):  # type: ignore[no-untyped-def]
    """The index of the value's entry, or of the free entry for it."""
    mask = len(index) - 1
    entry_index = _first_probe(card, kind, value, mask)
    while index[entry_index].kind != FREE:
        entry = index[entry_index]
        if entry.value == value and entry.card == card and entry.kind == kind:
            break
        entry_index = (entry_index + 1) & mask
    return entry_index


@inlined
def _first_probe(card, kind, value, mask):  # type: ignore[no-untyped-def]
    mixed = (card ^ (value + np.uint64(kind)) * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))


@inlined
def _free(index, freed):  # type: ignore[no-untyped-def]
    """Free an entry and shift back the entries after it that collided with it."""
    mask = len(index) - 1
    entry_index = (freed + 1) & mask
    while index[entry_index].kind != FREE:
        entry = index[entry_index]
        first = _first_probe(entry.card, entry.kind, entry.value, mask)
        if (entry_index - first) & mask >= (entry_index - freed) & mask:
            index[freed] = entry
            freed = entry_index
        entry_index = (entry_index + 1) & mask
    index[freed].kind = FREE
