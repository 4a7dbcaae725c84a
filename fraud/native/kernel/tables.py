"""What the kernel works on: the table of operations, made once, and the arrays of a store's state.

All arrays are of fixed types, whatever the definitions say. A *column* is a value that an event keeps, packed
into bits of its words; its *raw* value is 0 where it is unknown. A *group* is the events of a window that
agree in some columns. A *slot* is a column of `State.counts` or `State.totals`. In a table, -1 is none.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.native.id_index import IdTable

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

NEVER = np.int64(-(1 << 62))
EMPTY = np.int64(-(1 << 63))
"""The largest value of nothing; also a value of `Events.values` that is unknown."""
NONE = -1
SMALLEST_BLOCK = 4
INTEGER_BIAS = 1 << 46
"""Added to a stored integer; one that is not between -2**46 and 2**46 counts as the nearest that is."""
NARROW_BIAS = 1 << 30
"""That of money and fixed-point numbers until one is not between -2**30 and 2**30 (`Operations.narrow`)."""
NUMBER_BIAS = 1 << 31

AGE_TIME, HASH, CODE, INTEGER, NUMBER, FILTER = range(6)
"""How a raw value is made of a payment: `COLUMN.encoding`."""

COLUMN = np.dtype(
    [
        ("source", np.int64),  # the column of `Events.values`; of a filter its first condition
        ("end", np.int64),  # of a filter the end of its conditions
        ("encoding", np.int64),
        ("bias", np.int64),  # what was added to the value
        ("word", np.int64),  # where the low 32 bits are
        ("shift", np.int64),
        ("mask", np.int64),
        ("high_word", np.int64),  # where the others are; the mask is 0 if there are none
        ("high_shift", np.int64),
        ("high_mask", np.int64),
    ]
)
"""A value that an event keeps."""

AT_LEAST, AT_MOST, NUMBER_AT_LEAST, NUMBER_AT_MOST, CHOICE, REFUND, PAYMENT = range(7)
"""What `CONDITION.test` is: a comparison with an integer or with the bits of a float64, or a choice. A refund
is below 0, or has one of the choices in the column `CONDITION.limit`, if there is one."""

CONDITION = np.dtype(
    [
        ("field", np.int64),  # the column of `Events.values`
        ("test", np.int64),
        ("limit", np.int64),
        ("first_choice", np.int64),  # rows of `Operations.choices`
        ("end_choice", np.int64),
    ]
)
"""A term of a filter."""

WINDOW = np.dtype(
    [
        ("length", np.int64),  # ms
        ("first_update", np.int64),  # rows of `Operations.updates`: sums and counts, then groups,
        ("first_group", np.int64),  # then places, then largest values
        ("first_place", np.int64),
        ("first_largest", np.int64),
        ("end_update", np.int64),
    ]
)

SUM, COUNT, SQUARES, VALUES, PLACE, LARGEST = range(6)
"""What an event changes when it enters or leaves a window: `UPDATE.action`."""

UPDATE = np.dtype(
    [
        ("action", np.int64),
        ("column", np.int64),  # of which the value is; the event must have it
        ("bias", np.int64),  # of that column
        ("condition", np.int64),  # the column of the filter that the event must pass
        ("slot", np.int64),  # of VALUES the number of different ones
        # Of PLACE the column of `Events.values` of the latitude, before that of the longitude; of VALUES the
        # group; of LARGEST -1 if the smallest is wanted, else 1.
        ("extra", np.int64),
    ]
)

GROUP = np.dtype(
    [
        ("window", np.int64),
        ("condition", np.int64),  # the column of the filter
        ("addend", np.int64),  # the column that is summed; events without it do not belong to the group
        ("first_word", np.int64),  # rows of `Operations.words`
        ("end_word", np.int64),
        ("first_key", np.int64),  # rows of `Operations.keys`: the columns in which events agree
        ("end_key", np.int64),
    ]
)

WORD = np.dtype([("word", np.int64), ("values", np.int64), ("filter", np.int64)])
"""A word with the masks of the values in which a group agrees and of the bit of its filter."""

OUTPUT = np.dtype(
    [
        ("out", np.int64),  # the feature's column
        ("group", np.int64),  # of which numbers and sums are; of DERIVED 1 for a quotient, 0: a difference
        ("input", np.int64),  # a column of `Events.values`, or of the event, or another feature's
        ("window", np.int64),  # of a calendar feature the column of `Events.values` with the country
        ("counted", np.int64),  # slots
        ("totalled", np.int64),
        ("other", np.int64),  # the slot of the squares; a sign, zone, feature, or how many payments
        ("condition", np.int64),
        ("number", np.float64),  # what it is divided by, or a factor
    ]
)
"""How a feature is written."""

FOUND = np.dtype([("count", np.int64), ("sum", np.int64), ("high", np.int64), ("low", np.int64)])
"""What was found of a group: its events like the one at hand, their sum, and their squares in two halves."""

(
    AS_INTEGER, AS_CODE, AS_NUMBER, HOUR, WEEKDAY, IS_NIGHT, IS_WEEKEND,
    RATIO, ZSCORE, IS_NEW, SINCE_LAST, SINCE_FIRST, SPEED,
    NUMBER_OF, SUM_OF, MEAN, STD, EXTREME, DISTINCT, SHARE, ABOVE_MEAN, DERIVED,
) = range(22)  # fmt: skip
"""The kinds of outputs, in the order in which they are written."""
KINDS = 22

(
    USED_CARDS, USED_EVENTS, USED_ENTRIES, LACKING_ENTRIES, USED_IDS, IS_FULL_OF_IDS, IS_TOO_WIDE,
    FORGOTTEN_CARDS, DROPPED_PAYMENTS,
) = range(9)  # fmt: skip
"""Indices of `State.used`: cards, events of the arena, entries of the index in use; entries that it lacks;
ids in use; whether no more ids fit; whether a value does not fit into its bits; how many cards were forgotten
(`memory`) when they came back, and how many payments of cards that have too many."""
USED = 9

SEEN_ONCE, MESSAGES, PAYMENTS_PER_CARD = range(3)
"""Indices of `State.limits`, which are `fraud.settings.MemorySettings`."""


class Operations(NamedTuple):
    """What is computed, as arrays.

    Attributes:
        windows: records of `WINDOW`, shortest first.
        columns: records of `COLUMN`: what an event keeps; the first is its time, which starts its first word.
        narrow: the columns of `Events.values` of which an event keeps 31 bits of 47.
        conditions: records of `CONDITION`: of the filters, which are columns.
        choices: values that conditions allow.
        updates: records of `UPDATE`, by window.
        groups: records of `GROUP`: those that are measured before the event is remembered, those that are
            after it, and the others.
        group_ends: the ends of the first two parts of `groups`.
        words: records of `WORD`.
        keys: columns.
        outputs: records of `OUTPUT`, by kind.
        kinds: where each kind starts in `outputs`, and the end.
        zone_starts: from when on (ms) an offset holds; the zones one after another.
        zone_offsets: ms to add to UTC.
        zones: the first row of each zone, and the end.
        country_zones: of each code of a country the zone, or -1.
        width: words of an event.
        time_mask: the bits of an event's time that are kept.
        large: events from which on a card is indexed.
    """

    windows: Records
    columns: Records
    narrow: Ints
    conditions: Records
    choices: Ints
    updates: Records
    groups: Records
    group_ends: Ints
    words: Records
    keys: Ints
    outputs: Records
    kinds: Ints
    zone_starts: Ints
    zone_offsets: Ints
    zones: Ints
    country_zones: Ints
    width: int
    time_mask: int
    large: int


CARD = np.dtype(
    [
        ("hash", np.uint64),
        ("watermark", np.int64),  # the largest event time seen; it is always in the longest window
        ("block", np.int64),  # where the card's block starts in the arena
        ("capacity", np.int32),  # events that fit into the block
        ("head", np.int32),  # the first remembered event, counted from the start of the block
        ("count", np.int32),
        # What `memory` needs; offsets are those of the log, `NEVER` where there is none.
        ("last", np.int64),  # the offset of the card's last payment
        ("repeat", np.int64),  # of the last payment that came soon after the one before it
        ("segment", np.int64),  # of the log, in which the last payment is
        ("last_minute", np.int32),  # the event times of the two payments, in minutes
        ("repeat_minute", np.int32),
        ("start", np.int64),  # the card's watermark where that segment starts, or when the card was new
        ("horizon", np.int64),  # that of the segment before: payments up to this event time are forgotten
    ]
)


class State(NamedTuple):
    """The arrays of one store.

    Attributes:
        events: the arena, `Operations.width` words an event.
        cards: records of `CARD`.
        counts: a row per card: the events of each window, then other numbers of events or of values.
        totals: a row per card: what is summed, largest values, places.
        table: open addressing by the card's hash; -1 is free.
        entries: of the large cards, by value (`value_index`).
        indexed: whether a card is in that index.
        ids: which transaction_ids are taken (`fraud.native.id_index`).
        used: by `USED_CARDS` and the like.
        packed: the words of the event at hand.
        current: its raw values.
        lost: whether a largest value must be found again, by update.
        found: records of `FOUND`, by group.
        limits: by `SEEN_ONCE` and the like.
    """

    events: npt.NDArray[np.uint32]
    cards: Records
    counts: npt.NDArray[np.int32]
    totals: Ints
    table: npt.NDArray[np.int32]
    entries: Records
    indexed: npt.NDArray[np.bool_]
    ids: IdTable
    used: Ints
    packed: npt.NDArray[np.uint32]
    current: Ints
    lost: npt.NDArray[np.bool_]
    found: Records
    limits: Ints
