"""Values of the fields of stored payments, by payment and name."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from fraud.schema import FieldValue


class StoredTexts(Mapping[str, FieldValue]):
    """The fields of one stored payment; only the column that is asked for is looked at."""

    __slots__ = ("_columns", "_row")

    def __init__(self, columns: "StoredColumns", row: int) -> None:
        self._columns, self._row = columns, row

    def __getitem__(self, name: str) -> FieldValue:
        value: FieldValue | None = self._columns.reader(name)(self._row)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._columns.names if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class StoredColumns:
    """The columns of n stored payments.

    Args:
        payments: the fields of the definitions among others, n rows.
        names: of the fields.
    """

    def __init__(self, payments: pa.Table, names: tuple[str, ...]) -> None:
        self.names = tuple(name for name in names if name in payments.column_names)
        self.reader = cache(lambda name: _reader(payments, name))

    def texts_of(self, row: int) -> StoredTexts:
        """The values of one payment's fields, absent ones left out."""
        return StoredTexts(self, row)


def _reader(payments: pa.Table, name: str) -> Callable[[int], Any]:
    """From a row to its value, None where it is absent; a text is decoded once."""
    if name not in payments.column_names:
        return lambda row: None
    column = payments[name].combine_chunks()
    if not pa.types.is_string(column.type):
        return lambda row: column[row].as_py()
    encoded = column.dictionary_encode()
    values = [*encoded.dictionary.to_pylist(), None]
    codes = encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return lambda row: values[codes[row]]
