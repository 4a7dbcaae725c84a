"""Events enter and leave a card's windows: each adds to, or takes from, what the window's operations keep."""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel import groups
from fraud.native.kernel.groups import square_halves
from fraud.native.kernel.packing import age, passes, raw
from fraud.native.kernel.tables import (
    ACTION,
    BIAS,
    COLUMN,
    CONDITION,
    COUNT,
    EMPTY,
    EXTRA,
    LARGEST,
    NEVER,
    PLACE,
    SLOT,
    SUM,
    VALUES,
)


@inlined
def clear(operations, state, slot):  # type: ignore[no-untyped-def]
    """What a card without events has."""
    for column in range(state.counts.shape[1]):
        state.counts[slot, column] = 0
    for column in range(state.totals.shape[1]):
        state.totals[slot, column] = 0
    for row in range(len(operations.updates)):
        if operations.updates[row, ACTION] == LARGEST:
            state.totals[slot, operations.updates[row, SLOT]] = EMPTY
        elif operations.updates[row, ACTION] == PLACE:
            state.totals[slot, operations.updates[row, SLOT]] = NEVER


@inlined
def expire(operations, state, slot, watermark):  # type: ignore[no-untyped-def]
    """Move the end of the windows to `watermark`, and drop the events before the longest."""
    card = state.cards[slot]
    start, moved = card.block + card.head, watermark - card.watermark
    for window in range(len(operations.windows)):
        has_lost, limit = False, operations.windows[window] - moved
        while state.counts[slot, window] < card.count:
            at = (start + state.counts[slot, window]) * operations.width
            if age(operations, state.events, at, card.watermark) < limit:
                break
            state.counts[slot, window] += 1
            has_lost |= _leave(operations, state, slot, window, at)
        if has_lost:
            _find_lost(operations, state, slot, window)
    card.watermark = watermark
    _drop_expired(operations, state, slot)


@inlined
def _leave(operations, state, slot, window, at):  # type: ignore[no-untyped-def]
    """Take an event out of a window; returns whether a largest value went with it."""
    columns, updates, events = operations.columns, operations.updates, state.events
    for row in range(operations.window_updates[window, 0], operations.window_updates[window, 1]):
        action = updates[row, ACTION]
        if action == PLACE or not passes(columns, events, at, updates[row, CONDITION]):
            continue
        if action == VALUES:
            _leave_group(operations, state, slot, row, at)
        else:
            _count_one(operations, state, slot, row, events, at, -1)
    has_lost = False
    for row in range(operations.window_updates[window, 1], operations.window_updates[window, 2]):
        if passes(columns, events, at, updates[row, CONDITION]):
            value = _signed(operations, events, at, row)
            state.lost[row] |= value != EMPTY and value == state.totals[slot, updates[row, SLOT]]
            has_lost |= state.lost[row]
    return has_lost


@inlined
def enter(operations, state, slot, timestamp, values):  # type: ignore[no-untyped-def]
    """Add the event at hand to its windows; it is not among the stored events yet."""
    old = state.cards[slot].watermark - timestamp
    for window in range(len(operations.windows)):
        if old >= operations.windows[window]:
            state.counts[slot, window] += 1
            continue
        for row in range(operations.window_updates[window, 0], operations.window_updates[window, 2]):
            if passes(operations.columns, state.packed, 0, operations.updates[row, CONDITION]):
                _enter_by(operations, state, slot, row, timestamp, values)


@inlined
def _enter_by(operations, state, slot, row, timestamp, values):  # type: ignore[no-untyped-def]
    action = operations.updates[row, ACTION]
    if action == LARGEST:
        at = operations.updates[row, SLOT]
        value = _signed(operations, state.packed, 0, row)
        state.totals[slot, at] = max(state.totals[slot, at], value)
    elif action == VALUES:
        _enter_group(operations, state, slot, row)
    elif action == PLACE:
        _remember_place(operations, state, slot, row, timestamp, values)
    else:
        _count_one(operations, state, slot, row, state.packed, 0, 1)


@inlined
def _count_one(operations, state, slot, row, words, at, sign):  # type: ignore[no-untyped-def]
    """Add (1) or take (-1) the event's part of a count, a sum or squares."""
    updates = operations.updates
    column, target = updates[row, COLUMN], updates[row, SLOT]
    found = raw(operations.columns, words, at, column) if column >= 0 else np.int64(1)
    if found == 0:
        return
    if updates[row, ACTION] == COUNT:
        state.counts[slot, target] += sign
        return
    value = found - operations.columns[column, BIAS]
    if updates[row, ACTION] == SUM:
        state.totals[slot, target] += sign * value
    else:
        high, low = square_halves(value)
        state.totals[slot, target] += sign * high
        state.totals[slot, target + 1] += sign * low


@inlined
def _signed(operations, words, at, row):  # type: ignore[no-untyped-def]
    """The value of which the largest is kept; `EMPTY` if it is unknown."""
    column = operations.updates[row, COLUMN]
    found = raw(operations.columns, words, at, column)
    value = (found - operations.columns[column, BIAS]) * operations.updates[row, EXTRA]
    return value if found != 0 else EMPTY


@inlined
def _find_lost(operations, state, slot, window):  # type: ignore[no-untyped-def]
    """Find the largest values of a window again, after one event that had it has left."""
    for row in range(operations.window_updates[window, 1], operations.window_updates[window, 2]):
        if state.lost[row]:
            state.lost[row] = False
            target = operations.updates[row, SLOT]
            state.totals[slot, target] = _largest(operations, state, slot, window, row)


@inlined
def _largest(operations, state, slot, window, row):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    start, before = card.block + card.head, state.totals[slot, operations.updates[row, SLOT]]
    largest = EMPTY
    for position in range(start + state.counts[slot, window], start + card.count):
        at = position * operations.width
        if passes(operations.columns, state.events, at, operations.updates[row, CONDITION]):
            largest = max(largest, _signed(operations, state.events, at, row))
            if largest == before:
                break
    return largest


@inlined
def _enter_group(operations, state, slot, row):  # type: ignore[no-untyped-def]
    group, counter = operations.updates[row, EXTRA], operations.updates[row, SLOT]
    # Small cards keep nothing of a group but the number of its values.
    if (counter < 0 and not state.indexed[slot]) or not groups.belongs(operations, state.packed, 0, group):
        return
    if state.indexed[slot]:
        is_first = groups.add(operations, state, slot, group, state.packed, 0) == 1
    else:
        is_first = not groups.has(operations, state, slot, group, state.packed, 0)
    if counter >= 0:
        state.counts[slot, counter] += is_first


@inlined
def _leave_group(operations, state, slot, row, at):  # type: ignore[no-untyped-def]
    group, counter = operations.updates[row, EXTRA], operations.updates[row, SLOT]
    if (counter < 0 and not state.indexed[slot]) or not groups.belongs(operations, state.events, at, group):
        return
    if state.indexed[slot]:
        was_last = groups.remove(operations, state, slot, group, state.events, at) == 0
    else:
        was_last = not groups.has(operations, state, slot, group, state.events, at)
    if counter >= 0:
        state.counts[slot, counter] -= was_last


@inlined
def _remember_place(operations, state, slot, row, timestamp, values):  # type: ignore[no-untyped-def]
    """Keep the newest place of a window; it is looked at only while it is in the window."""
    target, source = operations.updates[row, SLOT], operations.updates[row, EXTRA]
    latitude = np.int64(values[source]).view(np.float64)
    longitude = np.int64(values[source + 1]).view(np.float64)
    if np.isnan(latitude) or np.isnan(longitude) or timestamp < state.totals[slot, target]:
        return
    state.totals[slot, target] = timestamp
    state.totals[slot, target + 1] = packed_place(latitude, longitude)


@inlined
def packed_place(latitude, longitude):  # type: ignore[no-untyped-def]
    """Two coordinates as float32 in one number."""
    high, low = np.float32(latitude).view(np.int32), np.float32(longitude).view(np.int32)
    return (np.int64(high) << 32) | (np.int64(low) & np.int64(0xFFFF_FFFF))


@inlined
def _drop_expired(operations, state, slot):  # type: ignore[no-untyped-def]
    card, windows = state.cards[slot], len(operations.windows)
    gone = state.counts[slot, windows - 1]
    if gone > 0:
        card.head += gone
        card.count -= gone
        for window in range(windows):
            state.counts[slot, window] -= gone
        if card.count == 0:
            card.head = 0
