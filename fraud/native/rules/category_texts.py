"""The hashes of categories' texts, of which payments keep a code only, read again from simple messages."""

import numpy as np

from fraud.native import xxh3
from fraud.native.jit import compiled
from fraud.native.json_reader import _read_members
from fraud.native.json_values import NOT_SIMPLE


@compiled
def hash_categories(table, data, ends, numbers, columns, spans, values, hashes):  # type: ignore[no-untyped-def]
    """Hash the texts that M messages have of C fields.

    Args:
        table: `fraud.native.json_reader.FieldTable`.
        data: of all messages, as `Messages.data`.
        ends: where each ends.
        numbers: of the M messages, which have been read as simple ones before.
        columns: of the fields, (C,).
        spans: working memory, as `Target.spans`.
        values: working memory, int64, as long as there are fields.
        hashes: filled with what `Events.values` would have of an id, 0 of an absent one; int64 (M, C).
    """
    for row in range(len(numbers)):
        message = numbers[row]
        start = ends[message - 1] + 1 if message else 0
        _read_members(table, data, start, ends[message], spans, values)
        for place in range(len(columns)):
            span = spans[columns[place]]
            if span[0] == NOT_SIMPLE:
                hashes[row, place] = 0
            else:
                hashes[row, place] = np.int64(xxh3.xxh3_64(data, span[0], span[1], table.secret))
