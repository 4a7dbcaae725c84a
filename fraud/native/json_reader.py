"""Transactions read from their JSON by compiled code, on the fast path of simple messages.

A message is simple if it is an object whose declared fields are texts without escapes or numbers of up to
fifteen digits without an exponent, each named once, all of it within the limits of admission. Other fields
may hold anything and are skipped. The reader stops at the first message that is not simple, and admission
decides on that one. So admission alone decides what counts, and `make fuzz` checks that the two agree.

Field names, lengths and bounds come from `Transaction`, the rules on currency, amount and time from
`fraud.native.admission_rules` and `fraud.native.event_clock`: the same functions that admission calls.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import inspect

from fraud.native import admission_rules, event_clock, id_index, murmur2, xxh3
from fraud.native.admission_rules import LETTERS
from fraud.native.jit import compile_functions, compiled, inlined
from fraud.native.json_values import (
    CLOSE,
    COLON,
    COMMA,
    MINUS,
    NINE,
    NOT_SIMPLE,
    NULL_START,
    OPEN,
    POINT,
    QUOTE,
    ZERO,
    count_characters,
    find_text_end,
    skip_member,
    skip_null,
    skip_whitespace,
)
from fraud.schema import Transaction, currency_index_of, minor_digits, unusual_currencies

FIELDS = tuple(field.name for field in msgspec.structs.fields(Transaction))
TEXTS = ("transaction_id", "card_id", "merchant_id", "currency")
"""The fields whose text the caller needs later."""

_ID, _CARD, _MERCHANT, _AMOUNT, _CURRENCY, _TIME, _CATEGORY, _CHANNEL, _COUNTRY, _LATITUDE, _LONGITUDE = (
    range(len(FIELDS))
)  # fmt: skip
_TEXT_FIELDS = tuple(FIELDS.index(name) for name in TEXTS)

SEPARATOR = "\n"
"""Between joined texts; a text without escapes cannot contain it."""

_MAX_DIGITS = 15
"""Such a number, and the power of ten that it is divided by, are exact as doubles; so the quotient is the
nearest double (Clinger 1990)."""

_POWERS = 10 ** np.arange(_MAX_DIGITS + 1, dtype=np.int64)
_CODES = np.uint64(65_535)
_SEPARATOR_BYTE = ord(SEPARATOR)


class FieldTable(NamedTuple):
    """What `Transaction` says of its F fields, in their order, and the currencies and the hash need.

    Attributes:
        names: uint8 (F, length of the longest name), padded with spaces.
        lengths: of the names, (F,).
        is_required: (F,).
        min_lengths: the fewest characters of a text, 0 for a number, (F,).
        max_lengths: the most characters of a text, 0 for a number, (F,).
        lowest: bound of a number, included, (F,).
        highest: likewise.
        minor_digits: of each currency by `currency_index`, (LETTERS ** 3,).
        secret: of XXH3.
    """

    names: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]
    is_required: npt.NDArray[np.bool_]
    min_lengths: npt.NDArray[np.int64]
    max_lengths: npt.NDArray[np.int64]
    lowest: npt.NDArray[np.float64]
    highest: npt.NDArray[np.float64]
    minor_digits: npt.NDArray[np.int64]
    secret: npt.NDArray[np.uint8]


class MessageKeys(NamedTuple):
    """The keys of N messages; with N = 0 keys are not checked.

    Attributes:
        data: the keys one after another.
        ends: where each ends in `data`, (N,).
        is_allowed: whether each may be the key of its message, apart from its text, (N,).
    """

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]
    is_allowed: npt.NDArray[np.bool_]


class Messages(NamedTuple):
    """N messages of a partition, in order.

    Attributes:
        data: their bytes one after another, a zero byte after each.
        ends: where each message's zero byte is, (N,).
        times: Kafka's, ms, (N,).
        keys: their keys, or none where keys are not checked.
    """

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    keys: MessageKeys


def field_table() -> FieldTable:
    """The table of `Transaction`."""
    names = [name.encode() for name in FIELDS]
    width = max(map(len, names))
    padded = np.frombuffer(b"".join(name.ljust(width) for name in names), dtype=np.uint8)
    kinds = [_kind(field.type) for field in inspect.type_info(Transaction).fields]  # type: ignore[attr-defined]
    digits = np.full(LETTERS**3, minor_digits(""), dtype=np.int64)
    for currency in unusual_currencies():
        digits[currency_index_of(currency)] = minor_digits(currency)
    return FieldTable(
        names=padded.reshape(len(names), width),
        lengths=np.array([len(name) for name in names]),
        is_required=np.array([field.required for field in msgspec.structs.fields(Transaction)]),
        min_lengths=np.array([getattr(kind, "min_length", None) or 0 for kind in kinds]),
        max_lengths=np.array([getattr(kind, "max_length", None) or 0 for kind in kinds]),
        lowest=np.array([_bound(kind, "ge", -np.inf) for kind in kinds]),
        highest=np.array([_bound(kind, "le", np.inf) for kind in kinds]),
        minor_digits=digits,
        secret=xxh3.SECRET,
    )


_clock = compile_functions(event_clock, event_clock.COMPILED)
_earliest, _latest, _observe = (_clock[name] for name in ("earliest", "latest", "observe"))
_rules = compile_functions(admission_rules, admission_rules.COMPILED)
_currency_index, _is_amount_allowed, _is_time_allowed = (
    _rules[name] for name in ("currency_index", "is_amount_allowed", "is_time_allowed")
)
_murmur2 = compile_functions(murmur2, (murmur2.murmur2,))["murmur2"]


def _kind(kind: Any) -> Any:
    """The type of a field's value when it is present."""
    return kind.types[0] if isinstance(kind, inspect.UnionType) else kind


def _bound(kind: Any, name: str, otherwise: float) -> float:
    bound = getattr(kind, name, None)
    return otherwise if bound is None else float(bound)


@compiled
def read_simple_messages(table, limits, messages, first, state, events, text_spans, count, values):  # type: ignore[no-untyped-def]
    """Read messages from the one numbered `first` on, while they are simple and admission lets them in.

    Args:
        table: a `FieldTable`.
        limits: of admission.
        messages: N, as `Messages`.
        first: the number of the message to start with.
        state: of the partition's event-time clock, int64 (event_clock.LENGTH,); it moves with each message.
        events: receives the records, (N,); `count` of them are there already.
        text_spans: receives where the `TEXTS` start and end in `messages.data`, (N, len(TEXTS), 2).
        count: the number of records that are there.
        values: working memory, int64 (len(FIELDS), 2).

    Returns:
        The number of the message at which it stopped, N at the end; and how many records there are now.
    """
    data, ends, keys = messages.data, messages.ends, messages.keys
    for message in range(first, len(ends)):
        start, end = ends[message - 1] + 1 if message else 0, ends[message]
        if end - start > limits.max_bytes or not _find_values(table, data, start, end, values):
            return message, count
        if len(keys.ends) > 0 and not _is_key_allowed(data, values, keys, message):
            return message, count
        event = events[count]
        if not _write_numbers(table, limits, data, values, messages.times[message], state, event):
            return message, count
        _write_hashes(table, data, values, event)
        card, merchant = np.int64(event["card"]), np.int64(event["merchant"])
        _observe(state, card, merchant, event["timestamp"], limits.step, limits.max_jump)
        for number, field in enumerate(_TEXT_FIELDS):
            text_spans[count, number, 0], text_spans[count, number, 1] = values[field, 0], values[field, 1]
        count += 1
    return len(ends), count


@compiled
def mark_misplaced(keys, partition, partitions):  # type: ignore[no-untyped-def]
    """Clear `is_allowed` of each key that murmur2 places in another partition for all `partitions` counts."""
    start = 0
    for number in range(len(keys.ends)):
        key_hash, is_placed = _murmur2(keys.data, start, keys.ends[number]), False
        for count in partitions:
            is_placed |= key_hash % count == partition
        keys.is_allowed[number] &= is_placed
        start = keys.ends[number]


@compiled
def join_texts(data, spans, joined):  # type: ignore[no-untyped-def]
    """Copy the texts at `spans`, (n, 2), from `data` into `joined`, with a separator between two."""
    at = 0
    for number in range(len(spans)):
        if number:
            joined[at] = _SEPARATOR_BYTE
            at += 1
        for position in range(spans[number, 0], spans[number, 1]):
            joined[at] = data[position]
            at += 1


@inlined
def _find_values(table, data, at, end, values):  # type: ignore[no-untyped-def]
    """Write where each field's value starts and ends, -1 if it is absent; False: not a simple message."""
    values[:] = NOT_SIMPLE
    at = skip_whitespace(data, at)
    if data[at] != OPEN:
        return False
    likely = 0
    while True:
        at = skip_whitespace(data, at + 1)
        field = _find_field(table, data, at, likely)
        if field == NOT_SIMPLE:
            at = skip_member(data, at)
        else:
            likely = field + 1
            after_name = at + table.lengths[field] + 2
            at = _find_value(data, after_name, table.max_lengths[field], values[field])
        if at == NOT_SIMPLE:
            return False
        at = skip_whitespace(data, at)
        if data[at] == CLOSE:
            break
        if data[at] != COMMA:
            return False
    return skip_whitespace(data, at + 1) == end and _has_required_values(table, data, values)


@inlined
def _find_field(table, data, at, likely):  # type: ignore[no-untyped-def]
    """The field whose quoted name starts at `at`; `likely`, after the previous one, is tried first."""
    if data[at] != QUOTE:
        return NOT_SIMPLE
    fields = len(table.lengths)
    for number in range(likely, likely + fields):
        field = number if number < fields else number - fields
        length = table.lengths[field]
        matches = 0
        while matches < length and data[at + 1 + matches] == table.names[field, matches]:
            matches += 1
        if matches == length and data[at + 1 + length] == QUOTE:
            return field
    return NOT_SIMPLE


@inlined
def _find_value(data, at, max_length, span):  # type: ignore[no-untyped-def]
    """Write where the value starts and ends whose member's name ends before `at`; returns what follows.

    Of a null only the end is written. A field that was there before is not simple.
    """
    at = skip_whitespace(data, at)
    if data[at] != COLON or span[1] != NOT_SIMPLE:
        return NOT_SIMPLE
    at = skip_whitespace(data, at + 1)
    if data[at] == NULL_START:
        span[1] = skip_null(data, at)
        return span[1]
    stop, is_text = _value_end(data, at, max_length), data[at] == QUOTE
    if stop == NOT_SIMPLE:
        return NOT_SIMPLE
    span[0], span[1] = at + is_text, stop
    return stop + is_text


@inlined
def _value_end(data, at, max_length):  # type: ignore[no-untyped-def]
    """Where the text or the number ends that starts at `at`."""
    if data[at] == QUOTE:
        return find_text_end(data, at + 1)
    stop = at
    while ZERO <= data[stop] <= NINE or data[stop] == POINT or data[stop] == MINUS:
        stop += 1
    return stop if stop > at and max_length == 0 else NOT_SIMPLE


@inlined
def _has_required_values(table, data, values):  # type: ignore[no-untyped-def]
    """Whether every required field is there, and every text has an allowed length."""
    for field in range(len(values)):
        start, stop = values[field]
        if start == NOT_SIMPLE:
            if table.is_required[field]:
                return False
        elif (stop == start or 0 < table.max_lengths[field] < stop - start) and not _has_length(
            table, data, start, stop, field
        ):
            return False
    return True


@inlined
def _has_length(table, data, start, stop, field):  # type: ignore[no-untyped-def]
    """Whether a text that is empty, or may be too long, has an allowed number of characters."""
    characters = count_characters(data, start, stop)
    return (
        table.min_lengths[field] <= characters <= table.max_lengths[field] and stop - start <= xxh3.MAX_BYTES
    )


@inlined
def _is_key_allowed(data, values, keys, message):  # type: ignore[no-untyped-def]
    """Whether the message's key is its card_id, and placed in this partition."""
    card, length = values[_CARD, 0], values[_CARD, 1] - values[_CARD, 0]
    start = keys.ends[message - 1] if message else 0
    if not keys.is_allowed[message] or keys.ends[message] - start != length:
        return False
    same = 0
    while same < length and keys.data[start + same] == data[card + same]:
        same += 1
    return same == length


@inlined
def _write_numbers(table, limits, data, values, time, state, event):  # type: ignore[no-untyped-def]
    """Write amount, time, latitude and longitude; False: admission may refuse the message."""
    amount = _read_amount(table, limits, data, values)
    timestamp, decimals = _read_decimal(data, values[_TIME, 0], values[_TIME, 1])
    if decimals != 0 or data[values[_TIME, 0] - 1] == QUOTE or amount < 0:
        return False
    if not _is_time_allowed(limits, timestamp, time):
        return False
    if not _earliest(state, limits.lateness) <= timestamp <= _latest(state, limits.max_jump):
        return False
    if not table.lowest[_TIME] <= timestamp <= table.highest[_TIME]:
        return False
    event["amount"], event["timestamp"] = amount, timestamp
    latitude, is_latitude = _read_degrees(table, data, values, _LATITUDE)
    longitude, is_longitude = _read_degrees(table, data, values, _LONGITUDE)
    event["latitude"], event["longitude"] = latitude, longitude
    return is_latitude and is_longitude


@inlined
def _read_amount(table, limits, data, values):  # type: ignore[no-untyped-def]
    """The amount in minor units; not simple where the currency or the amount is, or admission refuses it."""
    start = values[_CURRENCY, 0]
    if values[_CURRENCY, 1] - start != 3:
        return NOT_SIMPLE
    currency = _currency_index(data[start], data[start + 1], data[start + 2])
    if currency < 0:
        return NOT_SIMPLE
    units, decimals = _read_decimal(data, values[_AMOUNT, 0], values[_AMOUNT, 1])
    missing = table.minor_digits[currency] - decimals
    if decimals == NOT_SIMPLE or units < 0:
        return NOT_SIMPLE
    if missing >= 0:
        amount = units * _POWERS[missing]
    elif units % _POWERS[-missing] == 0:
        amount = units // _POWERS[-missing]
    else:
        return NOT_SIMPLE
    return amount if _is_amount_allowed(limits, amount, currency) else NOT_SIMPLE


@inlined
def _read_degrees(table, data, values, field):  # type: ignore[no-untyped-def]
    """A coordinate in degrees, NaN where it is absent; and whether it is simple and within its bounds."""
    start = values[field, 0]
    if start == NOT_SIMPLE:
        return np.nan, True
    units, decimals = _read_decimal(data, start, values[field, 1])
    if decimals == NOT_SIMPLE or data[start - 1] == QUOTE:
        return np.nan, False
    degrees = units / _POWERS[decimals]
    return degrees, table.lowest[field] <= degrees <= table.highest[field]


@inlined
def _read_decimal(data, start, stop):  # type: ignore[no-untyped-def]
    """A number without its point, and how many decimals it has; not simple instead of the decimals."""
    is_negative = data[start] == MINUS
    start += is_negative
    units, digits, point = 0, 0, NOT_SIMPLE
    for at in range(start, stop):
        if data[at] == POINT:
            if point != NOT_SIMPLE:
                return 0, NOT_SIMPLE
            point = at
        elif ZERO <= data[at] <= NINE:
            units, digits = 10 * units + data[at] - ZERO, digits + 1
        else:
            return 0, NOT_SIMPLE
        if digits > _MAX_DIGITS:
            return 0, NOT_SIMPLE
    whole = point if point != NOT_SIMPLE else stop
    if whole == start or point == stop - 1 or (data[start] == ZERO and whole > start + 1):
        return 0, NOT_SIMPLE
    if is_negative and units == 0:
        return 0, NOT_SIMPLE
    return -units if is_negative else units, stop - point - 1 if point != NOT_SIMPLE else 0


@inlined
def _write_hashes(table, data, values, event):  # type: ignore[no-untyped-def]
    """Write the hashes of identifiers and codes, and the digest of all fields."""
    event["card"] = _hash_text(table, data, values[_CARD])
    event["transaction"] = _hash_text(table, data, values[_ID])
    merchant = _hash_text(table, data, values[_MERCHANT])
    event["merchant"] = np.uint32(merchant & np.uint64(0xFFFF_FFFF))
    event["category"] = _hash_code(table, data, values[_CATEGORY])
    event["channel"] = _hash_code(table, data, values[_CHANNEL])
    event["country"] = _hash_code(table, data, values[_COUNTRY])
    letters = values[_CURRENCY, 0]
    currency = (np.uint32(data[letters]) << 16) | (np.uint32(data[letters + 1]) << 8) | data[letters + 2]
    event["content"] = id_index.content_of(event, currency)


@inlined
def _hash_code(table, data, span):  # type: ignore[no-untyped-def]
    if span[0] == NOT_SIMPLE:
        return np.uint16(0)
    return np.uint16(1 + _hash_text(table, data, span) % _CODES)


@inlined
def _hash_text(table, data, span):  # type: ignore[no-untyped-def]
    return xxh3.xxh3_64(data, span[0], span[1], table.secret)
