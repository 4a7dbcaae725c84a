"""Transactions as the kernel sees them: fixed-size records, identifiers hashed.

Hashes are stable across processes and machines (xxh3). Identifiers keep 64 bits, so that among a million
cards the chance of any collision is 3e-8.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from struct import Struct
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN, Field, FieldType
from fraud.features.field_tables import UNKNOWN_NUMBER, absent_value, content_columns
from fraud.messages.admission import Admitted, signed_hash
from fraud.money.batches import convert_money
from fraud.native import xxh3
from fraud.native.id_index import currency_number, write_contents

HEAD = np.dtype(
    [
        ("card", np.uint64),
        ("transaction", np.uint64),
        ("timestamp", np.int64),
        ("amount", np.int64),
        ("content", np.uint32),
    ]
)
"""What every payment has: hashes of card and id, ms, minor units as paid, and a digest of all declared fields
but the id (`fraud.native.id_index.content_of`)."""


@dataclass(frozen=True)
class Events:
    """Payments as the kernel takes them.

    Attributes:
        heads: records of `HEAD`, (n,).
        values: int64 (n, F), a column for each field of the definitions, in their order, encoded as
            `fraud.definitions.fields.FieldType` says; amounts in the base currency, if there is one.
    """

    heads: npt.NDArray[np.void]
    values: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.heads)

    def __getitem__(self, chosen: slice | npt.NDArray[Any]) -> Self:
        """Some of them: a slice, a mask or indices."""
        return type(self)(self.heads[chosen], self.values[chosen])

    @classmethod
    def empty(cls, count: int, definitions: Definitions) -> Self:
        """Room for so many, filled with zeros."""
        return cls(np.zeros(count, dtype=HEAD), np.zeros((count, len(definitions.fields)), dtype=np.int64))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """All parts, of which there is at least one, one after another."""
        # By their bytes, as NumPy takes ten times as long to concatenate records.
        heads = bytearray().join(part.heads.tobytes() for part in parts)
        return cls(
            np.frombuffer(heads, dtype=parts[0].heads.dtype), np.concatenate([part.values for part in parts])
        )

    def tobytes(self) -> bytes:
        """Their content, for comparisons."""
        return self.heads.tobytes() + self.values.tobytes()


_HEAD_FIELDS = {
    "card": "card_id", "transaction": "transaction_id", "timestamp": "timestamp", "amount": "amount",
}  # fmt: skip
_DOUBLE, _INTEGER = Struct("<d"), Struct("<q")


def hash_identifier(text: str) -> int:
    """The 64-bit hash of a card's or a transaction's identifier."""
    return int(xxh3_64_intdigest(text.encode()))


@lru_cache(maxsize=1 << 16)
def code_of(text: str | None) -> int:
    """A category's, channel's or country's code in 1..65535; 0 when unknown."""
    return 0 if text is None else 1 + int(xxh3_64_intdigest(text.encode())) % 65_535


def encode_transactions(definitions: Definitions, admitted: Sequence[Admitted]) -> Events:
    """Transactions as they come through admission, in their order."""
    events = encode_as_paid(definitions, admitted)
    convert_money(definitions, events.values, definitions.rates)
    return events


def encode_as_paid(definitions: Definitions, admitted: Sequence[Admitted]) -> Events:
    """Transactions as they come through admission, their amounts not in the base yet."""
    encoders = _encoders(definitions)
    rows = [[encode(value) for encode, value in zip(encoders, one.values, strict=True)] for one in admitted]
    return _with_heads(definitions, np.array(rows, dtype=np.int64).reshape(len(rows), len(encoders)))


def encode_table(definitions: Definitions, table: pa.Table) -> Events:
    """A table with the lake's columns, in its order; a column that it lacks is absent in every row."""
    values = np.empty((table.num_rows, len(definitions.fields)), dtype=np.int64)
    for number, field in enumerate(definitions.fields):
        if field.name in table.column_names:
            values[:, number] = _encoded(field, table[field.name])
        else:
            values[:, number] = absent_value(field.type)
    events = _with_heads(definitions, values)
    convert_money(definitions, events.values, definitions.rates)
    return events


def amounts_of(definitions: Definitions, events: Events) -> npt.NDArray[np.int64]:
    """The amounts of n payments as features see them: minor units or `UNKNOWN`, (n,)."""
    return events.values[:, definitions.field_index["amount"]]


def _with_heads(definitions: Definitions, values: npt.NDArray[np.int64]) -> Events:
    heads = np.empty(len(values), dtype=HEAD)
    for name, field in _HEAD_FIELDS.items():
        heads[name] = values[:, definitions.field_index[field]].astype(HEAD[name])
    contents = np.empty(len(values), dtype=np.uint32)
    write_contents(content_columns(definitions), values, values.view(np.float64), contents)
    heads["content"] = contents
    return Events(heads, values)


@cache
def _encoders(definitions: Definitions) -> tuple[Callable[[Any], int], ...]:
    """Of each field: from the value that admission keeps to the one in `Events.values`."""
    return tuple(encoder_of(field.type) for field in definitions.fields)


def encoder_of(kind: FieldType) -> Callable[[Any], int]:
    """From a value of this type, or None, to the one in `Events.values`."""
    if kind is FieldType.ID:
        return _encode_id
    if kind is FieldType.CATEGORY:
        return code_of
    if kind is FieldType.NUMBER:
        return _encode_number
    encode = currency_number if kind is FieldType.CURRENCY else int
    return lambda value: UNKNOWN if value is None else encode(value)


def _encode_id(text: str | None) -> int:
    return 0 if text is None else signed_hash(text)


def _encode_number(value: float | None) -> int:
    if value is None:
        return UNKNOWN_NUMBER
    # Without the sign of a zero.
    encoded: int = _INTEGER.unpack(_DOUBLE.pack(value + 0.0))[0]
    return encoded


def _encoded(field: Field, column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    absent = absent_value(field.type)
    if field.name == "transaction_id":
        return hash_texts(column).view(np.int64)
    if field.is_text:
        return _hashed(column, encoder_of(field.type), absent)
    if field.type is FieldType.NUMBER:
        numbers = column.cast(pa.float64()).fill_null(np.nan).to_numpy() + 0.0
        return np.where(np.isnan(numbers), np.nan, numbers).view(np.int64)
    return np.asarray(column.cast(pa.int64()).fill_null(absent).to_numpy())


def hash_texts(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """`hash_identifier` of each text of a column without nulls, (n,)."""
    texts = column.combine_chunks()
    _, positions, content = texts.buffers()
    hashes = np.empty(len(texts), dtype=np.uint64)
    if not len(texts) or content is None:
        hashes[:] = hash_identifier("")
        return hashes
    offsets = np.frombuffer(positions, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(content, dtype=np.uint8)
    # Of one kind, whether the buffers may be written to or not: each is compiled.
    offsets.flags.writeable = data.flags.writeable = False
    if xxh3.hash_all(data, offsets, xxh3.SECRET, hashes):
        return hashes
    return np.array([hash_identifier(text) for text in texts.to_pylist()], dtype=np.uint64)


def _hashed(column: pa.ChunkedArray, encode: Callable[[Any], int], absent: int) -> npt.NDArray[np.int64]:
    """Encode each distinct value once."""
    encoded = column.combine_chunks().dictionary_encode()
    texts: Iterable[Any] = encoded.dictionary.to_pylist()
    codes = np.array([*(encode(text) for text in texts), absent], dtype=np.int64)
    indices: npt.NDArray[np.int64] = encoded.indices.fill_null(len(codes) - 1).to_numpy(zero_copy_only=False)
    return codes[indices]
