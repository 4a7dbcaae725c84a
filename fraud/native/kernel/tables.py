"""What the kernel works on: the table of operations, made once, and the arrays of a store's state.

All arrays are of fixed types, whatever the definitions say. A *column* is a value that an event keeps, packed
into bits of its words; its *raw* value is 0 where it is unknown. A *group* is the events of a window that
agree in some columns. A *slot* is a column of `State.counts` or `State.totals`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

NEVER = np.int64(-(1 << 62))
EMPTY = np.int64(-(1 << 63))
"""The largest value of nothing; also a value of `Events.values` that is unknown."""
NONE = -1
"""In a table: no column, no slot, no group."""
SMALLEST_BLOCK = 4
INTEGER_BIAS = 1 << 46
"""Added to a stored integer; one that is not between -2**46 and 2**46 counts as the nearest that is."""
NUMBER_BIAS = 1 << 31

# Columns of `Operations.columns`. A column of more than 32 bits has its low ones in a word of their own.
SOURCE, SOURCE_END, ENCODING, BIAS, WORD, SHIFT, MASK, HIGH_WORD, HIGH_SHIFT, HIGH_MASK = range(10)
COLUMN_WIDTH = 10

# How the raw value is made: SOURCE is the column of `Events.values`, of a FILTER its first condition.
AGE_TIME, HASH, CODE, INTEGER, BOOLEAN, NUMBER, LETTERS, FILTER = range(8)

# Columns of `Operations.conditions`.
FIELD, TEST, LIMIT, FIRST_CHOICE, END_CHOICE = range(5)
CONDITION_WIDTH = 5

# TEST: LIMIT is an integer, or the bits of a float64; or the value is among `Operations.choices`.
AT_LEAST, AT_MOST, NUMBER_AT_LEAST, NUMBER_AT_MOST, CHOICE = range(5)

# Columns of `Operations.updates`: what an event changes when it enters or leaves a window.
ACTION, COLUMN, CONDITION, SLOT, EXTRA = range(5)
UPDATE_WIDTH = 5

# ACTION. CONDITION is the column of a filter. EXTRA of PLACE: the column of `Events.values` of its latitude,
# followed by that of its longitude; of VALUES: the group; of LARGEST: -1 if the smallest is wanted.
SUM, COUNT, SQUARES, VALUES, PLACE, LARGEST = range(6)

# Columns of `Operations.groups`. KEYS: the columns in which the events agree, in `Operations.keys`;
# WORDS: the same as words and masks. ADDEND: the column that is summed.
WINDOW, WHERE, ADDEND, FIRST_WORD, END_WORD, FIRST_KEY, END_KEY = range(7)
GROUP_WIDTH = 7

# Columns of `Operations.outputs`. INPUT: a field of `Events.values`, or a stored column.
OUT, OF, INPUT, SPAN, COUNTED, TOTALLED, OTHER, FILTERED = range(8)
OUTPUT_WIDTH = 8

# Columns of `State.found`: what was found of a group.
FOUND_COUNT, FOUND_SUM, FOUND_HIGH, FOUND_LOW = range(4)
FOUND_WIDTH = 4

USED_CARDS, USED_EVENTS, USED_ENTRIES, LACKING_ENTRIES, USED_IDS, IS_FULL_OF_IDS = range(6)
"""Indices of `State.used`: cards, events of the arena, entries of the index in use; entries that it lacks;
ids in use; whether no more ids fit."""


class Kind:
    """The kinds of rows of `Operations.outputs`, in this order; `Operations.kinds` has their starts."""

    (
        INTEGER, CODE, NUMBER, HOUR, WEEKDAY, IS_NIGHT, IS_WEEKEND,
        RATIO, ZSCORE, IS_NEW, SINCE_LAST, SINCE_FIRST, SPEED,
        COUNT, SUM, MEAN, STD, EXTREME, DISTINCT, SHARE, ABOVE_MEAN, DERIVED,
    ) = range(22)  # fmt: skip
    NUMBER_OF_KINDS = 22


class Operations(NamedTuple):
    """What is computed, as arrays.

    Attributes:
        windows: lengths in ms, shortest first, (W,).
        columns: what an event keeps, a row each; the first is its time.
        conditions: of the filters, which are columns.
        choices: values that conditions allow.
        updates: by window.
        window_updates: of each window its first row of `updates`, the first that is `LARGEST`, and the end.
        groups: those that are looked up before the event is remembered, after it, and neither.
        group_ends: the ends of the first two parts of `groups`.
        words: of the groups: word, mask of the values, mask of the filter.
        keys: of the groups: columns.
        outputs: how each feature is written, by kind.
        kinds: where each kind starts in `outputs`, and the end.
        numbers: of each row of `outputs`: what it is divided by, or a factor.
        zone_starts: from when on (ms) an offset holds; the zones one after another.
        zone_offsets: ms to add to UTC.
        zones: the first row of each zone, and the end.
        country_zones: of each code of a country the zone, or -1.
        width: words of an event.
        time_mask: the bits of an event's time that are kept.
        large: events from which on a card is indexed.
    """

    windows: Ints
    columns: Ints
    conditions: Ints
    choices: Ints
    updates: Ints
    window_updates: Ints
    groups: Ints
    group_ends: Ints
    words: Ints
    keys: Ints
    outputs: Ints
    kinds: Ints
    numbers: npt.NDArray[np.float64]
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
    ]
)


class State(NamedTuple):
    """The arrays of one store.

    Attributes:
        events: the arena, `Operations.width` words an event.
        cards: records of `CARD`.
        counts: a row per card: of each window the index of its first event, counted from the head; then what
            is counted.
        totals: a row per card: what is summed, largest values, places.
        table: open addressing by the card's hash; -1 is free.
        entries: of the large cards, by value (`value_index`).
        indexed: whether a card is in that index.
        ids: which transaction_ids are taken (`fraud.native.id_index`).
        used: by `USED_CARDS` and the like.
        packed: the words of the event at hand.
        lost: whether a `LARGEST` must be found again, by update.
        found: what was found of each group.
    """

    events: npt.NDArray[np.uint32]
    cards: npt.NDArray[np.void]
    counts: npt.NDArray[np.int32]
    totals: Ints
    table: npt.NDArray[np.int32]
    entries: npt.NDArray[np.void]
    indexed: npt.NDArray[np.bool_]
    ids: npt.NDArray[np.void]
    used: Ints
    packed: npt.NDArray[np.uint32]
    lost: npt.NDArray[np.bool_]
    found: Ints
