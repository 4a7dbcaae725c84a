"""Deduplication of transaction ids: which ids of a partition are taken, compiled.

An id is taken from the first admitted message that has it, for `TAKEN_DAYS` days (UTC) after the newest event
time of a message that has it. A further message with a taken id is a repetition if its content is the same,
otherwise a conflict; neither counts as a payment. Content is every declared field, as `content_of` reads it
from the record, and not the text of the JSON. The rule needs the partition's log, nothing else.

The index is one open-addressing table of 8 bytes an id, which may be nine tenths full: linear probing in the
order of home slots (Robin Hood hashing, Celis 1985). An entry's place and its distance from home give
the upper bits of its hash (quotienting: Knuth, The Art of Computer Programming vol. 3, 6.4 exercise 13): it
holds only the others, 16 bits of the content, and the day, counted from the table's first. A table of less
than a million slots, or of more than two months, has 4 bytes more an id, and the same bits of hash and
content: what is decided does not depend on the table.

56 bits of hash distinguish ids. Among the 1.7 million taken ids of a partition (a month of a million cards in
36 of them) one new id in 4e10 is mistaken for a taken one, and refused; among 60 million one in 1.2e9. One
conflict in 65,536 is dropped as a repetition: it is refused either way, and lacks only its dead letter. So
bits of the hash are worth more than those of the content. Ids that are free again stay until the table is
made again.

The digest of a payment's content must not change when a field is declared that the payment does not have:
ids stay taken for a month, over changes of the definitions. So it starts from the fields that every payment
had before there were definitions, and any further field counts only where it is present, in no order.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import TAKEN_MS
from fraud.definitions.features import DAY_MS
from fraud.native.jit import compiled, inlined

REPEATED, ACCEPTED, CONFLICT = range(3)
"""Outcomes of an admitted message; only an accepted one counts."""

TAKEN_DAYS = TAKEN_MS // DAY_MS

CONFLICT_REASON = (
    f"transaction_id was used for another payment within {TAKEN_DAYS} days: that one has another card or "
    "other content; give every payment an id of its own"
)

ID = np.dtype(
    [
        ("key", np.uint64),  # 56 bits of the id's hash, then 8 of 0
        ("rest", np.uint32),  # 16 bits of the content of the payment that took it; 16 for the id's newest day
    ]
)
"""A taken id outside of a table. Days are counted from 1970-01-01 as 1."""

Ids = npt.NDArray[np.void]


class IdTable(NamedTuple):
    """Taken ids, n slots; an entry of 0 is free.

    Attributes:
        entries: from the highest bit: the distance from the home slot; the part of the hash that neither
            the home slot nor `more` gives; 16 bits of the content; 6 of the day, counted from the first as 1.
            uint64 (n,).
        more: 16 bits of the hash and 16 of the day, uint32 (n,); empty where entries do without it.
        layout: by `_LIMIT` and the like, int64 (6,).
    """

    entries: npt.NDArray[np.uint64]
    more: npt.NDArray[np.uint32]
    layout: npt.NDArray[np.int64]


_LIMIT, _FRACTION_SHIFT, _LOW_SHIFT, _DISTANCE_SHIFT, _FIRST_DAY, _END_DAY = range(6)
"""Indices of `IdTable.layout`: how many ids fit; shifts of the two parts of the hash, and of the distance;
the days that an entry can have."""

_DAY_MS = np.int64(DAY_MS)
_DAY_BITS = np.uint32(16)
_DAY = np.uint32(0xFFFF)
_LAST_DAY = 65_535
_KEY_SHIFT, _MORE_SHIFT = 8, 24
_HASH_SHIFT, _CONTENT_SHIFT = np.uint64(22), np.uint64(6)
_CONTENT, _DAY_CODE = np.uint64(0xFFFF), np.uint64(0x3F)
_LONGEST_SPAN = 63
_SPARE_DAYS = 3
_COMPACT_SLOTS = 1 << 20
_MIN_ROOM = 64
_FULL, _AFTER_GROWTH, _AFTER_RESTORE = 0.92, 0.78, 0.9
"""Shares of the slots that are in use: at most; after the table was made again; after a restore."""
_HARDLY_FREED, _GROWTH = 0.7, 1.18
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ZERO, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(32)
_NO_COORDINATE = np.int64(1 << 40)
_LOW = np.uint64(0xFFFF_FFFF)
_LAST = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_HIGH = np.uint64(16)


class ContentColumns(NamedTuple):
    """Which columns of `Events.values` are part of the content.

    Attributes:
        first: of card, time, amount, merchant, currency, then category, channel, country, latitude and
            longitude; -1 where one is not declared, (10,).
        further: of the K other fields, (K,).
        names: hashes of their names, uint64 (K,).
        absent: what their columns hold where they are absent, (K,).
    """

    first: npt.NDArray[np.int64]
    further: npt.NDArray[np.int64]
    names: npt.NDArray[np.uint64]
    absent: npt.NDArray[np.int64]


_CARD, _TIME, _AMOUNT, _MERCHANT, _CURRENCY, _CATEGORY, _CHANNEL, _COUNTRY, _LATITUDE, _LONGITUDE = range(10)


def empty_index() -> IdTable:
    """A table without ids."""
    return _empty_table(_MIN_ROOM, 1, _LAST_DAY, is_compact=False)


def day_of_taking(time_ms: int) -> int:
    """The day of a time in ms, as the index counts days."""
    return min(max(time_ms // DAY_MS + 1, 1), _LAST_DAY)


class IdIndex:
    """The taken ids of one partition, for callers that do not need the state of its cards.

    Args:
        least_slots: of its table.
    """

    def __init__(self, least_slots: int = _MIN_ROOM) -> None:
        self._table = empty_index()
        self._used = 0
        self._least_slots = least_slots

    def process(
        self, events: npt.NDArray[np.void], low_watermark: int | None = None
    ) -> npt.NDArray[np.uint8]:
        """Decide on payments.

        Args:
            events: heads of admitted ones (`HEAD`, n of them in the order of the log).
            low_watermark: no event time (ms) from now on is before it; ids that are free by then are removed.

        Returns:
            `ACCEPTED`, `REPEATED` or `CONFLICT` of each, shape (n,).
        """
        outcomes = np.zeros(len(events), dtype=np.uint8)
        done, self._used = decide_all(self._table, self._used, events, 0, outcomes)
        while done < len(events):
            self._table, self._used = enlarge(self._table, events[done], low_watermark, self._least_slots)
            done, self._used = decide_all(self._table, self._used, events, done, outcomes)
        return outcomes

    def dump(self, low_watermark: int | None = None) -> Ids:
        """The taken ids; see `restore`."""
        return taken_ids(self._table, low_watermark)

    @classmethod
    def restore(cls, ids: Ids, least_slots: int = _MIN_ROOM) -> "IdIndex":
        """The inverse of `dump`."""
        index = cls(least_slots)
        index._table, index._used = table_of(ids, least_slots), len(ids)
        return index


def taken_ids(table: IdTable, low_watermark: int | None) -> Ids:
    """The ids that are taken for messages from now on, by key: an order that does not depend on the table."""
    first = _first_taken(low_watermark)
    count, _, _ = survey(table, first)
    found = np.zeros(count, dtype=ID)
    write_ids(table, first, found)
    # They are nearly in this order, for which a merge sort needs one pass.
    return found[np.argsort(found["key"], kind="stable")]


def table_of(ids: Ids, least_slots: int = _MIN_ROOM) -> IdTable:
    """A table of these ids, with room for some more."""
    days = ids["rest"] & _DAY
    span = (int(days.min()), int(days.max())) if len(ids) else (1, _LAST_DAY)
    return _filled(len(ids) / _AFTER_RESTORE, span, least_slots, lambda table: insert_ids(table, ids))


def enlarge(
    table: IdTable, event: np.void, low_watermark: int | None, least_slots: int = _MIN_ROOM
) -> tuple[IdTable, int]:
    """A table without the ids that are free, and with room for a payment and more; the number of ids in it.

    Args:
        table: it has no room for the payment.
        event: the head of the payment.
        low_watermark: as in `IdIndex.process`.
        least_slots: as of `IdIndex`.
    """
    first, day = _first_taken(low_watermark), day_of_taking(int(event["timestamp"]))
    count, oldest, newest = survey(table, first)
    span = min(oldest, day), max(newest, day)
    slots, transaction = count / _AFTER_GROWTH, event["transaction"]
    if count > len(table.entries) * _HARDLY_FREED:
        slots = max(slots, len(table.entries) * _GROWTH)

    def fill(target: IdTable) -> bool:
        return bool(move_ids(table, first, target) and can_take(target, transaction))

    return _filled(slots, span, least_slots, fill), count


def _first_taken(low_watermark: int | None) -> int:
    """The oldest day of ids that are taken for messages from now on."""
    return 1 if low_watermark is None else max(1, day_of_taking(low_watermark) - TAKEN_DAYS + 1)


def _filled(
    slots: float, span: tuple[int, int], least_slots: int, fill: Callable[[IdTable], bool]
) -> IdTable:
    """A table of about so many slots, and ids from the first to the last day of the span."""
    first = max(1, span[0] - _SPARE_DAYS)
    length = max(int(slots) + _MIN_ROOM, least_slots)
    for room in (length, length + length // 4):
        if room >= _COMPACT_SLOTS and span[1] < first + _LONGEST_SPAN:
            table = _empty_table(room, first, first + _LONGEST_SPAN - 1, is_compact=True)
            if fill(table):
                return table
    # Ids whose hashes were made to be alike are too far from home for a compact table.
    table = _empty_table(length + length // 8, 1, _LAST_DAY, is_compact=False)
    fill(table)
    return table


def _empty_table(length: int, first_day: int, last_day: int, *, is_compact: bool) -> IdTable:
    low_shift = _KEY_SHIFT if is_compact else _MORE_SHIFT
    fraction_shift = length.bit_length() - 1
    hash_bits = (32 - low_shift) + (32 - fraction_shift)
    shifts = fraction_shift, low_shift, int(_HASH_SHIFT) + hash_bits
    return IdTable(
        np.zeros(length, dtype=np.uint64),
        np.zeros(0 if is_compact else length, dtype=np.uint32),
        np.array([int(length * _FULL), *shifts, first_day, last_day + 1], dtype=np.int64),
    )


@compiled
def decide_all(table, used, events, start, outcomes):  # type: ignore[no-untyped-def]
    """Decide on `events[start:]`; returns where it stopped for lack of room, and the number of ids."""
    for row in range(start, len(events)):
        event = events[row]
        if not has_room(table, used, event):
            return row, used
        slot = slot_of(table, event.transaction)
        outcomes[row] = outcome_of(table, slot, event)
        if outcomes[row] == ACCEPTED:
            end = free_slot(table, slot, event.transaction)
            if end < 0:
                return row, used
            used += take(table, slot, end, event)
    return len(events), used


@compiled
def survey(table, first_day):  # type: ignore[no-untyped-def]
    """How many ids have a newest day of `first_day` or later; the first and the last of these days."""
    count, oldest, newest = 0, np.int64(_LAST_DAY), np.int64(1)
    for slot in range(len(table.entries)):
        day = _day_at(table, slot)
        if table.entries[slot] != 0 and day >= first_day:
            count += 1
            oldest, newest = min(oldest, day), max(newest, day)
    return count, oldest, newest


@compiled
def write_ids(table, first_day, ids):  # type: ignore[no-untyped-def]
    """Write the ids with a newest day of `first_day` or later to `ids`, as many as `survey` counts."""
    count = 0
    for slot in range(len(table.entries)):
        day = _day_at(table, slot)
        if table.entries[slot] != 0 and day >= first_day:
            ids[count].key = _key_at(table, slot)
            ids[count].rest = np.uint32(_content_at(table, slot) << _HIGH) | np.uint32(day)
            count += 1


@compiled
def insert_ids(table, ids):  # type: ignore[no-untyped-def]
    """Insert ids that are not in the table yet; False: some are too far from home for it."""
    for number in range(len(ids)):
        rest = ids[number].rest
        if not _insert(table, ids[number].key, np.uint64(rest >> _DAY_BITS), np.int64(rest & _DAY)):
            return False
    return True


@compiled
def move_ids(table, first_day, target):  # type: ignore[no-untyped-def]
    """Insert the ids with a newest day of `first_day` or later into an empty table, as `insert_ids` does."""
    for slot in range(len(table.entries)):
        day = _day_at(table, slot)
        if (
            table.entries[slot] != 0
            and day >= first_day
            and not _insert(target, _key_at(table, slot), _content_at(table, slot), day)
        ):
            return False
    return True


@compiled
def can_take(table, transaction):  # type: ignore[no-untyped-def]
    """Whether entries would be near enough to their home if the id entered."""
    return free_slot(table, slot_of(table, transaction), transaction) >= 0


@compiled
def write_contents(columns, values, numbers, contents):  # type: ignore[no-untyped-def]
    """Write the digest of each row of `values` (n, F) into `contents`, uint32 (n,); see `content_of`."""
    for row in range(len(values)):
        contents[row] = content_of(columns, values[row], numbers[row])


@inlined
def has_room(table, used, event):  # type: ignore[no-untyped-def]
    """Whether the table can hold another id, and the event's day."""
    day = _day(event.timestamp)
    return used < table.layout[_LIMIT] and table.layout[_FIRST_DAY] <= day < table.layout[_END_DAY]


@inlined
def first_slot(table, transaction):  # type: ignore[no-untyped-def]
    """Where the search for an id starts."""
    return np.int64(_product(table, transaction * _FACTOR) >> _HALF)


@inlined
def slot_of(table, transaction):  # type: ignore[no-untyped-def]
    """The slot of the id's entry; -1 - slot of where it is to be inserted if it has none."""
    return _slot_of_key(table, transaction * _FACTOR)


@inlined
def _product(table, key):  # type: ignore[no-untyped-def]
    # The high bits times the length, so that the length need be no power of two (Lemire 2019).
    return (key >> _HALF) * np.uint64(len(table.entries))


@inlined
def _hash_part(table, key):  # type: ignore[no-untyped-def]
    """What an entry holds of a key.

    The upper bits of the product's fraction are enough: keys of one slot differ by a multiple of the length.
    """
    low_shift = np.uint64(table.layout[_LOW_SHIFT])
    fraction = (_product(table, key) & _LOW) >> np.uint64(table.layout[_FRACTION_SHIFT])
    return (fraction << (_HALF - low_shift)) | ((key & _LOW) >> low_shift)


@inlined
def _slot_of_key(table, key):  # type: ignore[no-untyped-def]
    entries, slot = table.entries, np.int64(_product(table, key) >> _HALF)
    step = _ONE << (np.uint64(table.layout[_DISTANCE_SHIFT]) - _HASH_SHIFT)
    wanted, floor, entry = _hash_part(table, key), _ZERO, entries[slot]
    while entry != 0 and entry >> _HASH_SHIFT >= floor:
        if entry >> _HASH_SHIFT == wanted and _has_rest(table, slot, key):
            return slot
        wanted += step
        floor += step
        slot = _next(entries, slot)
        entry = entries[slot]
    return -1 - slot


@inlined
def _has_rest(table, slot, key):  # type: ignore[no-untyped-def]
    return len(table.more) == 0 or table.more[slot] >> _DAY_BITS == _rest_of(key)


@inlined
def _rest_of(key):  # type: ignore[no-untyped-def]
    return np.uint32((key >> np.uint64(_KEY_SHIFT)) & _CONTENT)


@inlined
def _next(entries, slot):  # type: ignore[no-untyped-def]
    return slot + 1 if slot + 1 < len(entries) else np.int64(0)


@inlined
def outcome_of(table, slot, event):  # type: ignore[no-untyped-def]
    """The outcome of an event; unless it is accepted, it extends the time for which the id is taken."""
    day = _day(event.timestamp)
    if slot < 0 or _day_at(table, slot) <= day - TAKEN_DAYS:
        return ACCEPTED
    if _day_at(table, slot) < day:
        _write_day(table, slot, day)
    return REPEATED if _content_at(table, slot) == _short(event.content) else CONFLICT


@inlined
def _short(content):  # type: ignore[no-untyped-def]
    """The bits of a content that an entry holds."""
    return np.uint64((content ^ (content >> _DAY_BITS)) & _DAY)


@inlined
def free_slot(table, slot, transaction):  # type: ignore[no-untyped-def]
    """The slot that is used up when an id enters at `slot_of`; -1: entries would be too far from home."""
    return _free_slot(table, slot, transaction * _FACTOR)


@inlined
def _free_slot(table, slot, key):  # type: ignore[no-untyped-def]
    if slot >= 0:
        return slot
    free = -1 - slot
    shift = np.uint64(table.layout[_DISTANCE_SHIFT])
    farthest = _LAST >> shift
    if _distance(table, free, key) > farthest:
        return np.int64(-1)
    while table.entries[free] != 0:
        if table.entries[free] >> shift == farthest:
            return np.int64(-1)
        free = _next(table.entries, free)
    return free


@inlined
def _distance(table, slot, key):  # type: ignore[no-untyped-def]
    distance = slot - np.int64(_product(table, key) >> _HALF)
    return np.uint64(distance if distance >= 0 else distance + len(table.entries))


@inlined
def take(table, slot, free, event):  # type: ignore[no-untyped-def]
    """Enter the id of an accepted event; returns how many entries there are more.

    Args:
        table: an `IdTable`.
        slot: of `slot_of`.
        free: of `free_slot`.
        event: a record of `HEAD`.
    """
    key = event.transaction * _FACTOR
    return _enter(table, slot, free, key, _short(event.content), _day(event.timestamp))


@inlined
def _shift(entries, more, place, free, step):  # type: ignore[no-untyped-def]
    """Move the entries from `place` on by one slot, up to the free one; each is a step farther from home."""
    for slot in range(free, place, -1):
        entries[slot] = entries[slot - 1] + step
    if len(more) > 0:
        for slot in range(free, place, -1):
            more[slot] = more[slot - 1]


@inlined
def _enter(table, slot, free, key, content, day):  # type: ignore[no-untyped-def]
    entries, more, place = table.entries, table.more, slot if slot >= 0 else -1 - slot
    shift = np.uint64(table.layout[_DISTANCE_SHIFT])
    if free < place:
        _shift(entries, more, 0, free, _ONE << shift)
        entries[0] = entries[-1] + (_ONE << shift)
        if len(more) > 0:
            more[0] = more[-1]
        free = len(entries) - 1
    _shift(entries, more, place, free, _ONE << shift)
    part = (_distance(table, place, key) << (shift - _HASH_SHIFT)) | _hash_part(table, key)
    entries[place] = (part << _HASH_SHIFT) | (content << _CONTENT_SHIFT)
    if len(more) > 0:
        more[place] = _rest_of(key) << _DAY_BITS
    _write_day(table, place, day)
    return np.int64(slot < 0)


@inlined
def _insert(table, key, content, day):  # type: ignore[no-untyped-def]
    slot = _slot_of_key(table, key)
    free = _free_slot(table, slot, key)
    if free >= 0:
        _enter(table, slot, free, key, content, day)
    return free >= 0


@inlined
def _write_day(table, slot, day):  # type: ignore[no-untyped-def]
    code = np.uint64(1)
    if len(table.more) > 0:
        table.more[slot] = (table.more[slot] & ~_DAY) | np.uint32(day)
    else:
        code = np.uint64(day - table.layout[_FIRST_DAY] + 1)
    table.entries[slot] = (table.entries[slot] & ~_DAY_CODE) | code


@inlined
def _day_at(table, slot):  # type: ignore[no-untyped-def]
    """The newest day of an entry."""
    if len(table.more) > 0:
        return np.int64(table.more[slot] & _DAY)
    return np.int64(table.entries[slot] & _DAY_CODE) + table.layout[_FIRST_DAY] - 1


@inlined
def _content_at(table, slot):  # type: ignore[no-untyped-def]
    return (table.entries[slot] >> _CONTENT_SHIFT) & _CONTENT


@inlined
def _key_at(table, slot):  # type: ignore[no-untyped-def]
    """The key of an entry: of its home slot, of what it holds, and of `more`."""
    length, low_shift = np.uint64(len(table.entries)), np.uint64(table.layout[_LOW_SHIFT])
    shift = np.uint64(table.layout[_DISTANCE_SHIFT])
    entry = table.entries[slot]
    home = slot - np.int64(entry >> shift)
    part = (entry & ((_ONE << shift) - _ONE)) >> _HASH_SHIFT
    low_bits = _HALF - low_shift
    fraction = (part >> low_bits) << np.uint64(table.layout[_FRACTION_SHIFT])
    product = (np.uint64(home if home >= 0 else home + len(table.entries)) << _HALF) | fraction
    key = (product + length - _ONE) // length << _HALF
    key |= (part & ((_ONE << low_bits) - _ONE)) << low_shift
    if len(table.more) > 0:
        key |= np.uint64(table.more[slot] >> _DAY_BITS) << np.uint64(_KEY_SHIFT)
    return key


@inlined
def _day(time):  # type: ignore[no-untyped-def]
    return min(max(time // _DAY_MS + 1, 1), _LAST_DAY)


@inlined
def content_of(columns, values, numbers):  # type: ignore[no-untyped-def]
    """A digest (uint32) of all declared fields of a payment but its id.

    Args:
        columns: as `ContentColumns`.
        values: its row of `Events.values`, (F,).
        numbers: the same memory as float64.
    """
    first = columns.first
    mixed = _mix(np.uint64(values[first[_CARD]]), np.uint64(values[first[_TIME]]))
    mixed = _mix(mixed, np.uint64(values[first[_AMOUNT]]))
    merchant = np.uint64(values[first[_MERCHANT]]) & _LOW
    mixed = _mix(mixed, (merchant << np.uint64(32)) | np.uint64(values[first[_CURRENCY]]))
    category, channel = _code(first[_CATEGORY], values), _code(first[_CHANNEL], values)
    country = _code(first[_COUNTRY], values)
    mixed = _mix(mixed, category << np.uint64(32) | channel << np.uint64(16) | country)
    mixed = _mix(mixed, np.uint64(_coordinate(first[_LATITUDE], numbers)))
    mixed = _mix(mixed, np.uint64(_coordinate(first[_LONGITUDE], numbers)))
    for number, column in enumerate(columns.further):
        if values[column] != columns.absent[number]:
            mixed += _mix(columns.names[number], np.uint64(values[column]))
    return np.uint32(mixed >> np.uint64(32))


@inlined
def _code(column, values):  # type: ignore[no-untyped-def]
    return np.uint64(0) if column < 0 else np.uint64(values[column])


@inlined
def _mix(state, value):  # type: ignore[no-untyped-def]
    mixed = (state ^ value) * np.uint64(0xD6E8FEB86659FD93)
    return (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)


@inlined
def _coordinate(column, numbers):  # type: ignore[no-untyped-def]
    """A coordinate in millionths of a degree, of the nearest float32."""
    if column < 0 or np.isnan(numbers[column]):
        return _NO_COORDINATE
    return np.int64(np.rint(np.float64(np.float32(numbers[column])) * 1e6))


def currency_number(currency: str) -> int:
    """The three letters of a currency as one number."""
    return int.from_bytes(currency.encode(), "big")
