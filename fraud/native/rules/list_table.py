"""The entries of lists in a table that compiled code looks values up in.

One open-addressing table for all lists, linear probing; entries are removed by moving those behind them
(Knuth, The Art of Computer Programming vol. 3, 6.4, algorithm R), so that it needs no rebuilding. A value is
in it by each of the ways in which `Events.values` may have it: the hash of the text; the code of a category,
which several values share and which has their number in the place of the expiry; the number of a currency.
"""

import numpy as np
import numpy.typing as npt

from fraud.native.jit import compiled, inlined

SLOT = np.dtype([("key", np.uint64), ("expires", np.int64), ("owner", np.uint64)])
"""Of a table: `owner` is the list and the way, 0 of a free slot; `expires` ms."""

BY_HASH, BY_CODE, BY_CURRENCY = 1, 2, 3
"""The ways; `owner` is four times the list's number and one of them."""

NEVER = (1 << 63) - 1
_CODES = 65_535
_MAX_SHARE = 0.5
_MIN_SLOTS = 1 << 10
_FACTOR, _OWNER_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_HALF, _FREE, _ONE = np.uint64(32), np.uint64(0), np.uint64(1)
_NOTHING = np.int64(-1)

Slots = npt.NDArray[np.void]


def empty_slots(used: int = 0) -> Slots:
    """A table in which so many slots, and as many again, can be in use."""
    needed = max(int(used / _MAX_SHARE), _MIN_SLOTS)
    return np.zeros(1 << needed.bit_length(), dtype=SLOT)


def is_room(slots: Slots, used: int) -> bool:
    """Whether so many slots can be in use."""
    return used <= len(slots) * _MAX_SHARE


def most_slots(currencies: npt.NDArray[np.int64]) -> int:
    """How many slots entries of one list take at most; `currencies` as in `put_entries`."""
    return len(currencies) + min(len(currencies), _CODES) + int(np.count_nonzero(currencies))


@inlined
def home_of(slots, owner, key):  # type: ignore[no-untyped-def]
    """The slot at which the search for a key starts."""
    mixed = (key ^ (owner * _OWNER_FACTOR)) * _FACTOR
    return (mixed ^ (mixed >> _HALF)) & np.uint64(len(slots) - 1)


@inlined
def slot_of(slots, owner, key):  # type: ignore[no-untyped-def]
    """The slot of a key, or the free one that ends the search for it."""
    last = np.uint64(len(slots) - 1)
    slot = home_of(slots, owner, key)
    while slots[slot].owner != _FREE and (slots[slot].key != key or slots[slot].owner != owner):
        slot = (slot + _ONE) & last
    return slot


@compiled
def put_entries(slots, list_number, keys, currencies, expiries):  # type: ignore[no-untyped-def]
    """Add entries of a list, for which there is room; returns how many slots and entries are new.

    Args:
        slots: the table.
        list_number: of the list.
        keys: hashes of the n texts, uint64 (n,).
        currencies: as `Events.values` has them, 0 of a text that is none, int64 (n,).
        expiries: ms or `NEVER`, int64 (n,).
    """
    used = entries = 0
    owner = np.uint64(list_number) << np.uint64(2)
    for number in range(len(keys)):
        slot = slot_of(slots, owner + np.uint64(BY_HASH), keys[number])
        is_new = slots[slot].owner == _FREE
        _write(slots, slot, owner + np.uint64(BY_HASH), keys[number], expiries[number])
        if currencies[number] > 0:
            key = np.uint64(currencies[number])
            place = slot_of(slots, owner + np.uint64(BY_CURRENCY), key)
            used += slots[place].owner == _FREE
            _write(slots, place, owner + np.uint64(BY_CURRENCY), key, expiries[number])
        if is_new:
            entries += 1
            used += 1 + _count_code(slots, owner + np.uint64(BY_CODE), _code_of(keys[number]))
    return used, entries


@compiled
def remove_entry(slots, list_number, key, currency):  # type: ignore[no-untyped-def]
    """Remove an entry of a list; returns how many slots became free, 0 if there was none."""
    owner = np.uint64(list_number) << np.uint64(2)
    if not _remove(slots, owner + np.uint64(BY_HASH), np.uint64(key)):
        return 0
    freed = 1 + _remove(slots, owner + np.uint64(BY_CURRENCY), np.uint64(currency))
    slot = slot_of(slots, owner + np.uint64(BY_CODE), _code_of(key))
    slots[slot].expires -= 1
    if slots[slot].expires == 0:
        freed += _remove(slots, owner + np.uint64(BY_CODE), _code_of(key))
    return freed


@compiled
def expiry_of(slots, list_number, key):  # type: ignore[no-untyped-def]
    """The expiry of the entry with this hash; below 0 if there is none."""
    owner = (np.uint64(list_number) << np.uint64(2)) + np.uint64(BY_HASH)
    slot = slot_of(slots, owner, np.uint64(key))
    return _NOTHING if slots[slot].owner == _FREE else slots[slot].expires


@compiled
def move_slots(slots, larger):  # type: ignore[no-untyped-def]
    """Copy all entries to an empty table."""
    for number in range(len(slots)):
        owner, key = slots[number].owner, slots[number].key
        if owner != _FREE:
            _write(larger, slot_of(larger, owner, key), owner, key, slots[number].expires)


@inlined
def _code_of(key):  # type: ignore[no-untyped-def]
    """The code of a category whose text has this hash (`fraud.features.events.code_of`)."""
    return _ONE + key % np.uint64(_CODES)


@inlined
def _write(slots, slot, owner, key, expires):  # type: ignore[no-untyped-def]
    slots[slot].owner, slots[slot].key, slots[slot].expires = owner, key, expires


@inlined
def _count_code(slots, owner, code):  # type: ignore[no-untyped-def]
    """Count one entry more with this code; 1 if it took a slot."""
    slot = slot_of(slots, owner, code)
    is_new = slots[slot].owner == _FREE
    _write(slots, slot, owner, code, np.int64(1) if is_new else slots[slot].expires + np.int64(1))
    return np.int64(is_new)


@inlined
def _remove(slots, owner, key):  # type: ignore[no-untyped-def]
    """Free the slot of a key and close the gap; 0 if there was none."""
    last = np.uint64(len(slots) - 1)
    gap = slot_of(slots, owner, key)
    if slots[gap].owner == _FREE:
        return 0
    slot = (gap + _ONE) & last
    while slots[slot].owner != _FREE:
        home = home_of(slots, slots[slot].owner, slots[slot].key)
        if ((slot - home) & last) >= ((slot - gap) & last):
            _write(slots, gap, slots[slot].owner, slots[slot].key, slots[slot].expires)
            gap = slot
        slot = (slot + _ONE) & last
    slots[gap].owner = _FREE
    return 1
