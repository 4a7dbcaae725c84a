"""The one implementation of a card's features, compiled.

A card's state is its events of the longest window, sorted by event time in a block of a shared arena, and
what is derived from them by adding and removing integers. It holds nothing that those events alone do not
determine, so that state rebuilt from any earlier point of the log is the same to the bit.

The functions here are compiled by numba and therefore speak arrays and indices; `fraud.features.store` owns
the memory. The output's columns follow `fraud.features.spec.KERNEL_FEATURES`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.native import id_index, large_cards
from fraud.native.jit import compiled, inlined
from fraud.native.large_cards import CATEGORY, COUNTRY, KINDS, MERCHANT

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SHORTEST_TRIP_MS = 60_000
EARTH_RADIUS_KM = 6371.0088
NEVER = np.int64(-(1 << 62))
SMALLEST_BLOCK = 4
_LOW_32 = np.int64(0xFFFF_FFFF)


class Rules(NamedTuple):
    """What `fraud.features.spec` says, as arguments: compiled code that is kept notices no change there."""

    windows: npt.NDArray[np.int64]  # lengths in ms, shortest first
    hour: int  # which of the windows is one hour
    day: int
    small_amount: int
    high_ratio: float
    recent_events: int
    large: int  # events from which on a card is indexed
    columns: "Columns"


class Columns(NamedTuple):
    """Where the features stand in a row of the output."""

    amount: int
    hour: int
    weekday: int
    is_night: int
    is_weekend: int
    category_code: int
    channel_code: int
    windows: int  # the first of the windows' columns: four a window
    amount_ratio_30d: int
    amount_zscore_30d: int
    high_recent: int
    small_count_1h: int
    small_count_24h: int
    seconds_since_last: int
    merchants_24h: int
    countries_24h: int
    merchant_is_new: int
    category_is_new: int
    country_is_new: int
    speed_kmh: int


STORED = np.dtype(
    [
        ("timestamp", np.int64),
        ("amount", np.int64),
        ("merchant", np.uint32),
        ("category", np.uint16),
        ("country", np.uint16),
    ]
)
"""One remembered event; 24 bytes."""

CARD = np.dtype(
    [
        ("hash", np.uint64),
        ("block", np.int64),  # where the card's block begins in the arena
        ("capacity", np.int32),  # events that fit into the block
        ("head", np.int32),  # the first remembered event, counted from the block's begin
        ("count", np.int32),
        ("merchants", np.int32),  # different ones in 24 hours
        ("countries", np.int32),  # likewise
        ("small_hour", np.int32),
        ("small_day", np.int32),
        ("squares_high", np.int64),  # sum of squared amounts >> 32 and & 0xFFFFFFFF, so that it
        ("squares_low", np.int64),  # stays exact beyond 63 bits
        ("place_time", np.int64),
        ("latitude", np.float32),
        ("longitude", np.float32),
    ]
)


class State(NamedTuple):
    """The arrays of one store; `first`, `sums` and `maxima` have a row per card and a column per window."""

    events: npt.NDArray[np.void]
    cards: npt.NDArray[np.void]
    first: npt.NDArray[np.int32]  # index of the window's first event, counted from the head
    sums: npt.NDArray[np.int64]
    maxima: npt.NDArray[np.int64]  # -1 when the window is empty
    table: npt.NDArray[np.int32]  # open addressing by the card's hash; -1 is free
    entries: npt.NDArray[np.void]  # what the large cards hold, by value
    indexed: npt.NDArray[np.bool_]  # whether a card is in the index
    ids: npt.NDArray[np.void]  # which transaction_ids are taken, see `fraud.native.id_index`
    # Cards, events of the arena and entries of the index in use; entries lacking; ids in use; 1: no more fit.
    used: npt.NDArray[np.int64]


@compiled
def process(rules, state, incoming, begin, features, outcomes):  # type: ignore[no-untyped-def]
    """Feed `incoming[begin:]` in arrival order; returns where it stopped for want of room.

    Fills the rows of `features` (float32) and of `outcomes` (`ids.ACCEPTED`, `REPEATED` or `CONFLICT`).
    """
    for row in range(begin, len(incoming)):
        event = incoming[row]
        if not id_index.has_room(state.ids, state.used[4]):
            state.used[5] = 1
            return row
        place = id_index.place_of(state.ids, event.transaction)
        outcomes[row] = id_index.outcome_of(state.ids, place, event)
        if outcomes[row] != id_index.ACCEPTED:
            continue
        slot = _slot_with_room(rules, state, event)
        if slot < 0:
            return row
        state.used[4] += id_index.take(state.ids, place, event)
        watermark = max(_watermark(state, state.cards[slot]), event.timestamp)
        _observe(rules, state, slot, event, watermark, features[row])
    return len(incoming)


@inlined
def _slot_with_room(rules, state, event):  # type: ignore[no-untyped-def]
    """The slot of the event's card, whose windows end at its watermark now; -1: there is no room."""
    slot = find(state, event.card)
    if slot < 0:
        if state.used[0] == len(state.cards) or state.used[1] + SMALLEST_BLOCK > len(state.events):
            return np.int32(-1)
        slot = _add_card(state, event.card)
    card = state.cards[slot]
    if not _make_index_room(rules, state, slot):
        return np.int32(-1)
    _expire(rules, state, slot, max(_watermark(state, card), event.timestamp))
    if card.head + card.count == card.capacity and not _make_room(state, card):
        return np.int32(-1)
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
def _add_card(state, card_hash):  # type: ignore[no-untyped-def]
    slot = np.int32(state.used[0])
    state.used[0] += 1
    card = state.cards[slot]
    card.hash = card_hash
    card.block, card.capacity, card.head, card.count = state.used[1], SMALLEST_BLOCK, 0, 0
    state.used[1] += SMALLEST_BLOCK
    card.merchants = card.countries = card.small_hour = card.small_day = 0
    card.squares_high = card.squares_low = 0
    card.place_time = NEVER
    card.latitude = card.longitude = np.float32(np.nan)
    for window in range(state.first.shape[1]):
        state.first[slot, window] = 0
        state.sums[slot, window] = 0
        state.maxima[slot, window] = -1
    index_card(state.table, card_hash, slot)
    return slot


@inlined
def index_card(table, card_hash, slot):  # type: ignore[no-untyped-def]
    """Enter a card that is not there yet."""
    mask = len(table) - 1
    probe = np.int64(card_hash & np.uint64(mask))
    while table[probe] >= 0:
        probe = (probe + 1) & mask
    table[probe] = slot


@inlined
def _watermark(state, card):  # type: ignore[no-untyped-def]
    """The largest event time seen; it never leaves the longest window, which ends at it."""
    if card.count == 0:
        return NEVER
    return state.events[card.block + card.head + card.count - 1].timestamp


@inlined
def _make_index_room(rules, state, slot):  # type: ignore[no-untyped-def]
    """Let a card that has become large enter the index; False: the index is full."""
    card = state.cards[slot]
    if card.count < rules.large and not state.indexed[slot]:
        return True
    lacking = KINDS if state.indexed[slot] else KINDS * (card.count + 1)
    if (state.used[2] + lacking) * 2 > len(state.entries):
        state.used[3] = lacking
        return False
    if not state.indexed[slot]:
        state.indexed[slot] = True
        begin, day = card.block + card.head, state.first[slot, rules.day]
        for place in range(card.count):
            _enter_index(state, card.hash, state.events[begin + place], place >= day)
    return True


@inlined
def _enter_index(state, card_hash, stored, in_day):  # type: ignore[no-untyped-def]
    for kind in range(MERCHANT, COUNTRY + 1):
        value = _value(stored, kind)
        large_cards.enter(state.entries, state.used, card_hash, kind, value, in_day)


@inlined
def _value(stored, kind):  # type: ignore[no-untyped-def]
    if kind == MERCHANT:
        return np.uint64(stored.merchant)
    if kind == CATEGORY:
        return np.uint64(stored.category)
    return np.uint64(stored.country)


@inlined
def square_halves(amount):  # type: ignore[no-untyped-def]
    """The square >> 32 and its low 32 bits, exact below 2 ** 46, where squares need more than 63 bits."""
    high, low = amount >> 16, amount & 0xFFFF
    middle = high * low  # counts 2 ** 17 times
    rest = ((middle & 0x7FFF) << 17) + low * low
    return high * high + (middle >> 15) + (rest >> 32), rest & _LOW_32


@inlined
def _expire(rules, state, slot, watermark):  # type: ignore[no-untyped-def]
    """Let the windows end at `watermark`, and forget what has left the longest."""
    card = state.cards[slot]
    begin = card.block + card.head
    for window in range(len(rules.windows)):
        horizon = watermark - rules.windows[window]
        lost_maximum = False
        while state.first[slot, window] < card.count:
            leaving = state.events[begin + state.first[slot, window]]
            if leaving.timestamp > horizon:
                break
            lost_maximum |= leaving.amount == state.maxima[slot, window]
            state.first[slot, window] += 1
            _leave(rules, state, slot, window, leaving)
        if lost_maximum:
            state.maxima[slot, window] = _maximum(state, slot, window)
    _forget(state, slot)


@inlined
def _leave(rules, state, slot, window, leaving):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    state.sums[slot, window] -= leaving.amount
    if window == rules.hour:
        card.small_hour -= leaving.amount <= rules.small_amount
    elif window == rules.day:
        card.small_day -= leaving.amount <= rules.small_amount
        _leave_day(rules, state, slot, leaving)
    elif window == len(rules.windows) - 1:
        high, low = square_halves(leaving.amount)
        card.squares_high -= high
        card.squares_low -= low
        if state.indexed[slot]:
            for kind in range(MERCHANT, COUNTRY + 1):
                large_cards.leave(state.entries, state.used, card.hash, kind, _value(leaving, kind))


@inlined
def _leave_day(rules, state, slot, leaving):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    if state.indexed[slot]:
        for kind in range(MERCHANT, COUNTRY + 1):
            large_cards.leave_day(state.entries, card.hash, kind, _value(leaving, kind))
    card.merchants -= not _holds(rules, state, slot, MERCHANT, leaving.merchant, True)
    if leaving.country != 0:
        card.countries -= not _holds(rules, state, slot, COUNTRY, leaving.country, True)


@inlined
def _forget(state, slot):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    gone = state.first[slot, -1]
    if gone > 0:
        card.head += gone
        card.count -= gone
        for window in range(state.first.shape[1]):
            state.first[slot, window] -= gone
        if card.count == 0:
            card.head = 0


@inlined
def _maximum(state, slot, window):  # type: ignore[no-untyped-def]
    """The largest amount of a window that lost an event of that amount: another one may be left."""
    card = state.cards[slot]
    begin = card.block + card.head
    largest = np.int64(-1)
    for position in range(begin + state.first[slot, window], begin + card.count):
        largest = max(largest, state.events[position].amount)
        if largest == state.maxima[slot, window]:
            break
    return largest


@inlined
def _holds(rules, state, slot, kind, value, in_day):  # type: ignore[no-untyped-def]
    """Whether the card has such an event; within 24 hours, or at all."""
    card = state.cards[slot]
    if state.indexed[slot]:
        place = large_cards.find(state.entries, card.hash, kind, np.uint64(value))
        return place >= 0 and (not in_day or state.entries[place].in_day > 0)
    begin = card.block + card.head
    first = begin + state.first[slot, rules.day] if in_day else begin
    if kind == MERCHANT:
        return _is_among(state.events["merchant"], first, begin + card.count, value)
    if kind == CATEGORY:
        return _is_among(state.events["category"], first, begin + card.count, value)
    return _is_among(state.events["country"], first, begin + card.count, value)


@inlined
def _is_among(values, first, end, value):  # type: ignore[no-untyped-def]
    position = end - 1
    while position >= first and values[position] != value:
        position -= 1
    return position >= first


@inlined
def _make_room(state, card):  # type: ignore[no-untyped-def]
    """Move the card's events to the begin of their block, or to a larger block; False: the arena is full."""
    source = card.block + card.head
    target = card.block
    if card.head * 8 < card.capacity:
        larger = card.capacity + card.capacity // 2
        if state.used[1] + larger > len(state.events):
            return False
        target = state.used[1]
        state.used[1] += larger
        card.block, card.capacity = target, larger
    for step in range(card.count):
        state.events[target + step] = state.events[source + step]
    card.head = 0
    return True


@inlined
def _observe(rules, state, slot, event, watermark, out):  # type: ignore[no-untyped-def]
    """Write the event's features to `out` and remember the event."""
    card = state.cards[slot]
    _write_transaction(rules, event, out)
    columns = rules.columns
    place = _position(state, card, event.timestamp)
    _write_against_habit(rules, state, slot, event, out)
    out[columns.seconds_since_last] = np.nan
    if place > 0:
        previous = state.events[card.block + card.head + place - 1].timestamp
        out[columns.seconds_since_last] = (event.timestamp - previous) / 1000.0
    _write_novelty(rules, state, slot, event, out)
    out[columns.speed_kmh] = _speed_kmh(rules, card, event, watermark)
    if event.timestamp > watermark - rules.windows[-1]:
        _remember(rules, state, slot, event, watermark, place)
    _write_windows(rules, state, slot, out)
    out[columns.high_recent] = _high_recent(rules, state, slot)
    out[columns.small_count_1h] = card.small_hour
    out[columns.small_count_24h] = card.small_day
    out[columns.merchants_24h] = card.merchants
    out[columns.countries_24h] = card.countries if card.countries > 0 else np.nan


@inlined
def _write_transaction(rules, event, out):  # type: ignore[no-untyped-def]
    columns = rules.columns
    hour = (event.timestamp // HOUR_MS) % 24
    weekday = (event.timestamp // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
    out[columns.amount] = event.amount
    out[columns.hour] = hour
    out[columns.weekday] = weekday
    out[columns.is_night] = hour < 6
    out[columns.is_weekend] = weekday >= 5
    out[columns.category_code] = event.category if event.category != 0 else np.nan
    out[columns.channel_code] = event.channel if event.channel != 0 else np.nan


@inlined
def _position(state, card, timestamp):  # type: ignore[no-untyped-def]
    """Where the event belongs, counted from the head; after those of the same time."""
    begin = card.block + card.head
    place = card.count
    while place > 0 and state.events[begin + place - 1].timestamp > timestamp:
        place -= 1
    return place


@inlined
def _write_against_habit(rules, state, slot, event, out):  # type: ignore[no-untyped-def]
    """The amount against the 30 days before it."""
    columns = rules.columns
    card = state.cards[slot]
    out[columns.amount_ratio_30d] = out[columns.amount_zscore_30d] = np.nan
    if card.count == 0:
        return
    mean = state.sums[slot, -1] / card.count
    if mean > 0:
        out[columns.amount_ratio_30d] = event.amount / mean
    squares = np.float64(card.squares_high) * 4294967296.0 + np.float64(card.squares_low)
    variance = squares / card.count - mean * mean
    # Rounding leaves up to about 1e-16 of the squares where the true variance is zero.
    if variance > squares / card.count * 1e-12:
        out[columns.amount_zscore_30d] = (event.amount - mean) / np.sqrt(variance)


@inlined
def _write_novelty(rules, state, slot, event, out):  # type: ignore[no-untyped-def]
    columns = rules.columns
    out[columns.merchant_is_new] = out[columns.category_is_new] = out[columns.country_is_new] = np.nan
    if state.cards[slot].count == 0:
        return
    out[columns.merchant_is_new] = not _holds(rules, state, slot, MERCHANT, event.merchant, False)
    if event.category != 0:
        out[columns.category_is_new] = not _holds(rules, state, slot, CATEGORY, event.category, False)
    if event.country != 0:
        out[columns.country_is_new] = not _holds(rules, state, slot, COUNTRY, event.country, False)


@inlined
def _speed_kmh(rules, card, event, watermark):  # type: ignore[no-untyped-def]
    """Great-circle distance (haversine) from the card's newest place, over the time between."""
    if (
        np.isnan(event.latitude)
        or np.isnan(event.longitude)
        or card.place_time <= watermark - rules.windows[-1]
    ):
        return np.nan
    from_latitude, to_latitude = np.radians(np.float64(card.latitude)), np.radians(np.float64(event.latitude))
    half_latitude = (to_latitude - from_latitude) / 2
    half_longitude = np.radians(np.float64(event.longitude) - np.float64(card.longitude)) / 2
    chord = (
        np.sin(half_latitude) ** 2 + np.cos(from_latitude) * np.cos(to_latitude) * np.sin(half_longitude) ** 2
    )
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(min(1.0, np.sqrt(chord)))
    elapsed = max(abs(event.timestamp - card.place_time), SHORTEST_TRIP_MS)
    return distance / (elapsed / HOUR_MS)


@inlined
def _remember(rules, state, slot, event, watermark, place):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    _enter_windows(rules, state, slot, event, watermark)
    begin = card.block + card.head
    for position in range(begin + card.count, begin + place, -1):
        state.events[position] = state.events[position - 1]
    stored = state.events[begin + place]
    stored.timestamp, stored.amount = event.timestamp, event.amount
    stored.merchant, stored.category, stored.country = event.merchant, event.category, event.country
    card.count += 1
    if state.indexed[slot]:
        _enter_index(state, card.hash, stored, event.timestamp > watermark - rules.windows[rules.day])
    located = not (np.isnan(event.latitude) or np.isnan(event.longitude))
    if located and event.timestamp >= card.place_time:
        card.place_time = event.timestamp
        card.latitude, card.longitude = event.latitude, event.longitude


@inlined
def _enter_windows(rules, state, slot, event, watermark):  # type: ignore[no-untyped-def]
    """Add the event to the windows that hold it; it is not yet among the remembered."""
    card = state.cards[slot]
    for window in range(len(rules.windows)):
        if event.timestamp <= watermark - rules.windows[window]:
            state.first[slot, window] += 1
            continue
        state.sums[slot, window] += event.amount
        state.maxima[slot, window] = max(state.maxima[slot, window], event.amount)
        if window == rules.hour:
            card.small_hour += event.amount <= rules.small_amount
        elif window == rules.day:
            card.small_day += event.amount <= rules.small_amount
            card.merchants += not _holds(rules, state, slot, MERCHANT, event.merchant, True)
            if event.country != 0:
                card.countries += not _holds(rules, state, slot, COUNTRY, event.country, True)
    high, low = square_halves(event.amount)
    card.squares_high += high
    card.squares_low += low


@inlined
def _write_windows(rules, state, slot, out):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    for window in range(len(rules.windows)):
        column = rules.columns.windows + 4 * window
        count = card.count - state.first[slot, window]
        out[column] = count
        out[column + 1] = state.sums[slot, window]
        out[column + 2] = state.sums[slot, window] / count if count > 0 else np.nan
        out[column + 3] = state.maxima[slot, window] if count > 0 else np.nan


@inlined
def _high_recent(rules, state, slot):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    begin, high = card.block + card.head, 0
    if card.count == 0:
        return high
    limit = rules.high_ratio * (state.sums[slot, -1] / card.count)
    for position in range(begin + max(0, card.count - rules.recent_events), begin + card.count):
        high += state.events[position].amount > limit
    return high
