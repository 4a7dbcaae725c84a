"""Groups: the events of a card's window that pass a filter and have the same values as the event at hand.

Comparing values is comparing words under masks, without unpacking them. Small cards are scanned, large ones
have an index.
"""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel import value_index
from fraud.native.kernel.packing import passes, raw
from fraud.native.kernel.tables import (
    ADDEND,
    BIAS,
    END_KEY,
    END_WORD,
    FIRST_KEY,
    FIRST_WORD,
    FOUND_COUNT,
    FOUND_HIGH,
    FOUND_LOW,
    FOUND_SUM,
    WHERE,
    WINDOW,
)

_LOW_32 = np.int64(0xFFFF_FFFF)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@inlined
def square_halves(value):  # type: ignore[no-untyped-def]
    """The square >> 32 and its low 32 bits, exact below 2 ** 46, where squares need more than 63 bits."""
    high, low = value >> 16, value & 0xFFFF
    middle = high * low  # counts 2 ** 17 times
    rest = ((middle & 0x7FFF) << 17) + low * low
    return high * high + (middle >> 15) + (rest >> 32), rest & _LOW_32


@inlined
def is_known(operations, words, at, group):  # type: ignore[no-untyped-def]
    """Whether the event has a value of each column that the group's events agree in."""
    key, end = operations.groups[group, FIRST_KEY], operations.groups[group, END_KEY]
    while key < end and raw(operations.columns, words, at, operations.keys[key]) != 0:
        key += 1
    return key == end


@inlined
def belongs(operations, words, at, group):  # type: ignore[no-untyped-def]
    """Whether the event is one of those that the group can hold."""
    addend = operations.groups[group, ADDEND]
    return (
        passes(operations.columns, words, at, operations.groups[group, WHERE])
        and (addend < 0 or raw(operations.columns, words, at, addend) != 0)
        and is_known(operations, words, at, group)
    )


@inlined
def add(operations, state, slot, group, words, at):  # type: ignore[no-untyped-def]
    """Add an event to the index; returns how many of its group have its values now."""
    addend, high, low = _addends(operations, words, at, group)
    card, value = state.cards[slot].hash, _value(operations, words, at, group)
    return value_index.add(state.entries, state.used, card, group, value, addend, high, low)


@inlined
def remove(operations, state, slot, group, words, at):  # type: ignore[no-untyped-def]
    """Remove an event from the index; returns how many of its group with its values are left."""
    addend, high, low = _addends(operations, words, at, group)
    card, value = state.cards[slot].hash, _value(operations, words, at, group)
    return value_index.remove(state.entries, state.used, card, group, value, addend, high, low)


@inlined
def has(operations, state, slot, group, words, at):  # type: ignore[no-untyped-def]
    """Whether the group has an event with the values of the one at `at`."""
    if state.indexed[slot]:
        value = _value(operations, words, at, group)
        return value_index.find(state.entries, state.cards[slot].hash, group, value) >= 0
    first, end = _span(operations, state, slot, group)
    return last_match(operations, state, group, words, at, first, end) >= first


@inlined
def measure(operations, state, slot, group):  # type: ignore[no-untyped-def]
    """Fill in `State.found` of a group for the event at hand; a count of -1: a value of it is unknown."""
    found = state.found
    found[group, FOUND_COUNT] = found[group, FOUND_SUM] = found[group, FOUND_HIGH] = found[
        group, FOUND_LOW
    ] = 0
    if not is_known(operations, state.packed, 0, group):
        found[group, FOUND_COUNT] = -1
    elif state.indexed[slot]:
        _look_up(operations, state, slot, group)
    else:
        _scan(operations, state, slot, group)


@inlined
def _look_up(operations, state, slot, group):  # type: ignore[no-untyped-def]
    found, value = state.found, _value(operations, state.packed, 0, group)
    entry_index = value_index.find(state.entries, state.cards[slot].hash, group, value)
    if entry_index >= 0:
        entry = state.entries[entry_index]
        found[group, FOUND_COUNT], found[group, FOUND_SUM] = entry.count, entry.sum
        found[group, FOUND_HIGH], found[group, FOUND_LOW] = entry.high, entry.low


@inlined
def _scan(operations, state, slot, group):  # type: ignore[no-untyped-def]
    found = state.found
    first, end = _span(operations, state, slot, group)
    position = last_match(operations, state, group, state.packed, 0, first, end)
    while position >= first:
        at = position * operations.width
        addend = operations.groups[group, ADDEND]
        if addend < 0 or raw(operations.columns, state.events, at, addend) != 0:
            addend, high, low = _addends(operations, state.events, at, group)
            found[group, FOUND_COUNT] += 1
            found[group, FOUND_SUM] += addend
            found[group, FOUND_HIGH] += high
            found[group, FOUND_LOW] += low
        position = last_match(operations, state, group, state.packed, 0, first, position)


@inlined
def last_match(operations, state, group, words, at, first, end):  # type: ignore[no-untyped-def]
    """The last position in `first` to `end` - 1 of an event like the one at `at`; less if there is none."""
    word = operations.groups[group, FIRST_WORD]
    offset, values = operations.words[word, 0], operations.words[word, 1]
    wanted = (np.int64(words[at + offset]) & values) | operations.words[word, 2]
    mask = values | operations.words[word, 2]
    position, place = end - 1, (end - 1) * operations.width + offset
    while position >= first:
        if np.int64(state.events[place]) & mask == wanted and _rest_matches(
            operations, state, group, words, at, position
        ):
            break
        position -= 1
        place -= operations.width
    return position


@inlined
def first_match(operations, state, group, words, at, first, end):  # type: ignore[no-untyped-def]
    """The first position in `first` to `end` - 1 of an event like the one at `at`; `end` if none is."""
    position = first
    while position < end and not (
        _matches(operations, state, operations.groups[group, FIRST_WORD], words, at, position)
        and _rest_matches(operations, state, group, words, at, position)
    ):
        position += 1
    return position


@inlined
def _rest_matches(operations, state, group, words, at, position):  # type: ignore[no-untyped-def]
    word, end = operations.groups[group, FIRST_WORD] + 1, operations.groups[group, END_WORD]
    while word < end and _matches(operations, state, word, words, at, position):
        word += 1
    return word == end


@inlined
def _matches(operations, state, word, words, at, position):  # type: ignore[no-untyped-def]
    offset, values, bits = operations.words[word, 0], operations.words[word, 1], operations.words[word, 2]
    stored = np.int64(state.events[position * operations.width + offset])
    return stored & (values | bits) == (np.int64(words[at + offset]) & values) | bits


@inlined
def _value(operations, words, at, group):  # type: ignore[no-untyped-def]
    """The values of the group's columns as one number: themselves where they are in one word, else a hash."""
    value = np.uint64(0)
    for word in range(operations.groups[group, FIRST_WORD], operations.groups[group, END_WORD]):
        masked = np.int64(words[at + operations.words[word, 0]]) & operations.words[word, 1]
        value = (value ^ (value >> np.uint64(32))) * _FACTOR + np.uint64(masked)
    return value


@inlined
def _addends(operations, words, at, group):  # type: ignore[no-untyped-def]
    """What an event adds to sum and squares of its group."""
    column = operations.groups[group, ADDEND]
    if column < 0:
        return np.int64(0), np.int64(0), np.int64(0)
    value = raw(operations.columns, words, at, column) - operations.columns[column, BIAS]
    high, low = square_halves(value)
    return value, high, low


@inlined
def _span(operations, state, slot, group):  # type: ignore[no-untyped-def]
    """The positions in the arena of the group's window: its first, and its end."""
    card = state.cards[slot]
    start = card.block + card.head
    return start + state.counts[slot, operations.groups[group, WINDOW]], start + card.count
