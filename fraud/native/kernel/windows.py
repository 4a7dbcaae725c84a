"""Events enter and leave a card's windows: each adds to, or takes from, what the window's operations keep."""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel import groups
from fraud.native.kernel.groups import square_halves
from fraud.native.kernel.packing import age, passes, raw
from fraud.native.kernel.tables import (
    COUNT,
    DROPPED_PAYMENTS,
    EMPTY,
    LARGEST,
    NEVER,
    PAYMENTS_PER_CARD,
    PLACE,
    SUM,
)


@inlined
def clear(operations, state, slot):  # type: ignore[no-untyped-def]
    """What a card without events has."""
    for column in range(state.counts.shape[1]):
        state.counts[slot, column] = 0
    for column in range(state.totals.shape[1]):
        state.totals[slot, column] = 0
    for row in range(len(operations.updates)):
        update = operations.updates[row]
        if update.action == LARGEST:
            state.totals[slot, update.slot] = EMPTY
        elif update.action == PLACE:
            state.totals[slot, update.slot] = NEVER


@inlined
def expire(operations, state, slot, watermark, horizon):  # type: ignore[no-untyped-def]
    """Move the end of the windows to `watermark`, and make room among the events that a card may have.

    Dropped are those before the longest window, those up to the horizon, and of too many the oldest.
    """
    card, counts, longest = state.cards[slot], state.counts[slot], len(operations.windows) - 1
    end, moved = card.block + card.head + card.count, watermark - card.watermark
    for number in range(len(operations.windows)):
        window = operations.windows[number]
        has_lost, limit = False, min(window.length - moved, card.watermark - horizon)
        while counts[number] > 0:
            at = (end - counts[number]) * operations.width
            if age(operations, state.events, at, card.watermark) < limit:
                if counts[number] < state.limits[PAYMENTS_PER_CARD]:
                    break
                state.used[DROPPED_PAYMENTS] += number == longest
            counts[number] -= 1
            has_lost |= _leave(operations, state, slot, window, at)
        if has_lost:
            _find_lost(operations, state, slot, number)
    card.watermark = watermark
    card.head = card.head + card.count - counts[longest] if counts[longest] > 0 else 0
    card.count = counts[longest]


@inlined
def _leave(operations, state, slot, window, at):  # type: ignore[no-untyped-def]
    """Take an event out of a window; returns whether a largest value went with it."""
    columns, events, counts, totals = operations.columns, state.events, state.counts[slot], state.totals[slot]
    for row in range(window.first_update, window.first_group):
        update = operations.updates[row]
        found = np.int64(1)
        if update.column >= 0:
            found = raw(columns[update.column], events, at)
        if found != 0 and passes(columns, events, at, update.condition):
            _count(update, counts, totals, found, -1)
    for row in range(window.first_group, window.first_place):
        _leave_group(operations, state, slot, row, at)
    has_lost = False
    for row in range(window.first_largest, window.end_update):
        update = operations.updates[row]
        found = raw(columns[update.column], events, at)
        if (found - update.bias) * update.extra == totals[update.slot]:
            state.lost[row] = has_lost = True
    return has_lost


@inlined
def enter(operations, state, slot, timestamp, values):  # type: ignore[no-untyped-def]
    """Add the event at hand to its windows; it is not among the stored events yet."""
    counts, totals, old = state.counts[slot], state.totals[slot], state.cards[slot].watermark - timestamp
    for number in range(len(operations.windows)):
        window = operations.windows[number]
        if old >= window.length:
            continue
        for row in range(window.first_update, window.first_group):
            update = operations.updates[row]
            found = _current(state, update)
            if found != 0:
                _count(update, counts, totals, found, 1)
        for row in range(window.first_group, window.first_place):
            _enter_group(operations, state, slot, row)
        for row in range(window.first_place, window.end_update):
            update = operations.updates[row]
            found = _current(state, update)
            if found != 0:
                _keep(update, totals, found, timestamp, values)
        counts[number] += 1


@inlined
def _keep(update, totals, found, timestamp, values):  # type: ignore[no-untyped-def]
    """Keep the event's value or place if it is the largest or the newest of the window."""
    if update.action == LARGEST:
        totals[update.slot] = max(totals[update.slot], (found - update.bias) * update.extra)
    else:
        _remember_place(update, totals, timestamp, values)


@inlined
def _current(state, update):  # type: ignore[no-untyped-def]
    """The raw value of the event at hand, 1 if none is asked for; 0 if it does not pass the filter."""
    if update.condition >= 0 and state.current[update.condition] == 0:
        return np.int64(0)
    return state.current[update.column] if update.column >= 0 else np.int64(1)


@inlined
def _count(update, counts, totals, found, sign):  # type: ignore[no-untyped-def]
    """Add (1) or take (-1) the event's part of a sum, a number or squares."""
    if update.action == SUM:
        totals[update.slot] += sign * (found - update.bias)
    elif update.action == COUNT:
        counts[update.slot] += sign
    else:
        high, low = square_halves(found - update.bias)
        totals[update.slot] += sign * high
        totals[update.slot + 1] += sign * low


@inlined
def _find_lost(operations, state, slot, number):  # type: ignore[no-untyped-def]
    """Find the largest values of a window again, after one event that had it has left."""
    window = operations.windows[number]
    for row in range(window.first_largest, window.end_update):
        if state.lost[row]:
            state.lost[row] = False
            state.totals[slot, operations.updates[row].slot] = _largest(operations, state, slot, number, row)


@inlined
def _largest(operations, state, slot, number, row):  # type: ignore[no-untyped-def]
    card, update = state.cards[slot], operations.updates[row]
    before, largest, end = state.totals[slot, update.slot], EMPTY, card.block + card.head + card.count
    column = operations.columns[update.column]
    for position in range(end - state.counts[slot, number], end):
        at = position * operations.width
        found = raw(column, state.events, at)
        if found != 0 and passes(operations.columns, state.events, at, update.condition):
            largest = max(largest, (found - update.bias) * update.extra)
            if largest == before:
                break
    return largest


@inlined
def _enter_group(operations, state, slot, row):  # type: ignore[no-untyped-def]
    update = operations.updates[row]
    group = update.extra
    # Small cards keep nothing of a group but the number of its values.
    if (update.slot < 0 and not state.indexed[slot]) or not groups.belongs(
        operations, state.packed, 0, group
    ):
        return
    if state.indexed[slot]:
        card_hash = state.cards[slot].hash
        is_first = groups.add(operations, state, card_hash, group, state.packed, 0) == 1
    else:
        is_first = not groups.has(operations, state, slot, group, state.packed, 0)
    if update.slot >= 0:
        state.counts[slot, update.slot] += is_first


@inlined
def _leave_group(operations, state, slot, row, at):  # type: ignore[no-untyped-def]
    update = operations.updates[row]
    group = update.extra
    if (update.slot < 0 and not state.indexed[slot]) or not groups.belongs(
        operations, state.events, at, group
    ):
        return
    if state.indexed[slot]:
        card_hash = state.cards[slot].hash
        was_last = groups.remove(operations, state, card_hash, group, state.events, at) == 0
    else:
        was_last = not groups.has(operations, state, slot, group, state.events, at)
    if update.slot >= 0:
        state.counts[slot, update.slot] -= was_last


@inlined
def _remember_place(update, totals, timestamp, values):  # type: ignore[no-untyped-def]
    """Keep the newest place of a window; it is looked at only while it is in the window."""
    latitude = np.float32(np.int64(values[update.extra]).view(np.float64))
    longitude = np.float32(np.int64(values[update.extra + 1]).view(np.float64))
    if np.isnan(latitude) or np.isnan(longitude) or timestamp < totals[update.slot]:
        return
    high, low = np.float32(latitude).view(np.int32), np.float32(longitude).view(np.int32)
    totals[update.slot] = timestamp
    totals[update.slot + 1] = (np.int64(high) << 32) | (np.int64(low) & np.int64(0xFFFF_FFFF))
