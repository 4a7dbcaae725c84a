"""What cards of many events hold, by value: it spares the kernel the scans that grow with a card.

One open-addressing table (linear probing, deletion by shifting back; Knuth, The Art of Computer Programming
vol. 3, 6.4 R) for all large cards of a store. It says nothing that the cards' events don't say, so it is
neither copied nor kept: a card enters it anew when it is next seen.
"""

import numpy as np

from fraud.native.jit import compiled, inlined

FREE, MERCHANT, CATEGORY, COUNTRY = range(4)
KINDS = 3

ENTRY = np.dtype(
    [
        ("card", np.uint64),
        ("value", np.uint64),
        ("held", np.int32),  # events with this value in the longest window
        ("in_day", np.int32),  # and in 24 hours
        ("kind", np.int32),
    ]
)


@inlined
def find(index, card, kind, value):  # type: ignore[no-untyped-def]
    """Where the value stands, or -1."""
    place = _place(index, card, kind, value)
    return place if index[place].kind != FREE else np.int64(-1)


@inlined
def enter(index, used, card, kind, value, in_day):  # type: ignore[no-untyped-def]
    """Count an event with this value; `used[2]` counts the entries."""
    entry = index[_place(index, card, kind, value)]
    if entry.kind == FREE:
        entry.card, entry.kind, entry.value = card, kind, value
        entry.held = entry.in_day = 0
        used[2] += 1
    entry.held += 1
    entry.in_day += in_day


@inlined
def leave_day(index, card, kind, value):  # type: ignore[no-untyped-def]
    """An event with this value is older than 24 hours now."""
    index[_place(index, card, kind, value)].in_day -= 1


@inlined
def leave(index, used, card, kind, value):  # type: ignore[no-untyped-def]
    """An event with this value is forgotten."""
    place = _place(index, card, kind, value)
    index[place].held -= 1
    if index[place].held == 0:
        _free(index, place)
        used[2] -= 1


@compiled
def move(source, target):  # type: ignore[no-untyped-def]
    """Carry every entry over to an empty table of another size."""
    for place in range(len(source)):
        entry = source[place]
        if entry.kind != FREE:
            target[_place(target, entry.card, entry.kind, entry.value)] = entry


@inlined
def _place(index, card, kind, value):  # type: ignore[no-untyped-def]
    """Where the value stands, or would."""
    mask = len(index) - 1
    place = _home(card, kind, value, mask)
    while index[place].kind != FREE:
        entry = index[place]
        if entry.value == value and entry.card == card and entry.kind == kind:
            break
        place = (place + 1) & mask
    return place


@inlined
def _home(card, kind, value, mask):  # type: ignore[no-untyped-def]
    mixed = (card ^ (value + np.uint64(kind)) * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))


@inlined
def _free(index, hole):  # type: ignore[no-untyped-def]
    """Empty a place and pull up what was pushed beyond it."""
    mask = len(index) - 1
    place = (hole + 1) & mask
    while index[place].kind != FREE:
        entry = index[place]
        home = _home(entry.card, entry.kind, entry.value, mask)
        if (place - home) & mask >= (place - hole) & mask:
            index[hole] = entry
            hole = place
        place = (place + 1) & mask
    index[hole].kind = FREE
