"""Deduplication of transaction ids: which ids of a partition are taken, compiled.

An id is taken from the first admitted message that has it, for `TAKEN_DAYS` days (UTC) after the newest event
time of a message that has it. A further message with a taken id is a repetition if its content is the same,
otherwise a conflict; neither counts as a payment. Content is every declared field, as `content_of` reads it
from the record, and not the text of the JSON. The rule needs the partition's log, nothing else.

The index is one open-addressing table (linear probing, no deletion: ids that are free again are removed when
the table is made again). An id takes 12 bytes: 60 bits of its hash, 20 of its content's, and 16 for the day.
Among 60 million taken ids, a month of a million cards, one new id in 2e10 is mistaken for a taken one, and
one conflict in a million (2^20) for a repetition, so that it is dropped as one and has no dead letter.

No more bits are free for the content. The day is needed in full: entries that are free again stay until the
table is made again, however old. A bit taken from the id's hash doubles the share of valid payments that are
refused as taken; these are lost, and far more frequent than conflicts.

The digest of a payment's content must not change when a field is declared that the payment does not have:
ids stay taken for a month, over changes of the definitions. So it starts from the fields that every payment
had before there were definitions, and any further field counts only where it is present, in no order.
"""

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
        ("key", np.uint64),  # 60 bits of the id's hash; 4 bits of the content of the payment that took it
        ("rest", np.uint32),  # 16 more bits of the content; 16 for the newest day of the id, 0: free
    ]
)
"""A taken id. Days are counted from 1970-01-01 as 1."""

Ids = npt.NDArray[np.void]

_DAY_MS = np.int64(DAY_MS)
_DAY_BITS = np.uint32(16)
_DAY = np.uint32(0xFFFF)
_CONTENT_BITS = np.uint64(0xF)
_LAST_DAY = 65_535
_MIN_ROOM = 64
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_NO_COORDINATE = np.int64(1 << 40)
_LOW = np.uint64(0xFFFF_FFFF)


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


def empty_index(expected: int) -> Ids:
    """A table with room for so many ids."""
    return np.zeros(_MIN_ROOM + expected + expected * 9 // 20, dtype=ID)


def day_of_taking(time_ms: int) -> int:
    """The day of a time in ms, as the index counts days."""
    return min(max(time_ms // DAY_MS + 1, 1), _LAST_DAY)


class IdIndex:
    """The taken ids of one partition, for callers that do not need the state of its cards."""

    def __init__(self) -> None:
        self._table = empty_index(0)
        self._used = 0

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
            self._table, self._used = enlarge(self._table, low_watermark)
            done, self._used = decide_all(self._table, self._used, events, done, outcomes)
        return outcomes

    def dump(self, low_watermark: int | None = None) -> Ids:
        """The taken ids; see `restore`."""
        return taken_ids(self._table, low_watermark)

    @classmethod
    def restore(cls, ids: Ids) -> "IdIndex":
        """The inverse of `dump`."""
        index = cls()
        index._table, index._used = table_of(ids), len(ids)
        return index


def taken_ids(table: Ids, low_watermark: int | None) -> Ids:
    """The ids that are taken for messages from now on, by key: an order that does not depend on the table."""
    first = 1 if low_watermark is None else day_of_taking(low_watermark) - TAKEN_DAYS + 1
    found = table[(table["rest"] & _DAY) >= max(1, first)]
    # The table is nearly in this order, for which a merge sort needs one pass.
    return found[np.argsort(found["key"], kind="stable")]


def table_of(ids: Ids) -> Ids:
    """A table of these ids, with room for as many as half of them again."""
    table = empty_index(len(ids))
    insert_all(table, ids)
    return table


def enlarge(table: Ids, low_watermark: int | None) -> tuple[Ids, int]:
    """A larger table without the ids that are free; and the number of ids in it."""
    kept = taken_ids(table, low_watermark)
    target = empty_index(len(kept) + len(kept) // 16 + _MIN_ROOM)
    insert_all(target, kept)
    return target, len(kept)


@compiled
def decide_all(table, used, events, start, outcomes):  # type: ignore[no-untyped-def]
    """Decide on `events[start:]`; returns where it stopped for lack of room, and the number of ids."""
    for row in range(start, len(events)):
        if not has_room(table, used):
            return row, used
        event = events[row]
        slot = slot_of(table, event.transaction)
        outcomes[row] = outcome_of(table, slot, event)
        if outcomes[row] == ACCEPTED:
            used += take(table, slot, event)
    return len(events), used


@compiled
def insert_all(table, ids):  # type: ignore[no-untyped-def]
    """Insert ids that are not in the table yet, which has room for them."""
    for number in range(len(ids)):
        table[_slot_of_key(table, ids[number].key)] = ids[number]


@compiled
def write_contents(columns, values, numbers, contents):  # type: ignore[no-untyped-def]
    """Write the digest of each row of `values` (n, F) into `contents`, uint32 (n,); see `content_of`."""
    for row in range(len(values)):
        contents[row] = content_of(columns, values[row], numbers[row])


@inlined
def has_room(table, used):  # type: ignore[no-untyped-def]
    """Whether another id fits."""
    return (used + 1) * 5 <= len(table) * 4


@inlined
def first_slot(table, transaction):  # type: ignore[no-untyped-def]
    """Where the search for an id starts."""
    return _first_slot_of_key(table, transaction * _FACTOR)


@inlined
def slot_of(table, transaction):  # type: ignore[no-untyped-def]
    """The index of the id's entry, or of the free entry for it."""
    return _slot_of_key(table, transaction * _FACTOR)


@inlined
def _first_slot_of_key(table, key):  # type: ignore[no-untyped-def]
    # The high bits times the length, so that the length need be no power of two (Lemire 2019).
    return np.int64(((key >> np.uint64(32)) * np.uint64(len(table))) >> np.uint64(32))


@inlined
def _slot_of_key(table, key):  # type: ignore[no-untyped-def]
    slot = _first_slot_of_key(table, key)
    while table[slot].rest & _DAY != 0 and (table[slot].key ^ key) > _CONTENT_BITS:
        slot += 1
        if slot == len(table):
            slot = np.int64(0)
    return slot


@inlined
def outcome_of(table, slot, event):  # type: ignore[no-untyped-def]
    """The outcome of an event; unless it is accepted, it extends the time for which the id is taken."""
    entry, day = table[slot], _day(event.timestamp)
    newest = np.int64(entry.rest & _DAY)
    if newest == 0 or newest <= day - TAKEN_DAYS:
        return ACCEPTED
    outcome = CONFLICT
    if (entry.key ^ event.content) & _CONTENT_BITS == 0 and (entry.rest ^ event.content) >> _DAY_BITS == 0:
        outcome = REPEATED
    if newest < day:
        entry.rest = (entry.rest & ~_DAY) | np.uint32(day)
    return outcome


@inlined
def take(table, slot, event):  # type: ignore[no-untyped-def]
    """Enter the id of an accepted event; returns whether the entry was free before."""
    entry = table[slot]
    was_free = entry.rest & _DAY == 0
    entry.key = ((event.transaction * _FACTOR) & ~_CONTENT_BITS) | (event.content & _CONTENT_BITS)
    entry.rest = (event.content & ~_DAY) | np.uint32(_day(event.timestamp))
    return was_free


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
