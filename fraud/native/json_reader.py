"""Transactions read from their JSON by compiled code, as far as that is safe.

It takes what is simple: an object whose declared fields are text without escapes or numbers of up to fifteen
digits without an exponent, each named once, all of it within admission's bounds; other fields may be
anything, and are passed over. At the first message that is not so it stops, and admission decides on that
one. So admission alone decides what counts; this only agrees with it sooner, and `make fuzz` checks that the
two agree.
"""

from collections.abc import Iterable
from types import FunctionType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import inspect

from fraud.kafka import keys as upstream_keys
from fraud.native import event_clock, id_index, xxh3
from fraud.native.jit import compiled, inlined
from fraud.native.json_values import (
    CLOSE,
    COLON,
    COMMA,
    GIVEN_UP,
    MINUS,
    NINE,
    NULL_BEGINS,
    OPEN,
    POINT,
    QUOTE,
    ZERO,
    count_characters,
    past_blanks,
    past_member,
    past_null,
    simple_text_end,
)
from fraud.schema import LETTERS, Transaction, currency_index, minor_digits, unusual_currencies

FIELDS = tuple(field.name for field in msgspec.structs.fields(Transaction))
TEXTS = ("transaction_id", "card_id", "merchant_id", "currency")
"""The fields whose text is wanted later."""

_ID, _CARD, _MERCHANT, _AMOUNT, _CURRENCY, _TIME, _CATEGORY, _CHANNEL, _COUNTRY, _LATITUDE, _LONGITUDE = (
    range(len(FIELDS))
)  # fmt: skip
_TEXT_FIELDS = tuple(FIELDS.index(name) for name in TEXTS)

SEPARATOR = "\n"
"""Between gathered texts; a text without escapes has no such sign."""

_MOST_DIGITS = 15
"""Such a number, and the power of ten that it is divided by, are exact as doubles; so the quotient is the
nearest double (Clinger 1990)."""

_POWERS = 10 ** np.arange(_MOST_DIGITS + 1, dtype=np.int64)
_CODES = np.uint64(65_535)
_ODD = -1

_A, _Z, _BETWEEN = (ord(sign) for sign in ("A", "Z", SEPARATOR))


class Grammar(NamedTuple):
    """What is known of each field, in their order, and of currencies and hashes.

    `names` are padded to one width; `shortest` and `longest` are the least and the most characters of a text,
    0 where it is a number; `digits` has the minor digits of each currency, its letters read as a number
    of base 26.
    """

    names: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]
    is_required: npt.NDArray[np.bool_]
    shortest: npt.NDArray[np.int64]
    longest: npt.NDArray[np.int64]
    least: npt.NDArray[np.float64]
    most: npt.NDArray[np.float64]
    digits: npt.NDArray[np.int64]
    secret: npt.NDArray[np.uint8]


class Keys(NamedTuple):
    """The messages' keys one after another, where each ends, and whether it may be its message's.

    Without `ends` no key is looked at.
    """

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]
    fits: npt.NDArray[np.bool_]


def grammar() -> Grammar:
    """Derived from `Transaction`."""
    names = [name.encode() for name in FIELDS]
    width = max(map(len, names))
    padded = np.frombuffer(b"".join(name.ljust(width) for name in names), dtype=np.uint8)
    kinds = [_kind(field.type) for field in inspect.type_info(Transaction).fields]  # type: ignore[attr-defined]
    digits = np.full(LETTERS**3, minor_digits(""), dtype=np.int64)
    for currency in unusual_currencies():
        digits[currency_index(currency)] = minor_digits(currency)
    return Grammar(
        names=padded.reshape(len(names), width),
        lengths=np.array([len(name) for name in names]),
        is_required=np.array([field.required for field in msgspec.structs.fields(Transaction)]),
        shortest=np.array([getattr(kind, "min_length", None) or 0 for kind in kinds]),
        longest=np.array([getattr(kind, "max_length", None) or 0 for kind in kinds]),
        least=np.array([_bound(kind, "ge", -np.inf) for kind in kinds]),
        most=np.array([_bound(kind, "le", np.inf) for kind in kinds]),
        digits=digits,
        secret=xxh3.SECRET,
    )


def _compiled_too(module: Any, functions: Iterable[Any]) -> dict[str, Any]:
    """Plain functions of a module, compiled as parts of their callers; callees come first."""
    names = dict(vars(module))
    for function in functions:
        names[function.__name__] = inlined(FunctionType(function.__code__, names, function.__name__))
    return names


_clock = _compiled_too(event_clock, event_clock.COMPILED)
_earliest, _latest, _observe = (_clock[name] for name in ("earliest", "latest", "observe"))
_murmur2 = _compiled_too(upstream_keys, (upstream_keys.murmur2,))["murmur2"]


def _kind(kind: Any) -> Any:
    """Of a field that may be absent, what it is when it is there."""
    return kind.types[0] if isinstance(kind, inspect.UnionType) else kind


def _bound(kind: Any, name: str, otherwise: float) -> float:
    bound = getattr(kind, name, None)
    return otherwise if bound is None else float(bound)


@compiled
def read(grammar, bounds, data, ends, times, keys, first, state, events, spans, count, places):  # type: ignore[no-untyped-def]
    """Read messages from the `first` on, for as long as they are plain and admitted.

    Args:
        grammar: Of the fields.
        bounds: Admission's.
        data: All messages, a zero byte after each.
        ends: Where each message's zero is.
        times: Kafka's, ms.
        keys: Of the messages, where they matter.
        first: The message to begin with.
        state: Of admission's clock; moves with what is read.
        events: Receives the records; those before `count` are there.
        spans: Receives where the `TEXTS` begin and end, shape (n, len(TEXTS), 2).
        count: How many records there are.
        places: Room to work in, shape (len(FIELDS), 2).

    Returns:
        The message at which it stopped, and how many records there are now.
    """
    for message in range(first, len(ends)):
        begin, end = ends[message - 1] + 1 if message else 0, ends[message]
        if end - begin > bounds.max_bytes or not _split(grammar, data, begin, end, places):
            return message, count
        if len(keys.ends) > 0 and not _is_key(data, places, keys, message):
            return message, count
        event = events[count]
        if not _numbers(grammar, bounds, data, places, times[message], state, event):
            return message, count
        _hashes(grammar, data, places, event)
        card, merchant = np.int64(event["card"]), np.int64(event["merchant"])
        _observe(state, card, merchant, event["timestamp"], bounds.step, bounds.max_jump)
        for number, field in enumerate(_TEXT_FIELDS):
            spans[count, number, 0], spans[count, number, 1] = places[field, 0], places[field, 1]
        count += 1
    return len(ends), count


@compiled
def mark_misplaced(keys, partition, partitions):  # type: ignore[no-untyped-def]
    """Note which keys murmur2 does not put into the partition, for any number of `partitions`."""
    begin = 0
    for number in range(len(keys.ends)):
        place, fits = _murmur2(keys.data, begin, keys.ends[number]), False
        for known in partitions:
            fits |= place % known == partition
        keys.fits[number] &= fits
        begin = keys.ends[number]


@compiled
def gather(data, spans, gathered):  # type: ignore[no-untyped-def]
    """Write what lies in `spans`, shape (n, 2), one after the other and with separators between."""
    at = 0
    for number in range(len(spans)):
        if number:
            gathered[at] = _BETWEEN
            at += 1
        for place in range(spans[number, 0], spans[number, 1]):
            gathered[at] = data[place]
            at += 1


@inlined
def _split(grammar, data, at, end, places):  # type: ignore[no-untyped-def]
    """Find where each field's value begins and ends; an absent one begins at -1. False: it is not simple."""
    places[:] = _ODD
    at = past_blanks(data, at)
    if data[at] != OPEN:
        return False
    likely = 0
    while True:
        at = past_blanks(data, at + 1)
        field = _named(grammar, data, at, likely)
        if field == _ODD:
            at = past_member(data, at)
        else:
            likely = field + 1
            at = _member(data, at + grammar.lengths[field] + 2, grammar.longest[field], places[field])
        if at == GIVEN_UP:
            return False
        at = past_blanks(data, at)
        if data[at] == CLOSE:
            break
        if data[at] != COMMA:
            return False
    return past_blanks(data, at + 1) == end and _is_complete(grammar, data, places)


@inlined
def _named(grammar, data, at, likely):  # type: ignore[no-untyped-def]
    """The field whose quoted name begins at `at`: most likely the one after the field before."""
    if data[at] != QUOTE:
        return _ODD
    fields = len(grammar.lengths)
    for number in range(likely, likely + fields):
        field = number if number < fields else number - fields
        length = grammar.lengths[field]
        matches = 0
        while matches < length and data[at + 1 + matches] == grammar.names[field, matches]:
            matches += 1
        if matches == length and data[at + 1 + length] == QUOTE:
            return field
    return _ODD


@inlined
def _member(data, at, longest, place):  # type: ignore[no-untyped-def]
    """Note where the value of the member begins and ends whose name ends before `at`; returns what follows.

    A null is noted by its end alone. It gives up where the field has been noted already.
    """
    at = past_blanks(data, at)
    if data[at] != COLON or place[1] != _ODD:
        return GIVEN_UP
    at = past_blanks(data, at + 1)
    if data[at] == NULL_BEGINS:
        place[1] = past_null(data, at)
        return place[1]
    stop, is_text = _value_end(data, at, longest), data[at] == QUOTE
    if stop == GIVEN_UP:
        return GIVEN_UP
    place[0], place[1] = at + is_text, stop
    return stop + is_text


@inlined
def _value_end(data, at, longest):  # type: ignore[no-untyped-def]
    """Where the text or the number that begins at `at` ends."""
    if data[at] == QUOTE:
        return simple_text_end(data, at + 1)
    stop = at
    while ZERO <= data[stop] <= NINE or data[stop] == POINT or data[stop] == MINUS:
        stop += 1
    return stop if stop > at and longest == 0 else GIVEN_UP


@inlined
def _is_complete(grammar, data, places):  # type: ignore[no-untyped-def]
    """Whether all that is required is there, and every text has a length that it may have."""
    for field in range(len(places)):
        begin, stop = places[field]
        if begin == _ODD:
            if grammar.is_required[field]:
                return False
        elif (stop == begin or 0 < grammar.longest[field] < stop - begin) and not _has_length(
            grammar, data, begin, stop, field
        ):
            return False
    return True


@inlined
def _has_length(grammar, data, begin, stop, field):  # type: ignore[no-untyped-def]
    """Whether a text that is empty, or may be too long, has as many characters as it may have."""
    characters = count_characters(data, begin, stop)
    return grammar.shortest[field] <= characters <= grammar.longest[field] and stop - begin <= xxh3.LONGEST


@inlined
def _is_key(data, places, keys, message):  # type: ignore[no-untyped-def]
    """Whether the message's key is its card, and fits."""
    card, length = places[_CARD, 0], places[_CARD, 1] - places[_CARD, 0]
    begin = keys.ends[message - 1] if message else 0
    if not keys.fits[message] or keys.ends[message] - begin != length:
        return False
    same = 0
    while same < length and keys.data[begin + same] == data[card + same]:
        same += 1
    return same == length


@inlined
def _numbers(grammar, bounds, data, places, time, state, event):  # type: ignore[no-untyped-def]
    """Enter amount, time and place; False: admission might not admit it."""
    amount = _minor(grammar, bounds, data, places)
    timestamp, decimals = _decimal(data, places[_TIME, 0], places[_TIME, 1])
    if decimals != 0 or data[places[_TIME, 0] - 1] == QUOTE or amount < 0:
        return False
    if not bounds.earliest <= timestamp <= time + bounds.clock_skew:
        return False
    if not _earliest(state, bounds.lateness) <= timestamp <= _latest(state, bounds.max_jump):
        return False
    if not grammar.least[_TIME] <= timestamp <= grammar.most[_TIME]:
        return False
    event["amount"], event["timestamp"] = amount, timestamp
    latitude, is_north_well = _degrees(grammar, data, places, _LATITUDE)
    longitude, is_east_well = _degrees(grammar, data, places, _LONGITUDE)
    event["latitude"], event["longitude"] = latitude, longitude
    return is_north_well and is_east_well


@inlined
def _minor(grammar, bounds, data, places):  # type: ignore[no-untyped-def]
    """The amount in minor units; -1 where the currency or the amount is unusual, or above its limit."""
    begin, currency = places[_CURRENCY, 0], 0
    if places[_CURRENCY, 1] - begin != 3:
        return _ODD
    for at in range(begin, begin + 3):
        if not _A <= data[at] <= _Z:
            return _ODD
        currency = currency * LETTERS + data[at] - _A
    units, decimals = _decimal(data, places[_AMOUNT, 0], places[_AMOUNT, 1])
    missing = grammar.digits[currency] - decimals
    if decimals == _ODD or units < 0:
        return _ODD
    if missing >= 0:
        amount = units * _POWERS[missing]
    elif units % _POWERS[-missing] == 0:
        amount = units // _POWERS[-missing]
    else:
        return _ODD
    return amount if amount <= bounds.max_amounts[currency] else _ODD


@inlined
def _degrees(grammar, data, places, field):  # type: ignore[no-untyped-def]
    """A place's coordinate, NaN where it is absent; and whether it may be one."""
    begin = places[field, 0]
    if begin == _ODD:
        return np.nan, True
    units, decimals = _decimal(data, begin, places[field, 1])
    if decimals == _ODD or data[begin - 1] == QUOTE:
        return np.nan, False
    degrees = units / _POWERS[decimals]
    return degrees, grammar.least[field] <= degrees <= grammar.most[field]


@inlined
def _decimal(data, begin, stop):  # type: ignore[no-untyped-def]
    """A number without its point, and how many decimals it has; -1 of them: it is not written plainly."""
    is_negative = data[begin] == MINUS
    begin += is_negative
    units, digits, point = 0, 0, _ODD
    for at in range(begin, stop):
        if data[at] == POINT:
            if point != _ODD:
                return 0, _ODD
            point = at
        elif ZERO <= data[at] <= NINE:
            units, digits = 10 * units + data[at] - ZERO, digits + 1
        else:
            return 0, _ODD
        if digits > _MOST_DIGITS:
            return 0, _ODD
    whole = point if point != _ODD else stop
    if whole == begin or point == stop - 1 or (data[begin] == ZERO and whole > begin + 1):
        return 0, _ODD
    if is_negative and units == 0:
        return 0, _ODD
    return -units if is_negative else units, stop - point - 1 if point != _ODD else 0


@inlined
def _hashes(grammar, data, places, event):  # type: ignore[no-untyped-def]
    """Enter the identifiers, the codes and the digest of all."""
    event["card"] = xxh3.xxh3_64(data, places[_CARD, 0], places[_CARD, 1], grammar.secret)
    event["transaction"] = xxh3.xxh3_64(data, places[_ID, 0], places[_ID, 1], grammar.secret)
    merchant = xxh3.xxh3_64(data, places[_MERCHANT, 0], places[_MERCHANT, 1], grammar.secret)
    event["merchant"] = np.uint32(merchant & np.uint64(0xFFFF_FFFF))
    event["category"] = _code(grammar, data, places[_CATEGORY])
    event["channel"] = _code(grammar, data, places[_CHANNEL])
    event["country"] = _code(grammar, data, places[_COUNTRY])
    letters = places[_CURRENCY, 0]
    currency = (np.uint32(data[letters]) << 16) | (np.uint32(data[letters + 1]) << 8) | data[letters + 2]
    event["content"] = id_index.content_of(event, currency)


@inlined
def _code(grammar, data, place):  # type: ignore[no-untyped-def]
    if place[0] == _ODD:
        return np.uint16(0)
    return np.uint16(1 + xxh3.xxh3_64(data, place[0], place[1], grammar.secret) % _CODES)
