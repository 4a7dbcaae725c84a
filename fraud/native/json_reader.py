"""Payments read from their JSON by compiled code, on the fast path of simple messages.

A message is simple if it is an object whose declared fields are texts without escapes, numbers of up to
fifteen digits without an exponent, or booleans, each named once, all of it within the limits of admission.
Declared fields may be in objects inside the message. Other fields may hold anything and are skipped. The
reader stops at the first message that is not simple, and admission decides on that one. So admission alone
decides what counts, and `make fuzz` checks that the two agree.

Which fields there are is data (`FieldTable`): other definitions compile nothing. The rules on currency,
amount and time are those of `fraud.native.admission_rules` and `fraud.native.event_clock`: the same functions
that admission calls.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.native import admission_rules, card_numbers, event_clock, id_index, murmur2, xxh3
from fraud.native.id_index import ContentColumns
from fraud.native.jit import compile_functions, compiled, inlined
from fraud.native.json_values import (
    CLOSE,
    COMMA,
    NOT_SIMPLE,
    NULL_START,
    OPEN,
    POWERS,
    QUOTE,
    TRUE_START,
    count_characters,
    find_text_end,
    read_decimal,
    scale_decimal,
    skip_boolean,
    skip_colon,
    skip_name,
    skip_null,
    skip_plain,
    skip_value,
    skip_whitespace,
)

ID, CATEGORY, CURRENCY, MONEY, FIXED, TIME, NUMBER, BOOLEAN = range(8)
"""Kinds of fields: texts first, then numbers."""
_LAST_TEXT, _LAST_UNITS = CURRENCY, FIXED

TRANSACTION, CARD, MERCHANT, AMOUNT, CURRENCY_CODE, TIMESTAMP = range(6)
"""What each entry of `FieldTable.core` is."""

CORE_TEXTS = (TRANSACTION, CARD, MERCHANT, CURRENCY_CODE)

SEPARATOR = "\n"
"""Between joined texts; a text without escapes cannot contain it."""

MAX_UNITS = 10**12
"""Of an amount or a fixed-point number; admission refuses more."""

_CODES = np.uint64(65_535)
_SEPARATOR_BYTE = ord(SEPARATOR)


class FieldTable(NamedTuple):
    """What the definitions say of F fields, in their order, and of where the message has them.

    The declared members of a message are E entries: fields, and objects that contain fields. Those of an
    object are next to each other, in the order of the definitions. The message is object 0 of O.

    Attributes:
        kinds: of each field, (F,).
        is_required: (F,).
        min_lengths: the fewest characters of a text, (F,).
        max_lengths: the most characters of a text, (F,).
        sure_lengths: with so many bytes a text has the fewest characters, (F,).
        lowest: bound of a number, included, (F,).
        highest: likewise.
        scales: decimals of a fixed-point number, (F,).
        absent: the value of a field that is absent, (F,).
        core: the columns of `TRANSACTION`, `CARD` and so on, (6,).
        categories: the columns of the categories, (C,).
        names: of entries, uint8 (E, length of the longest), padded with spaces.
        lengths: of the names, (E,).
        targets: of entries: the field, or F and the number of the object, (E,).
        first_entries: of objects, and E, (O + 1,).
        parents: the object around each object, (O,).
        own_entries: the entry of each object, (O,).
        levels: of each object: a bit, 1, for each object around its members, (O,).
        buckets: the first entry of each bucket of names, or -1, (B,), B a power of two; see `bucket_of`, of
            the part of the name before its first byte beyond ASCII. Bucket 0 has names without such a part.
        next_entries: the next entry in the bucket, or -1, (E,).
        least_escape: the smallest code that may be escaped in the name of an undeclared member.
        content: what is part of the content's digest.
        minor_digits: of each currency by `currency_index`, (LETTERS ** 3,).
        secret: of XXH3.
    """

    kinds: npt.NDArray[np.int64]
    is_required: npt.NDArray[np.bool_]
    min_lengths: npt.NDArray[np.int64]
    max_lengths: npt.NDArray[np.int64]
    sure_lengths: npt.NDArray[np.int64]
    lowest: npt.NDArray[np.float64]
    highest: npt.NDArray[np.float64]
    scales: npt.NDArray[np.int64]
    absent: npt.NDArray[np.int64]
    core: npt.NDArray[np.int64]
    categories: npt.NDArray[np.int64]
    names: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    first_entries: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int64]
    own_entries: npt.NDArray[np.int64]
    levels: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int64]
    next_entries: npt.NDArray[np.int64]
    least_escape: int
    content: ContentColumns
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


class Target(NamedTuple):
    """What the reader fills, a row for each of up to N transactions.

    Attributes:
        heads: as `Events.heads`, (N,).
        values: as `Events.values`, (N, F).
        numbers: the memory of `values` as float64.
        sources: the number of the message, (N,).
        text_spans: where the `CORE_TEXTS` start and end in `Messages.data`, (N, len(CORE_TEXTS), 2).
        category_hashes: of the categories' texts, as `values` has those of ids, 0 of absent ones, (N, C).
        spans: working memory, int64 (F + O, 2), of one message.
        hashes: working memory, int64 (F,), of one message.
    """

    heads: npt.NDArray[np.void]
    values: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.float64]
    sources: npt.NDArray[np.int64]
    text_spans: npt.NDArray[np.int64]
    category_hashes: npt.NDArray[np.int64]
    spans: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.int64]


_clock = compile_functions(event_clock, event_clock.COMPILED)
_earliest, _latest, _observe = (_clock[name] for name in ("earliest", "latest", "observe"))
_rules = compile_functions(admission_rules, admission_rules.COMPILED)
_currency_index, _is_amount_allowed, _is_time_allowed = (
    _rules[name] for name in ("currency_index", "is_amount_allowed", "is_time_allowed")
)
_murmur2 = compile_functions(murmur2, (murmur2.murmur2,))["murmur2"]


@compiled
def read_simple_messages(table, limits, messages, first, state, target, count):  # type: ignore[no-untyped-def]
    """Read messages from the one numbered `first` on, while they are simple and admission lets them in.

    Args:
        table: a `FieldTable`.
        limits: of admission.
        messages: N, as `Messages`.
        first: the number of the message to start with.
        state: of the partition's event-time clock, int64 (event_clock.LENGTH,); it moves with each message.
        target: a `Target`; `count` transactions are there already.
        count: their number.

    Returns:
        The number of the message at which it stopped, N at the end; and how many transactions there are now.
    """
    data, ends, keys, spans = messages.data, messages.ends, messages.keys, target.spans
    card, merchant = table.core[CARD], table.core[MERCHANT]
    for message in range(first, len(ends)):
        start, end = ends[message - 1] + 1 if message else 0, ends[message]
        values, numbers = target.values[count], target.numbers[count]
        if end - start > limits.max_bytes or not _read_members(table, data, start, end, spans, values):
            return message, count
        if not _complete_values(table, limits, data, spans, values, numbers, target.hashes):
            return message, count
        if len(keys.ends) > 0 and not _is_key_allowed(data, spans[card], keys, message):
            return message, count
        if not _is_allowed(table, limits, data, spans, values, messages.times[message], state):
            return message, count
        _write_head(table, values, numbers, target.heads[count])
        merchant_hash = values[merchant] & 0xFFFF_FFFF
        time = values[table.core[TIMESTAMP]]
        _observe(state, values[card], merchant_hash, time, limits.step, limits.max_jump)
        target.sources[count] = message
        for number, role in enumerate(CORE_TEXTS):
            field = table.core[role]
            target.text_spans[count, number, 0] = spans[field, 0]
            target.text_spans[count, number, 1] = spans[field, 1]
        for number in range(len(table.categories)):
            target.category_hashes[count, number] = target.hashes[table.categories[number]]
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


def bucket_of(length: int, first: int, middle: int, last: int, buckets: int) -> int:
    """The bucket of a name of one byte or more by its length and three bytes; `buckets` is a power of two."""
    return (length + 3 * first + 7 * middle + 31 * last) & (buckets - 1)


_bucket_of = inlined(bucket_of)


@inlined
def _read_members(table, data, at, end, spans, values):  # type: ignore[no-untyped-def]
    """Read the values of all fields, see `_read_member`; False: not a simple message.

    The span of a field that is absent starts with -1.
    """
    spans[:] = NOT_SIMPLE
    at = skip_whitespace(data, at)
    if data[at] != OPEN:
        return False
    inside, likely = 0, 0  # the object, and the entry that is tried first
    while True:
        around = inside
        at = skip_whitespace(data, at + 1)
        at, inside, likely = _find_member(table, data, at, inside, likely, spans, values)
        if at == NOT_SIMPLE:
            return False
        if inside != around:
            continue
        at, inside, likely = _close_objects(table, data, at, inside, likely)
        if data[at] == CLOSE:
            break
        if data[at] != COMMA:
            return False
    return skip_whitespace(data, at + 1) == end


@inlined
def _find_member(table, data, at, inside, likely, spans, values):  # type: ignore[no-untyped-def]
    """Read the member of the object `inside` whose name's quote is at `at`.

    Returns:
        What follows; the brace of a declared object that is opened; the object that is open then; and the
        entry that is likely to be next.
    """
    entry, end = _find_entry(table, data, at, inside, likely)
    if entry < 0:
        return _skip_undeclared(table, data, at, end, inside), inside, likely
    field = table.targets[entry]
    at = skip_colon(data, end + 1)
    if at == NOT_SIMPLE or spans[field, 1] != NOT_SIMPLE:
        return NOT_SIMPLE, inside, likely
    if field < len(table.kinds):
        at = _read_member(data, at, table.kinds[field], spans[field], values, field)
        return at, inside, entry + 1
    return _open_object(table, data, at, inside, entry, spans[field])


@inlined
def _open_object(table, data, at, inside, entry, span):  # type: ignore[no-untyped-def]
    """As `_find_member`, of a declared object at `at`, which may be null or empty."""
    if data[at] != OPEN:
        span[1] = skip_null(data, at)
        return span[1], inside, entry + 1
    span[1] = at
    following = skip_whitespace(data, at + 1)
    if data[following] == CLOSE:
        return following + 1, inside, entry + 1
    opened = table.targets[entry] - len(table.kinds)
    return at, opened, table.first_entries[opened]


@inlined
def _close_objects(table, data, at, inside, likely):  # type: ignore[no-untyped-def]
    """As `_find_member`, after the braces at `at` that close objects in the message."""
    at = skip_whitespace(data, at)
    while data[at] == CLOSE and inside > 0:
        likely, inside = table.own_entries[inside] + 1, table.parents[inside]
        at = skip_whitespace(data, at + 1)
    return at, inside, likely


@inlined
def _find_entry(table, data, at, inside, likely):  # type: ignore[no-untyped-def]
    """The entry of the object `inside` whose quoted name starts at `at`, -1 if there is none.

    `likely`, after the previous one, is tried first. Returns its closing quote, too; of a name without an
    entry the end of its plain part.
    """
    if data[at] != QUOTE:
        return NOT_SIMPLE, at
    after = table.first_entries[inside + 1]
    if likely < after and _is_name(table, data, at, likely):
        return likely, at + 1 + table.lengths[likely]
    end = skip_plain(data, at + 1)
    length, bucket = end - at - 1, 0
    if length > 0:
        middle = data[at + 1 + (length >> 1)]
        bucket = _bucket_of(length, data[at + 1], middle, data[end - 1], len(table.buckets))
    entry = table.buckets[bucket]
    while entry >= 0:
        if table.first_entries[inside] <= entry < after and _is_name(table, data, at, entry):
            return entry, at + 1 + table.lengths[entry]
        entry = table.next_entries[entry]
    return NOT_SIMPLE, end


@inlined
def _is_name(table, data, at, entry):  # type: ignore[no-untyped-def]
    """Whether the quoted text at `at` is the entry's name."""
    length, matches = table.lengths[entry], 0
    while matches < length and data[at + 1 + matches] == table.names[entry, matches]:
        matches += 1
    return matches == length and data[at + 1 + length] == QUOTE


@inlined
def _skip_undeclared(table, data, at, end, inside):  # type: ignore[no-untyped-def]
    """What follows the member whose name's quote is at `at`, and whose plain part ends at `end`."""
    if data[at] == QUOTE and data[end] == QUOTE:
        at = skip_colon(data, end + 1)
    else:
        at = skip_name(data, at, table.least_escape)
    return NOT_SIMPLE if at == NOT_SIMPLE else skip_value(data, at, table.levels[inside])


@inlined
def _read_member(data, at, kind, span, values, field):  # type: ignore[no-untyped-def]
    """Read the value at `at`, of a null only its end; returns what follows.

    The span of a text is where it starts and ends. A number is in `values` as it is without its point; the
    span starts with its decimals.
    """
    if data[at] == NULL_START:
        span[1] = skip_null(data, at)
        return span[1]
    is_text = data[at] == QUOTE
    at += is_text
    if kind <= _LAST_TEXT:
        stop = find_text_end(data, at) if is_text else NOT_SIMPLE
        span[0], span[1] = at, stop
    elif kind == BOOLEAN:
        stop = NOT_SIMPLE if is_text else skip_boolean(data, at)
        values[field] = data[at] == TRUE_START
        span[0], span[1] = 0, stop
    else:
        values[field], span[0], stop = read_decimal(data, at)
        span[1] = stop
        if is_text and (kind > _LAST_UNITS or (stop != NOT_SIMPLE and data[stop] != QUOTE)):
            stop = NOT_SIMPLE
    return stop + is_text if stop != NOT_SIMPLE else NOT_SIMPLE


@inlined
def _has_length(table, data, start, stop, field):  # type: ignore[no-untyped-def]
    """Whether a text that may be too short or too long has an allowed number of characters."""
    characters = count_characters(data, start, stop)
    return (
        table.min_lengths[field] <= characters <= table.max_lengths[field] and stop - start <= xxh3.MAX_BYTES
    )


@inlined
def _is_key_allowed(data, card, keys, message):  # type: ignore[no-untyped-def]
    """Whether the message's key is its card_id, at the span `card`, and placed in this partition."""
    length = card[1] - card[0]
    start = keys.ends[message - 1] if message else 0
    if not keys.is_allowed[message] or keys.ends[message] - start != length:
        return False
    same = 0
    while same < length and keys.data[start + same] == data[card[0] + same]:
        same += 1
    return same == length


@inlined
def _complete_values(table, limits, data, spans, values, numbers, hashes):  # type: ignore[no-untyped-def]
    """Make the stored value of what was read of each field.

    False: one is missing, out of its bounds, or holds a card number.
    """
    currency = spans[table.core[CURRENCY_CODE]]
    index = _read_currency(data, currency[0], currency[1])
    if index < 0:
        return False
    for field in range(len(table.kinds)):
        start, kind, is_simple = spans[field, 0], table.kinds[field], True
        if start == NOT_SIMPLE:
            values[field], is_simple = table.absent[field], not table.is_required[field]
            hashes[field] = 0
        elif kind <= _LAST_TEXT:
            values[field], is_simple = _read_text(table, data, start, spans[field, 1], field, hashes)
            is_simple &= not _holds_card_number(limits, data, start, spans[field, 1], field)
        elif kind <= _LAST_UNITS:
            digits = table.minor_digits[index] if kind == MONEY else table.scales[field]
            values[field], is_simple = _scaled(table, values[field], start, field, digits)
        elif kind != BOOLEAN:
            is_simple = _complete_number(table, limits, start, field, values, numbers)
        if not is_simple:
            return False
    return True


@inlined
def _read_text(table, data, start, stop, field, hashes):  # type: ignore[no-untyped-def]
    """The hash, code or letters of a text; and whether it is simple and has an allowed length."""
    kind = table.kinds[field]
    if kind == CURRENCY:
        is_simple = _read_currency(data, start, stop) >= 0
        letters = np.int64(data[start]) << 16 | np.int64(data[start + 1]) << 8 | np.int64(data[start + 2])
        return letters, is_simple
    # A text of n bytes has n / 4 to n characters.
    if not table.sure_lengths[field] <= stop - start <= table.max_lengths[field] and not _has_length(
        table, data, start, stop, field
    ):
        return 0, False
    hashed = xxh3.xxh3_64(data, start, stop, table.secret)
    hashes[field] = np.int64(hashed)
    return np.int64(hashed if kind == ID else np.uint64(1) + hashed % _CODES), True


@inlined
def _scaled(table, units, decimals, field, digits):  # type: ignore[no-untyped-def]
    """A number in units of 10 ** -digits; and whether it is simple and within its bounds."""
    units, is_simple = scale_decimal(units, decimals, digits)
    number = units / POWERS[digits]
    is_simple &= table.lowest[field] <= number <= table.highest[field]
    return units, is_simple and -MAX_UNITS <= units <= MAX_UNITS


@inlined
def _holds_card_number(limits, data, start, stop, field):  # type: ignore[no-untyped-def]
    """Whether a text of a field that is checked holds a card number: admission decides what becomes of it."""
    return (
        stop - start >= card_numbers.FEWEST_BYTES
        and limits.card_checks[field]
        and card_numbers.holds_card_number(data, start, stop)
    )


@inlined
def _complete_number(table, limits, decimals, field, values, numbers):  # type: ignore[no-untyped-def]
    """Store a time or another number; whether it is simple, within its bounds and no card number."""
    number = values[field] / POWERS[decimals]
    is_simple = table.lowest[field] <= number <= table.highest[field]
    if table.kinds[field] == TIME:
        return is_simple and decimals == 0
    if number >= card_numbers.LEAST_NUMBER and limits.card_checks[field]:
        is_simple &= not card_numbers.is_card_integer(np.int64(number))
    numbers[field] = number
    return is_simple


@inlined
def _read_currency(data, start, stop):  # type: ignore[no-untyped-def]
    """The number of the currency as `currency_index` has it; -1 if it is none."""
    if stop - start != 3:
        return NOT_SIMPLE
    return _currency_index(data[start], data[start + 1], data[start + 2])


@inlined
def _is_allowed(table, limits, data, spans, values, time, state):  # type: ignore[no-untyped-def]
    """Whether admission admits the amount and the time."""
    core = table.core
    currency = spans[core[CURRENCY_CODE]]
    amount, timestamp = values[core[AMOUNT]], values[core[TIMESTAMP]]
    if not _is_amount_allowed(limits, amount, _read_currency(data, currency[0], currency[1])):
        return False
    if not _is_time_allowed(limits, timestamp, time):
        return False
    return _earliest(state, limits.lateness) <= timestamp <= _latest(state, limits.max_jump)


@inlined
def _write_head(table, values, numbers, head):  # type: ignore[no-untyped-def]
    core = table.core
    head["card"] = values[core[CARD]]
    head["transaction"] = values[core[TRANSACTION]]
    head["timestamp"] = values[core[TIMESTAMP]]
    head["amount"] = values[core[AMOUNT]]
    head["content"] = id_index.content_of(table.content, values, numbers)
