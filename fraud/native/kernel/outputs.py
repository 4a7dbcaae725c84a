"""How each feature is written: a loop for each kind, over the records of its table.

A feature's number of payments, their sum and their squares are kept for its window, or were found of a group
(`groups.measure`), where a number of -1 says that a value of the payment itself is unknown.
"""

import numpy as np

from fraud.native.jit import inlined
from fraud.native.kernel import groups
from fraud.native.kernel.packing import age, finite, number_of, passes, raw
from fraud.native.kernel.tables import (
    ABOVE_MEAN,
    AS_CODE,
    AS_INTEGER,
    AS_NUMBER,
    DERIVED,
    DISTINCT,
    EMPTY,
    EXTREME,
    HOUR,
    IS_NEW,
    IS_NIGHT,
    IS_WEEKEND,
    MEAN,
    NUMBER,
    NUMBER_OF,
    RATIO,
    SHARE,
    SINCE_FIRST,
    SINCE_LAST,
    SPEED,
    STD,
    SUM_OF,
    WEEKDAY,
    ZSCORE,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIN_TRAVEL_MS = 60_000
EARTH_RADIUS_KM = 6371.0088


@inlined
def write_transforms(operations, values, out):  # type: ignore[no-untyped-def]
    """Of the payment alone."""
    kinds, outputs = operations.kinds, operations.outputs
    for row in range(kinds[AS_INTEGER], kinds[AS_INTEGER + 1]):
        output = outputs[row]
        if values[output.input] == EMPTY:
            out[output.out] = np.nan
        else:
            _write_integer(output, values[output.input], out)
    for row in range(kinds[AS_CODE], kinds[AS_CODE + 1]):
        code = values[outputs[row].input]
        out[outputs[row].out] = code if code != 0 else np.nan
    for row in range(kinds[AS_NUMBER], kinds[AS_NUMBER + 1]):
        out[outputs[row].out] = finite(np.int64(values[outputs[row].input]).view(np.float64))
    _write_calendar(operations, values, out)


@inlined
def _write_calendar(operations, values, out):  # type: ignore[no-untyped-def]
    kinds, outputs = operations.kinds, operations.outputs
    for row in range(kinds[HOUR], kinds[HOUR + 1]):
        out[outputs[row].out] = _hour(operations, values, outputs[row])
    for row in range(kinds[WEEKDAY], kinds[WEEKDAY + 1]):
        out[outputs[row].out] = _weekday(operations, values, outputs[row])
    for row in range(kinds[IS_NIGHT], kinds[IS_NIGHT + 1]):
        hour = _hour(operations, values, outputs[row])
        out[outputs[row].out] = hour if np.isnan(hour) else hour < 6
    for row in range(kinds[IS_WEEKEND], kinds[IS_WEEKEND + 1]):
        weekday = _weekday(operations, values, outputs[row])
        out[outputs[row].out] = weekday if np.isnan(weekday) else weekday >= 5


@inlined
def _write_integer(output, value, out):  # type: ignore[no-untyped-def]
    """An integer as it is, or divided: through float64 it would be rounded twice."""
    if output.number == 1.0:
        out[output.out] = value
    else:
        out[output.out] = value / output.number


@inlined
def _hour(operations, values, output):  # type: ignore[no-untyped-def]
    local = _local_time(operations, values, output)
    return np.float64((local // HOUR_MS) % 24) if local != EMPTY else np.nan


@inlined
def _weekday(operations, values, output):  # type: ignore[no-untyped-def]
    local = _local_time(operations, values, output)  # 1970-01-01 was a Thursday
    return np.float64((local // DAY_MS + 3) % 7) if local != EMPTY else np.nan


@inlined
def _local_time(operations, values, output):  # type: ignore[no-untyped-def]
    """A time in its zone, in ms; `EMPTY` if one of the two is unknown."""
    time, zone = values[output.input], output.other
    if output.window >= 0:
        zone = operations.country_zones[values[output.window]]
    if time == EMPTY or zone < 0:
        return EMPTY
    low, high = operations.zones[zone], operations.zones[zone + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if operations.zone_starts[middle] <= time:
            low = middle
        else:
            high = middle
    return time + operations.zone_offsets[low]


@inlined
def write_before(operations, state, slot, timestamp, values, position, out):  # type: ignore[no-untyped-def]
    """Of the card's payments before this one."""
    kinds, outputs = operations.kinds, operations.outputs
    for row in range(kinds[RATIO], kinds[RATIO + 1]):
        out[outputs[row].out] = _ratio(operations, state, slot, outputs[row])
    for row in range(kinds[ZSCORE], kinds[ZSCORE + 1]):
        out[outputs[row].out] = _zscore(operations, state, slot, outputs[row])
    for row in range(kinds[IS_NEW], kinds[IS_NEW + 1]):
        out[outputs[row].out] = _is_new(operations, state, slot, outputs[row])
    for row in range(kinds[SPEED], kinds[SPEED + 1]):
        out[outputs[row].out] = _speed_kmh(operations, state, slot, outputs[row], timestamp, values)
    _write_since(operations, state, slot, timestamp, position, out)


@inlined
def _write_since(operations, state, slot, timestamp, position, out):  # type: ignore[no-untyped-def]
    kinds, outputs = operations.kinds, operations.outputs
    for row in range(kinds[SINCE_LAST], kinds[SINCE_LAST + 1]):
        first, end = _earlier(state, slot, outputs[row], position)
        last = _last(operations, state, outputs[row], first, end)
        out[outputs[row].out] = np.nan
        if last >= first:
            out[outputs[row].out] = _seconds_since(operations, state, slot, timestamp, last)
    for row in range(kinds[SINCE_FIRST], kinds[SINCE_FIRST + 1]):
        first, end = _earlier(state, slot, outputs[row], position)
        first = _first(operations, state, outputs[row], first, end)
        out[outputs[row].out] = np.nan
        if first < end:
            out[outputs[row].out] = _seconds_since(operations, state, slot, timestamp, first)


@inlined
def _number(state, slot, output):  # type: ignore[no-untyped-def]
    """How many payments a feature is about."""
    if output.group >= 0:
        return state.found[output.group].count
    return np.int64(state.counts[slot, output.counted])


@inlined
def _total(state, slot, output):  # type: ignore[no-untyped-def]
    if output.group >= 0:
        return state.found[output.group].sum
    return state.totals[slot, output.totalled]


@inlined
def _squares(state, slot, output):  # type: ignore[no-untyped-def]
    if output.group >= 0:
        high, low = state.found[output.group].high, state.found[output.group].low
    else:
        high, low = state.totals[slot, output.other], state.totals[slot, output.other + 1]
    return np.float64(high) * 4294967296.0 + np.float64(low)


@inlined
def _ratio(operations, state, slot, output):  # type: ignore[no-untyped-def]
    """The payment's value as a multiple of the mean of those before it."""
    number, found = _number(state, slot, output), state.current[output.input]
    if number <= 0 or found == 0:
        return np.nan
    mean = _total(state, slot, output) / number
    return (found - operations.columns[output.input].bias) / mean if mean > 0 else np.nan


@inlined
def _zscore(operations, state, slot, output):  # type: ignore[no-untyped-def]
    """By how many standard deviations the payment's value differs from the mean of those before it."""
    number, found = _number(state, slot, output), state.current[output.input]
    if number <= 0 or found == 0:
        return np.nan
    mean = _total(state, slot, output) / number
    variance = _variance(number, mean, _squares(state, slot, output))
    if variance == 0:
        return np.nan
    return (found - operations.columns[output.input].bias - mean) / np.sqrt(variance)


@inlined
def _variance(number, mean, squares):  # type: ignore[no-untyped-def]
    variance = squares / number - mean * mean
    # Rounding leaves up to about 1e-16 of the squares where the true variance is zero.
    return variance if variance > squares / number * 1e-12 else 0.0


@inlined
def _is_new(operations, state, slot, output):  # type: ignore[no-untyped-def]
    if state.counts[slot, output.counted] == 0:
        return np.nan
    if not groups.is_known(operations, state.packed, 0, output.group):
        return np.nan
    return np.float64(not groups.has(operations, state, slot, output.group, state.packed, 0))


@inlined
def _earlier(state, slot, output, position):  # type: ignore[no-untyped-def]
    """Where the window's payments that were not made after this one are in the arena."""
    card = state.cards[slot]
    start = card.block + card.head
    return start + card.count - state.counts[slot, output.window], start + position


@inlined
def _seconds_since(operations, state, slot, timestamp, position):  # type: ignore[no-untyped-def]
    watermark = state.cards[slot].watermark
    time = watermark - age(operations, state.events, position * operations.width, watermark)
    return (timestamp - time) / 1000.0


@inlined
def _last(operations, state, output, first, end):  # type: ignore[no-untyped-def]
    """The last position in `first` to `end` - 1 of what a feature is about; less if there is none."""
    if output.group >= 0:
        if not groups.is_known(operations, state.packed, 0, output.group):
            return first - 1
        return groups.last_match(operations, state, output.group, state.packed, 0, first, end)
    position, columns = end - 1, operations.columns
    while position >= first and not passes(
        columns, state.events, position * operations.width, output.condition
    ):
        position -= 1
    return position


@inlined
def _first(operations, state, output, first, end):  # type: ignore[no-untyped-def]
    """The first position in `first` to `end` - 1 of what a feature is about; `end` if none is."""
    if output.group >= 0:
        if not groups.is_known(operations, state.packed, 0, output.group):
            return end
        return groups.first_match(operations, state, output.group, state.packed, 0, first, end)
    position, columns = first, operations.columns
    while position < end and not passes(columns, state.events, position * operations.width, output.condition):
        position += 1
    return position


@inlined
def _speed_kmh(operations, state, slot, output, timestamp, values):  # type: ignore[no-untyped-def]
    """Great-circle distance (haversine) from the card's newest place, over the time between."""
    latitude = np.float32(np.int64(values[output.input]).view(np.float64))
    longitude = np.float32(np.int64(values[output.input + 1]).view(np.float64))
    time, oldest = (
        state.totals[slot, output.totalled],
        state.cards[slot].watermark - operations.windows[output.window].length,
    )
    if np.isnan(latitude) or np.isnan(longitude) or time <= oldest:
        return np.nan
    place = state.totals[slot, output.totalled + 1]
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
    kinds, outputs = operations.kinds, operations.outputs
    _write_moments(operations, state, slot, out)
    _write_values(operations, state, slot, out)
    for row in range(kinds[ABOVE_MEAN], kinds[ABOVE_MEAN + 1]):
        out[outputs[row].out] = _count_above_mean(operations, state, slot, outputs[row])
    for row in range(kinds[DERIVED], kinds[DERIVED + 1]):
        _write_derived(outputs[row], out)


@inlined
def _write_moments(operations, state, slot, out):  # type: ignore[no-untyped-def]
    """Numbers, sums, means and deviations."""
    kinds, outputs = operations.kinds, operations.outputs
    for row in range(kinds[NUMBER_OF], kinds[NUMBER_OF + 1]):
        number = _number(state, slot, outputs[row])
        out[outputs[row].out] = number if number >= 0 else np.nan
    for row in range(kinds[SUM_OF], kinds[SUM_OF + 1]):
        if _number(state, slot, outputs[row]) >= 0:
            _write_integer(outputs[row], _total(state, slot, outputs[row]), out)
        else:
            out[outputs[row].out] = np.nan
    for row in range(kinds[MEAN], kinds[MEAN + 1]):
        number = _number(state, slot, outputs[row])
        out[outputs[row].out] = np.nan
        if number > 0:
            out[outputs[row].out] = _total(state, slot, outputs[row]) / number / outputs[row].number
    for row in range(kinds[STD], kinds[STD + 1]):
        out[outputs[row].out] = _deviation(state, slot, outputs[row])


@inlined
def _write_values(operations, state, slot, out):  # type: ignore[no-untyped-def]
    """The smallest and largest, how many different ones, and shares."""
    kinds, outputs = operations.kinds, operations.outputs
    for row in range(kinds[EXTREME], kinds[EXTREME + 1]):
        _write_extreme(operations, state, slot, outputs[row], out)
    for row in range(kinds[DISTINCT], kinds[DISTINCT + 1]):
        different = state.counts[slot, outputs[row].counted]
        out[outputs[row].out] = different if different > 0 else np.nan
    for row in range(kinds[SHARE], kinds[SHARE + 1]):
        number, whole = _number(state, slot, outputs[row]), state.counts[slot, outputs[row].window]
        out[outputs[row].out] = number / whole if number >= 0 and whole > 0 else np.nan


@inlined
def _deviation(state, slot, output):  # type: ignore[no-untyped-def]
    number = _number(state, slot, output)
    if number <= 0:
        return np.nan
    mean = _total(state, slot, output) / number
    return np.sqrt(_variance(number, mean, _squares(state, slot, output))) / output.number


@inlined
def _write_extreme(operations, state, slot, output, out):  # type: ignore[no-untyped-def]
    value = state.totals[slot, output.totalled]
    if value == EMPTY:
        out[output.out] = np.nan
    elif operations.columns[output.input].encoding == NUMBER:
        out[output.out] = number_of(value * output.other)
    else:
        _write_integer(output, value * output.other, out)


@inlined
def _count_above_mean(operations, state, slot, output):  # type: ignore[no-untyped-def]
    """How many of the latest payments are a factor above the mean of the window."""
    card, number, high = state.cards[slot], _number(state, slot, output), 0
    if number == 0:
        return high
    column = operations.columns[output.input]
    limit = output.number * (_total(state, slot, output) / number)
    end = card.block + card.head + card.count
    latest = min(np.int64(state.counts[slot, output.window]), output.other)
    for position in range(end - latest, end):
        at = position * operations.width
        found = raw(column, state.events, at)
        if found != 0 and passes(operations.columns, state.events, at, output.condition):
            high += found - column.bias > limit
    return high


@inlined
def _write_derived(output, out):  # type: ignore[no-untyped-def]
    """A quotient or a difference of two features as they are written."""
    one, other = np.float64(out[output.input]), np.float64(out[output.other])
    if output.group == 0:
        out[output.out] = finite(one - other)
    else:
        out[output.out] = finite(one / other) if other != 0 else np.nan
