"""Where an event keeps the values that operations need: which bits of which of its words of 32 bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from fraud.definitions.fields import Field, FieldType
from fraud.native.kernel import tables
from fraud.native.kernel.tables import Ints

_WORD = 32
_FULL = (1 << _WORD) - 1
_ENCODINGS = {
    FieldType.ID: (tables.HASH, 32, 0),
    FieldType.CATEGORY: (tables.CODE, 16, 0),
    FieldType.MONEY: (tables.INTEGER, 47, tables.INTEGER_BIAS),
    FieldType.CURRENCY: (tables.CODE, 24, 0),
    FieldType.TIME: (tables.INTEGER, 47, tables.INTEGER_BIAS),
    FieldType.NUMBER: (tables.NUMBER, 32, tables.NUMBER_BIAS),
    FieldType.FIXED: (tables.INTEGER, 47, tables.INTEGER_BIAS),
    FieldType.BOOLEAN: (tables.CODE, 2, 1),
}
"""Encoding, bits and bias of a type."""


@dataclass(frozen=True)
class Column:
    """A value that an event keeps.

    Attributes:
        source: the column of `Events.values`; of a filter its first condition.
        end: of a filter the end of its conditions.
        encoding: how its raw value is made (`tables.HASH` and the like).
        bits: of the raw value.
        bias: what was added to the value.
    """

    source: int
    end: int
    encoding: int
    bits: int
    bias: int

    @classmethod
    def of_time(cls, longest_window_ms: int) -> Self:
        """The low bits of its time; the watermark, which is within a window of it, has the rest."""
        return cls(0, 0, tables.AGE_TIME, max(_WORD, longest_window_ms.bit_length()), 0)


def column_of(field: Field, source: int) -> Column:
    """The column that keeps a field, which is column `source` of `Events.values`."""
    return Column(source, 0, *_ENCODINGS[field.type])


def column_rows(columns: Sequence[Column]) -> Ints:
    """The rows of `Operations.columns`: values are laid into words first fit, largest first."""
    rows = np.zeros((len(columns), tables.COLUMN_WIDTH), dtype=np.int64)
    for row, column in zip(rows, columns, strict=True):
        row[:4] = column.source, column.end, column.encoding, column.bias
    free: list[int] = []
    for bits, number, is_high in _pieces(columns):
        word = next((at for at, left in enumerate(free) if left >= bits), len(free))
        if word == len(free):
            free.append(_WORD)
        places = (word, _WORD - free[word], (1 << bits) - 1)
        rows[number, tables.HIGH_WORD if is_high else tables.WORD :][:3] = places
        free[word] -= bits
    return rows


def _pieces(columns: Sequence[Column]) -> list[tuple[int, int, bool]]:
    """Bits, column, and whether they are the high ones, in the order in which they are laid out."""
    low = [(min(column.bits, _WORD), number, False) for number, column in enumerate(columns)]
    high = [
        (column.bits - _WORD, number, True) for number, column in enumerate(columns) if column.bits > _WORD
    ]
    return sorted((*low, *high), key=lambda piece: -piece[0])


def words_of(rows: Ints) -> int:
    """How many words an event has."""
    return int(max(rows[:, tables.WORD].max(), rows[:, tables.HIGH_WORD].max())) + 1


def word_masks(rows: Ints, keys: Sequence[int], condition: int) -> list[tuple[int, int, int]]:
    """Words with the masks of these columns and of a filter (-1: none); the most telling word first."""
    masks: dict[int, list[int]] = {}
    for number in (*keys, *((condition,) if condition >= 0 else ())):
        for first in (tables.WORD, tables.HIGH_WORD):
            word, shift, mask = (int(value) for value in rows[number, first : first + 3])
            if mask:
                masks.setdefault(word, [0, 0])[number == condition] |= mask << shift
    found = [(word, values, filter_bit) for word, (values, filter_bit) in masks.items()]
    return sorted(found, key=lambda one: -one[1].bit_count())
