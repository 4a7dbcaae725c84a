"""Where an event keeps the values that operations need: which bits of which of its words of 32 bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from fraud.definitions.fields import Field, FieldType
from fraud.native.kernel import tables
from fraud.native.kernel.tables import Records

_WORD = 32
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

_NARROW = (tables.INTEGER, 31, tables.NARROW_BIAS)
_NARROWED = (FieldType.MONEY, FieldType.FIXED)


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


def column_of(field: Field, source: int, *, is_wide: bool) -> Column:
    """The column that keeps a field, which is column `source` of `Events.values`.

    Unless `is_wide`, large amounts do not fit.
    """
    is_narrow = field.type in _NARROWED and not is_wide
    return Column(source, 0, *(_NARROW if is_narrow else _ENCODINGS[field.type]))


def column_records(columns: Sequence[Column]) -> Records:
    """`Operations.columns`: values are laid into words first fit, largest first."""
    records, free = np.zeros(len(columns), dtype=tables.COLUMN), list[int]()
    for record, column in zip(records, columns, strict=True):
        for name in ("source", "end", "encoding", "bias"):
            record[name] = getattr(column, name)
    for bits, number, prefix in _pieces(columns):
        word = next((at for at, left in enumerate(free) if left >= bits), len(free))
        if word == len(free):
            free.append(_WORD)
        records[f"{prefix}word"][number], records[f"{prefix}shift"][number] = word, _WORD - free[word]
        records[f"{prefix}mask"][number] = (1 << bits) - 1
        free[word] -= bits
    return records


def _pieces(columns: Sequence[Column]) -> list[tuple[int, int, str]]:
    """Bits, column, and prefix of the names of its place, in the order in which they are laid out."""
    low = [(min(column.bits, _WORD), number, "") for number, column in enumerate(columns)]
    high = [
        (column.bits - _WORD, number, "high_") for number, column in enumerate(columns) if column.bits > _WORD
    ]
    return sorted((*low, *high), key=lambda piece: -piece[0])


def words_of(records: Records) -> int:
    """How many words an event has."""
    return int(max(records["word"].max(), records["high_word"].max())) + 1


def word_masks(records: Records, keys: Sequence[int], condition: int) -> list[tuple[int, int, int]]:
    """Words with the masks of these columns and of a filter (-1: none); the word with the most bits first."""
    masks: dict[int, list[int]] = {}
    for number in (*keys, *((condition,) if condition >= 0 else ())):
        for prefix in ("", "high_"):
            word, shift, mask = (int(records[prefix + name][number]) for name in ("word", "shift", "mask"))
            if mask:
                masks.setdefault(word, [0, 0])[number == condition] |= mask << shift
    found = [(word, values, filter_bit) for word, (values, filter_bit) in masks.items()]
    return sorted(found, key=lambda one: -one[1].bit_count())
