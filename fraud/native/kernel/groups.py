"""Groups: the events of a card's window that pass a filter and have the same values as the event at hand.

Comparing values is comparing words under masks, without unpacking them. Small cards are scanned, large ones
have an index.
"""

import numpy as np

from fraud.native.jit import compile_functions, inlined
from fraud.native.kernel import squares, value_index
from fraud.native.kernel.packing import passes, raw

_FACTOR = np.uint64(0x9E3779B97F4A7C15)

square_halves = compile_functions(squares, squares.COMPILED)["square_halves"]


@inlined
def is_known(operations, words, at, group):  # type: ignore[no-untyped-def]
    """Whether the event has a value of each column that the group's events agree in."""
    record = operations.groups[group]
    key = record.first_key
    while key < record.end_key and raw(operations.columns[operations.keys[key]], words, at) != 0:
        key += 1
    return key == record.end_key


@inlined
def belongs(operations, words, at, group):  # type: ignore[no-untyped-def]
    """Whether the event is one of those that the group can hold."""
    record = operations.groups[group]
    return (
        passes(operations.columns, words, at, record.condition)
        and passes(operations.columns, words, at, record.addend)
        and is_known(operations, words, at, group)
    )


@inlined
def add(operations, state, card_hash, group, words, at):  # type: ignore[no-untyped-def]
    """Add an event to the index; returns how many of its group have its values now."""
    addend, high, low = _addends(operations, words, at, group)
    value = _value(operations, words, at, group)
    return value_index.add(state.entries, state.used, card_hash, group, value, addend, high, low)


@inlined
def remove(operations, state, card_hash, group, words, at):  # type: ignore[no-untyped-def]
    """Remove an event from the index; returns how many of its group with its values are left."""
    addend, high, low = _addends(operations, words, at, group)
    value = _value(operations, words, at, group)
    return value_index.remove(state.entries, state.used, card_hash, group, value, addend, high, low)


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
    found = state.found[group]
    found.count = found.sum = found.high = found.low = 0
    if not is_known(operations, state.packed, 0, group):
        found.count = -1
    elif state.indexed[slot]:
        _look_up(operations, state, slot, group)
    else:
        _scan(operations, state, slot, group)


@inlined
def _look_up(operations, state, slot, group):  # type: ignore[no-untyped-def]
    found, value = state.found[group], _value(operations, state.packed, 0, group)
    number = value_index.find(state.entries, state.cards[slot].hash, group, value)
    if number >= 0:
        entry = state.entries[number]
        found.count, found.sum, found.high, found.low = entry.count, entry.sum, entry.high, entry.low


@inlined
def _scan(operations, state, slot, group):  # type: ignore[no-untyped-def]
    found, record = state.found[group], operations.groups[group]
    first, end = _span(operations, state, slot, group)
    position = last_match(operations, state, group, state.packed, 0, first, end)
    while position >= first:
        at = position * operations.width
        if passes(operations.columns, state.events, at, record.addend):
            addend, high, low = _addends(operations, state.events, at, group)
            found.count += 1
            found.sum += addend
            found.high += high
            found.low += low
        position = last_match(operations, state, group, state.packed, 0, first, position)


@inlined
def last_match(operations, state, group, words, at, first, end):  # type: ignore[no-untyped-def]
    """The last position in `first` to `end` - 1 of an event like the one at `at`; less if there is none."""
    record = operations.groups[group]
    word = operations.words[record.first_word]
    mask = word.values | word.filter
    wanted = (np.int64(words[at + word.word]) & word.values) | word.filter
    is_all, width = record.end_word - record.first_word == 1, operations.width
    position, place = end - 1, (end - 1) * width + word.word
    while position >= first:
        if np.int64(state.events[place]) & mask == wanted and (
            is_all or _rest_matches(operations, state, group, words, at, position)
        ):
            break
        position -= 1
        place -= width
    return position


@inlined
def first_match(operations, state, group, words, at, first, end):  # type: ignore[no-untyped-def]
    """The first position in `first` to `end` - 1 of an event like the one at `at`; `end` if none is."""
    first_word, position = operations.groups[group].first_word, first
    while position < end and not (
        _matches(operations, state, first_word, words, at, position)
        and _rest_matches(operations, state, group, words, at, position)
    ):
        position += 1
    return position


@inlined
def _rest_matches(operations, state, group, words, at, position):  # type: ignore[no-untyped-def]
    record = operations.groups[group]
    word = record.first_word + 1
    while word < record.end_word and _matches(operations, state, word, words, at, position):
        word += 1
    return word == record.end_word


@inlined
def _matches(operations, state, number, words, at, position):  # type: ignore[no-untyped-def]
    word = operations.words[number]
    stored = np.int64(state.events[position * operations.width + word.word])
    wanted = (np.int64(words[at + word.word]) & word.values) | word.filter
    return stored & (word.values | word.filter) == wanted


@inlined
def _value(operations, words, at, group):  # type: ignore[no-untyped-def]
    """The values of the group's columns as one number: themselves where they are in one word, else a hash."""
    value, record = np.uint64(0), operations.groups[group]
    for number in range(record.first_word, record.end_word):
        word = operations.words[number]
        masked = np.int64(words[at + word.word]) & word.values
        value = (value ^ (value >> np.uint64(32))) * _FACTOR + np.uint64(masked)
    return value


@inlined
def _addends(operations, words, at, group):  # type: ignore[no-untyped-def]
    """What an event adds to sum and squares of its group."""
    addend = operations.groups[group].addend
    if addend < 0:
        return np.int64(0), np.int64(0), np.int64(0)
    column = operations.columns[addend]
    value = raw(column, words, at) - column.bias
    high, low = square_halves(value)
    return value, high, low


@inlined
def _span(operations, state, slot, group):  # type: ignore[no-untyped-def]
    """The positions in the arena of the group's window: its first, and its end."""
    card = state.cards[slot]
    end = card.block + card.head + card.count
    return end - state.counts[slot, operations.groups[group].window], end
