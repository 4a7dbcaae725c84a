"""The one implementation of a card's features, compiled.

A card's state is its events of the longest window, sorted by event time in a block of a shared arena, and
figures that are derived from them by adding and removing integers. These events alone determine it, so that
state rebuilt from any earlier point of the log is the same bit for bit.

The functions are compiled by numba and therefore work on arrays and indices; `fraud.features.store` owns the
memory. The columns of the output follow `fraud.features.spec.KERNEL_FEATURES`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.native import id_index, large_cards
from fraud.native.jit import compiled, inlined
from fraud.native.large_cards import (
    CATEGORY,
    COUNTRY,
    IS_FULL_OF_IDS,
    KINDS,
    LACKING_ENTRIES,
    MERCHANT,
    USED_CARDS,
    USED_ENTRIES,
    USED_EVENTS,
    USED_IDS,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIN_TRAVEL_MS = 60_000
EARTH_RADIUS_KM = 6371.0088
NEVER = np.int64(-(1 << 62))
SMALLEST_BLOCK = 4
_LOW_32 = np.int64(0xFFFF_FFFF)


class Rules(NamedTuple):
    """The rules of `fraud.features.spec` as arguments: a change there does not reach cached compiled code."""

    windows: npt.NDArray[np.int64]  # lengths in ms, shortest first
    hour: int  # which of the windows is one hour
    day: int
    small_amount: int
    high_ratio: float
    recent_events: int
    large: int  # events from which on a card is indexed
    columns: "Columns"


class Columns(NamedTuple):
    """The column of each feature in a row of the output."""

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
        ("block", np.int64),  # where the card's block starts in the arena
        ("capacity", np.int32),  # events that fit into the block
        ("head", np.int32),  # the first remembered event, counted from the start of the block
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
    entries: npt.NDArray[np.void]  # of the large cards, by value
    indexed: npt.NDArray[np.bool_]  # whether a card is in the index
    ids: npt.NDArray[np.void]  # which transaction_ids are taken, see `fraud.native.id_index`
    # By `USED_CARDS` and the like: cards, events of the arena, entries of the index in use; entries lacking;
    # ids in use; whether no more ids fit.
    used: npt.NDArray[np.int64]


@compiled
def process(rules, state, incoming, start, features, outcomes):  # type: ignore[no-untyped-def]
    """Feed `incoming[start:]` in arrival order; returns where it stopped for lack of room.

    Fills the rows of `features` (float32) and of `outcomes` (`id_index.ACCEPTED`, `REPEATED` or `CONFLICT`).
    """
    for row in range(start, len(incoming)):
        event = incoming[row]
        if not id_index.has_room(state.ids, state.used[USED_IDS]):
            state.used[IS_FULL_OF_IDS] = 1
            return row
        entry = id_index.slot_of(state.ids, event.transaction)
        outcomes[row] = id_index.outcome_of(state.ids, entry, event)
        if outcomes[row] != id_index.ACCEPTED:
            continue
        slot = _slot_with_room(rules, state, event)
        if slot < 0:
            return row
        state.used[USED_IDS] += id_index.take(state.ids, entry, event)
        watermark = max(_watermark(state, state.cards[slot]), event.timestamp)
        _observe(rules, state, slot, event, watermark, features[row])
    return len(incoming)


@inlined
def _slot_with_room(rules, state, event):  # type: ignore[no-untyped-def]
    """The slot of the event's card, with its windows moved to its watermark; -1: there is no room."""
    slot = find(state, event.card)
    if slot < 0:
        if state.used[USED_CARDS] == len(state.cards) or state.used[USED_EVENTS] + SMALLEST_BLOCK > len(
            state.events
        ):
            return np.int32(-1)
        slot = _add_card(state, event.card)
    card = state.cards[slot]
    if not _make_index_room(rules, state, slot):
        return np.int32(-1)
    _expire(rules, state, slot, max(_watermark(state, card), event.timestamp))
    if card.head + card.count == card.capacity and not _make_block_room(state, card):
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
    slot = np.int32(state.used[USED_CARDS])
    state.used[USED_CARDS] += 1
    card = state.cards[slot]
    card.hash = card_hash
    card.block, card.capacity, card.head, card.count = state.used[USED_EVENTS], SMALLEST_BLOCK, 0, 0
    state.used[USED_EVENTS] += SMALLEST_BLOCK
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
    """Insert a card that is not in the table."""
    mask = len(table) - 1
    probe = np.int64(card_hash & np.uint64(mask))
    while table[probe] >= 0:
        probe = (probe + 1) & mask
    table[probe] = slot


@inlined
def _watermark(state, card):  # type: ignore[no-untyped-def]
    """The largest event time seen; it is always in the longest window, which ends at it."""
    if card.count == 0:
        return NEVER
    return state.events[card.block + card.head + card.count - 1].timestamp


@inlined
def _make_index_room(rules, state, slot):  # type: ignore[no-untyped-def]
    """Add a card that has become large to the index; False: the index is full."""
    card = state.cards[slot]
    if card.count < rules.large and not state.indexed[slot]:
        return True
    lacking = KINDS if state.indexed[slot] else KINDS * (card.count + 1)
    if (state.used[USED_ENTRIES] + lacking) * 2 > len(state.entries):
        state.used[LACKING_ENTRIES] = lacking
        return False
    if not state.indexed[slot]:
        state.indexed[slot] = True
        start, day = card.block + card.head, state.first[slot, rules.day]
        for position in range(card.count):
            _add_to_index(state, card.hash, state.events[start + position], position >= day)
    return True


@inlined
def _add_to_index(state, card_hash, stored, in_day):  # type: ignore[no-untyped-def]
    for kind in range(MERCHANT, COUNTRY + 1):
        value = _value(stored, kind)
        large_cards.add(state.entries, state.used, card_hash, kind, value, in_day)


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
    """Move the end of the windows to `watermark`, and drop the events before the longest."""
    card = state.cards[slot]
    start = card.block + card.head
    for window in range(len(rules.windows)):
        horizon = watermark - rules.windows[window]
        lost_maximum = False
        while state.first[slot, window] < card.count:
            expired = state.events[start + state.first[slot, window]]
            if expired.timestamp > horizon:
                break
            lost_maximum |= expired.amount == state.maxima[slot, window]
            state.first[slot, window] += 1
            _remove_from_window(rules, state, slot, window, expired)
        if lost_maximum:
            state.maxima[slot, window] = _maximum(state, slot, window)
    _drop_expired(state, slot)


@inlined
def _remove_from_window(rules, state, slot, window, expired):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    state.sums[slot, window] -= expired.amount
    if window == rules.hour:
        card.small_hour -= expired.amount <= rules.small_amount
    elif window == rules.day:
        card.small_day -= expired.amount <= rules.small_amount
        _remove_from_day(rules, state, slot, expired)
    elif window == len(rules.windows) - 1:
        high, low = square_halves(expired.amount)
        card.squares_high -= high
        card.squares_low -= low
        if state.indexed[slot]:
            for kind in range(MERCHANT, COUNTRY + 1):
                large_cards.remove(state.entries, state.used, card.hash, kind, _value(expired, kind))


@inlined
def _remove_from_day(rules, state, slot, expired):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    if state.indexed[slot]:
        for kind in range(MERCHANT, COUNTRY + 1):
            large_cards.remove_from_day(state.entries, card.hash, kind, _value(expired, kind))
    card.merchants -= not _has_value(rules, state, slot, MERCHANT, expired.merchant, True)
    if expired.country != 0:
        card.countries -= not _has_value(rules, state, slot, COUNTRY, expired.country, True)


@inlined
def _drop_expired(state, slot):  # type: ignore[no-untyped-def]
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
    """The largest amount of a window after one event of that amount has left it."""
    card = state.cards[slot]
    start = card.block + card.head
    largest = np.int64(-1)
    for position in range(start + state.first[slot, window], start + card.count):
        largest = max(largest, state.events[position].amount)
        if largest == state.maxima[slot, window]:
            break
    return largest


@inlined
def _has_value(rules, state, slot, kind, value, in_day):  # type: ignore[no-untyped-def]
    """Whether the card has an event with this value; within 24 hours, or in the longest window."""
    card = state.cards[slot]
    if state.indexed[slot]:
        entry = large_cards.find(state.entries, card.hash, kind, np.uint64(value))
        return entry >= 0 and (not in_day or state.entries[entry].in_day > 0)
    start = card.block + card.head
    first = start + state.first[slot, rules.day] if in_day else start
    if kind == MERCHANT:
        return _is_among(state.events["merchant"], first, start + card.count, value)
    if kind == CATEGORY:
        return _is_among(state.events["category"], first, start + card.count, value)
    return _is_among(state.events["country"], first, start + card.count, value)


@inlined
def _is_among(values, first, end, value):  # type: ignore[no-untyped-def]
    position = end - 1
    while position >= first and values[position] != value:
        position -= 1
    return position >= first


@inlined
def _make_block_room(state, card):  # type: ignore[no-untyped-def]
    """Move the card's events to the start of their block, or to a larger block; False: the arena is full."""
    source = card.block + card.head
    target = card.block
    if card.head * 8 < card.capacity:
        larger = card.capacity + card.capacity // 2
        if state.used[USED_EVENTS] + larger > len(state.events):
            return False
        target = state.used[USED_EVENTS]
        state.used[USED_EVENTS] += larger
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
    position = _find_position(state, card, event.timestamp)
    _write_habit(rules, state, slot, event, out)
    out[columns.seconds_since_last] = np.nan
    if position > 0:
        previous = state.events[card.block + card.head + position - 1].timestamp
        out[columns.seconds_since_last] = (event.timestamp - previous) / 1000.0
    _write_novelty(rules, state, slot, event, out)
    out[columns.speed_kmh] = _speed_kmh(rules, card, event, watermark)
    if event.timestamp > watermark - rules.windows[-1]:
        _remember(rules, state, slot, event, watermark, position)
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
def _find_position(state, card, timestamp):  # type: ignore[no-untyped-def]
    """The position of the event, counted from the head; after those of the same time."""
    start = card.block + card.head
    position = card.count
    while position > 0 and state.events[start + position - 1].timestamp > timestamp:
        position -= 1
    return position


@inlined
def _write_habit(rules, state, slot, event, out):  # type: ignore[no-untyped-def]
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
    out[columns.merchant_is_new] = not _has_value(rules, state, slot, MERCHANT, event.merchant, False)
    if event.category != 0:
        out[columns.category_is_new] = not _has_value(rules, state, slot, CATEGORY, event.category, False)
    if event.country != 0:
        out[columns.country_is_new] = not _has_value(rules, state, slot, COUNTRY, event.country, False)


@inlined
def _speed_kmh(rules, card, event, watermark):  # type: ignore[no-untyped-def]
    """Great-circle distance (haversine) from the card's newest location, over the time between."""
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
    elapsed = max(abs(event.timestamp - card.place_time), MIN_TRAVEL_MS)
    return distance / (elapsed / HOUR_MS)


@inlined
def _remember(rules, state, slot, event, watermark, position):  # type: ignore[no-untyped-def]
    card = state.cards[slot]
    _add_to_windows(rules, state, slot, event, watermark)
    start = card.block + card.head
    for moved in range(start + card.count, start + position, -1):
        state.events[moved] = state.events[moved - 1]
    stored = state.events[start + position]
    stored.timestamp, stored.amount = event.timestamp, event.amount
    stored.merchant, stored.category, stored.country = event.merchant, event.category, event.country
    card.count += 1
    if state.indexed[slot]:
        _add_to_index(state, card.hash, stored, event.timestamp > watermark - rules.windows[rules.day])
    located = not (np.isnan(event.latitude) or np.isnan(event.longitude))
    if located and event.timestamp >= card.place_time:
        card.place_time = event.timestamp
        card.latitude, card.longitude = event.latitude, event.longitude


@inlined
def _add_to_windows(rules, state, slot, event, watermark):  # type: ignore[no-untyped-def]
    """Add the event to its windows; it is not among the stored events yet."""
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
            card.merchants += not _has_value(rules, state, slot, MERCHANT, event.merchant, True)
            if event.country != 0:
                card.countries += not _has_value(rules, state, slot, COUNTRY, event.country, True)
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
    start, high = card.block + card.head, 0
    if card.count == 0:
        return high
    limit = rules.high_ratio * (state.sums[slot, -1] / card.count)
    for position in range(start + max(0, card.count - rules.recent_events), start + card.count):
        high += state.events[position].amount > limit
    return high


@compiled
def copy_cards(source, target, kept):  # type: ignore[no-untyped-def]
    """Copy the cards that `kept` marks from one `State` to an empty one, their blocks one after another."""
    for slot in range(len(kept)):
        if not kept[slot]:
            continue
        to, end = target.used[USED_CARDS], target.used[USED_EVENTS]
        target.cards[to] = source.cards[slot]
        old, new = source.cards[slot], target.cards[to]
        for step in range(old.count):
            target.events[end + step] = source.events[old.block + old.head + step]
        new.block, new.head = end, 0
        for window in range(source.first.shape[1]):
            target.first[to, window] = source.first[slot, window]
            target.sums[to, window] = source.sums[slot, window]
            target.maxima[to, window] = source.maxima[slot, window]
        target.used[USED_CARDS] = to + 1
        target.used[USED_EVENTS] = end + old.capacity


@compiled
def index_cards(table, cards, count):  # type: ignore[no-untyped-def]
    """Insert the first `count` cards into an empty table."""
    for slot in range(count):
        index_card(table, cards[slot].hash, slot)
