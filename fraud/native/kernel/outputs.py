"""How each feature is written: a loop for each kind, over the rows of its table.

A feature's number of payments, their sum and their squares are kept for its window, or were found of a group
(`groups.measure`), where a number of -1 says that a value of the payment itself is unknown.
"""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel import groups
from fraud.native.kernel.packing import age, number_of, passes, raw
from fraud.native.kernel.tables import (
    BIAS,
    COUNTED,
    EMPTY,
    ENCODING,
    FILTERED,
    FOUND_COUNT,
    FOUND_HIGH,
    FOUND_LOW,
    FOUND_SUM,
    INPUT,
    NUMBER,
    OF,
    OTHER,
    OUT,
    SPAN,
    TOTALLED,
    Kind,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIN_TRAVEL_MS = 60_000
EARTH_RADIUS_KM = 6371.0088

_INTEGER, _CODE, _NUMBER, _HOUR, _SPEED = Kind.INTEGER, Kind.CODE, Kind.NUMBER, Kind.HOUR, Kind.SPEED
_WEEKDAY, _IS_NIGHT, _IS_WEEKEND = Kind.WEEKDAY, Kind.IS_NIGHT, Kind.IS_WEEKEND
_RATIO, _ZSCORE, _IS_NEW = Kind.RATIO, Kind.ZSCORE, Kind.IS_NEW
_SINCE_LAST, _SINCE_FIRST = Kind.SINCE_LAST, Kind.SINCE_FIRST
_COUNT, _SUM, _MEAN, _STD, _EXTREME = Kind.COUNT, Kind.SUM, Kind.MEAN, Kind.STD, Kind.EXTREME
_DISTINCT, _SHARE, _ABOVE_MEAN, _DERIVED = Kind.DISTINCT, Kind.SHARE, Kind.ABOVE_MEAN, Kind.DERIVED


@inlined
def write_transforms(operations, values, out):  # type: ignore[no-untyped-def]
    """Of the payment alone."""
    kinds, rows = operations.kinds, operations.outputs
    for row in range(kinds[_INTEGER], kinds[_INTEGER + 1]):
        value = values[rows[row, INPUT]]
        if value == EMPTY:
            out[rows[row, OUT]] = np.nan
        else:
            _write_integer(operations, row, value, out)
    for row in range(kinds[_CODE], kinds[_CODE + 1]):
        code = values[rows[row, INPUT]]
        out[rows[row, OUT]] = code if code != 0 else np.nan
    for row in range(kinds[_NUMBER], kinds[_NUMBER + 1]):
        out[rows[row, OUT]] = np.int64(values[rows[row, INPUT]]).view(np.float64)
    for row in range(kinds[_HOUR], kinds[_IS_WEEKEND + 1]):
        out[rows[row, OUT]] = _calendar(operations, values, row)


@inlined
def _write_integer(operations, row, value, out):  # type: ignore[no-untyped-def]
    """An integer as it is, or divided: through float64 it would be rounded twice."""
    if operations.numbers[row] == 1.0:
        out[operations.outputs[row, OUT]] = value
    else:
        out[operations.outputs[row, OUT]] = value / operations.numbers[row]


@inlined
def _calendar(operations, values, row):  # type: ignore[no-untyped-def]
    time, zone = values[operations.outputs[row, INPUT]], operations.outputs[row, OTHER]
    if operations.outputs[row, SPAN] >= 0:
        zone = operations.country_zones[values[operations.outputs[row, SPAN]]]
    if time == EMPTY or zone < 0:
        return np.nan
    local = time + _offset(operations, zone, time)
    hour = (local // HOUR_MS) % 24
    weekday = (local // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
    if row < operations.kinds[_WEEKDAY]:
        return np.float64(hour)
    if row < operations.kinds[_IS_NIGHT]:
        return np.float64(weekday)
    return np.float64(hour < 6) if row < operations.kinds[_IS_WEEKEND] else np.float64(weekday >= 5)


@inlined
def _offset(operations, zone, time):  # type: ignore[no-untyped-def]
    """What to add to UTC in a zone, in ms: by the last change at or before the time, the first if none is."""
    low, high = operations.zones[zone], operations.zones[zone + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if operations.zone_starts[middle] <= time:
            low = middle
        else:
            high = middle
    return operations.zone_offsets[low]


@inlined
def write_before(operations, state, slot, timestamp, values, position, out):  # type: ignore[no-untyped-def]
    """Of the card's payments before this one."""
    kinds, rows = operations.kinds, operations.outputs
    for row in range(kinds[_RATIO], kinds[_ZSCORE + 1]):
        out[rows[row, OUT]] = _against_mean(operations, state, slot, row)
    for row in range(kinds[_IS_NEW], kinds[_IS_NEW + 1]):
        out[rows[row, OUT]] = _is_new(operations, state, slot, row)
    for row in range(kinds[_SINCE_LAST], kinds[_SINCE_FIRST + 1]):
        out[rows[row, OUT]] = _seconds_since(operations, state, slot, row, timestamp, position)
    for row in range(kinds[_SPEED], kinds[_SPEED + 1]):
        out[rows[row, OUT]] = _speed_kmh(operations, state, slot, row, timestamp, values)


@inlined
def _number(operations, state, slot, row):  # type: ignore[no-untyped-def]
    """How many payments a feature is about."""
    group, counted = operations.outputs[row, OF], operations.outputs[row, COUNTED]
    if group >= 0:
        return state.found[group, FOUND_COUNT]
    if counted >= 0:
        return np.int64(state.counts[slot, counted])
    return np.int64(state.cards[slot].count) - state.counts[slot, operations.outputs[row, SPAN]]


@inlined
def _total(operations, state, slot, row):  # type: ignore[no-untyped-def]
    group = operations.outputs[row, OF]
    if group >= 0:
        return state.found[group, FOUND_SUM]
    return state.totals[slot, operations.outputs[row, TOTALLED]]


@inlined
def _squares(operations, state, slot, row):  # type: ignore[no-untyped-def]
    group, other = operations.outputs[row, OF], operations.outputs[row, OTHER]
    if group >= 0:
        high, low = state.found[group, FOUND_HIGH], state.found[group, FOUND_LOW]
    else:
        high, low = state.totals[slot, other], state.totals[slot, other + 1]
    return np.float64(high) * 4294967296.0 + np.float64(low)


@inlined
def _against_mean(operations, state, slot, row):  # type: ignore[no-untyped-def]
    """The payment's value against those before it: their mean's multiple, or standard deviations from it."""
    number, column = _number(operations, state, slot, row), operations.outputs[row, INPUT]
    found = raw(operations.columns, state.packed, 0, column)
    if number <= 0 or found == 0:
        return np.nan
    value = found - operations.columns[column, BIAS]
    mean = _total(operations, state, slot, row) / number
    if row < operations.kinds[_ZSCORE]:
        return value / mean if mean > 0 else np.nan
    squares = _squares(operations, state, slot, row)
    variance = squares / number - mean * mean
    # Rounding leaves up to about 1e-16 of the squares where the true variance is zero.
    return (value - mean) / np.sqrt(variance) if variance > squares / number * 1e-12 else np.nan


@inlined
def _is_new(operations, state, slot, row):  # type: ignore[no-untyped-def]
    group, counted = operations.outputs[row, OF], operations.outputs[row, COUNTED]
    if counted >= 0:
        number = np.int64(state.counts[slot, counted])
    else:
        number = np.int64(state.cards[slot].count) - state.counts[slot, operations.outputs[row, SPAN]]
    if number == 0 or not groups.is_known(operations, state.packed, 0, group):
        return np.nan
    return np.float64(not groups.has(operations, state, slot, group, state.packed, 0))


@inlined
def _seconds_since(operations, state, slot, row, timestamp, position):  # type: ignore[no-untyped-def]
    """Since the last or the first payment in the window that was not made after this one."""
    card, window = state.cards[slot], operations.outputs[row, SPAN]
    start = card.block + card.head
    first, end = start + state.counts[slot, window], start + position
    if row < operations.kinds[_SINCE_FIRST]:
        found = _last(operations, state, row, first, end)
    else:
        found = _first(operations, state, row, first, end)
    if found < first or found >= end:
        return np.nan
    since = age(operations, state.events, found * operations.width, card.watermark)
    return (timestamp - (card.watermark - since)) / 1000.0


@inlined
def _last(operations, state, row, first, end):  # type: ignore[no-untyped-def]
    group, condition = operations.outputs[row, OF], operations.outputs[row, FILTERED]
    if group >= 0:
        if not groups.is_known(operations, state.packed, 0, group):
            return first - 1
        return groups.last_match(operations, state, group, state.packed, 0, first, end)
    position = end - 1
    while position >= first and not passes(
        operations.columns, state.events, position * operations.width, condition
    ):
        position -= 1
    return position


@inlined
def _first(operations, state, row, first, end):  # type: ignore[no-untyped-def]
    group, condition = operations.outputs[row, OF], operations.outputs[row, FILTERED]
    if group >= 0:
        if not groups.is_known(operations, state.packed, 0, group):
            return end
        return groups.first_match(operations, state, group, state.packed, 0, first, end)
    position = first
    while position < end and not passes(
        operations.columns, state.events, position * operations.width, condition
    ):
        position += 1
    return position


@inlined
def _speed_kmh(operations, state, slot, row, timestamp, values):  # type: ignore[no-untyped-def]
    """Great-circle distance (haversine) from the card's newest place, over the time between."""
    source, target = operations.outputs[row, INPUT], operations.outputs[row, TOTALLED]
    latitude = np.float32(np.int64(values[source]).view(np.float64))
    longitude = np.float32(np.int64(values[source + 1]).view(np.float64))
    window, time = operations.windows[operations.outputs[row, SPAN]], state.totals[slot, target]
    if np.isnan(latitude) or np.isnan(longitude) or time <= state.cards[slot].watermark - window:
        return np.nan
    place = state.totals[slot, target + 1]
    old_latitude, old_longitude = np.int32(place >> 32).view(np.float32), np.int32(place).view(np.float32)
    from_latitude, to_latitude = np.radians(np.float64(old_latitude)), np.radians(np.float64(latitude))
    half_latitude = (to_latitude - from_latitude) / 2
    half_longitude = np.radians(np.float64(longitude) - np.float64(old_longitude)) / 2
    chord = (
        np.sin(half_latitude) ** 2 + np.cos(from_latitude) * np.cos(to_latitude) * np.sin(half_longitude) ** 2
    )
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(min(1.0, np.sqrt(chord)))
    elapsed = max(abs(timestamp - time), MIN_TRAVEL_MS)
    return distance / (elapsed / HOUR_MS)


@inlined
def write_windows(operations, state, slot, out):  # type: ignore[no-untyped-def]
    """Of the card's windows with this payment in them; then what is derived from other features."""
    kinds, rows = operations.kinds, operations.outputs
    for row in range(kinds[_COUNT], kinds[_COUNT + 1]):
        number = _number(operations, state, slot, row)
        out[rows[row, OUT]] = number if number >= 0 else np.nan
    for row in range(kinds[_SUM], kinds[_STD + 1]):
        _write_moment(operations, state, slot, row, out)
    for row in range(kinds[_EXTREME], kinds[_EXTREME + 1]):
        _write_extreme(operations, state, slot, row, out)
    for row in range(kinds[_DISTINCT], kinds[_DISTINCT + 1]):
        different = state.counts[slot, rows[row, COUNTED]]
        out[rows[row, OUT]] = different if different > 0 else np.nan
    for row in range(kinds[_SHARE], kinds[_SHARE + 1]):
        out[rows[row, OUT]] = _share(operations, state, slot, row)
    for row in range(kinds[_ABOVE_MEAN], kinds[_ABOVE_MEAN + 1]):
        out[rows[row, OUT]] = _count_above_mean(operations, state, slot, row)
    for row in range(kinds[_DERIVED], kinds[_DERIVED + 1]):
        _write_derived(operations, row, out)


@inlined
def _write_moment(operations, state, slot, row, out):  # type: ignore[no-untyped-def]
    """A sum, a mean or a standard deviation."""
    number, total = _number(operations, state, slot, row), _total(operations, state, slot, row)
    if row < operations.kinds[_MEAN]:
        if number < 0:
            out[operations.outputs[row, OUT]] = np.nan
        else:
            _write_integer(operations, row, total, out)
        return
    if number <= 0:
        out[operations.outputs[row, OUT]] = np.nan
        return
    mean = total / number
    if row < operations.kinds[_STD]:
        out[operations.outputs[row, OUT]] = mean / operations.numbers[row]
        return
    squares = _squares(operations, state, slot, row)
    variance = squares / number - mean * mean
    deviation = np.sqrt(variance) if variance > squares / number * 1e-12 else 0.0
    out[operations.outputs[row, OUT]] = deviation / operations.numbers[row]


@inlined
def _write_extreme(operations, state, slot, row, out):  # type: ignore[no-untyped-def]
    value, column = state.totals[slot, operations.outputs[row, TOTALLED]], operations.outputs[row, INPUT]
    if value == EMPTY:
        out[operations.outputs[row, OUT]] = np.nan
        return
    value *= operations.outputs[row, OTHER]
    if operations.columns[column, ENCODING] == NUMBER:
        out[operations.outputs[row, OUT]] = number_of(value)
    else:
        _write_integer(operations, row, value, out)


@inlined
def _share(operations, state, slot, row):  # type: ignore[no-untyped-def]
    card, number = state.cards[slot], _number(operations, state, slot, row)
    whole = np.int64(card.count) - state.counts[slot, operations.outputs[row, SPAN]]
    return number / whole if number >= 0 and whole > 0 else np.nan


@inlined
def _count_above_mean(operations, state, slot, row):  # type: ignore[no-untyped-def]
    """How many of the latest payments are a factor above the mean of the window."""
    card, number, high = state.cards[slot], _number(operations, state, slot, row), 0
    if number == 0:
        return high
    column, rows = operations.outputs[row, INPUT], operations.outputs
    limit = operations.numbers[row] * (_total(operations, state, slot, row) / number)
    skipped = max(np.int64(state.counts[slot, rows[row, SPAN]]), np.int64(card.count) - rows[row, OTHER])
    start = card.block + card.head
    for position in range(start + skipped, start + card.count):
        at = position * operations.width
        found = raw(operations.columns, state.events, at, column)
        if found != 0 and passes(operations.columns, state.events, at, rows[row, FILTERED]):
            high += found - operations.columns[column, BIAS] > limit
    return high


@inlined
def _write_derived(operations, row, out):  # type: ignore[no-untyped-def]
    """A quotient or a difference of two features as they are written."""
    rows = operations.outputs
    one, other = np.float64(out[rows[row, INPUT]]), np.float64(out[rows[row, OTHER]])
    if rows[row, OF] == 0:
        out[rows[row, OUT]] = one - other
    else:
        out[rows[row, OUT]] = one / other if other != 0 else np.nan
