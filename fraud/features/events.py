"""Transactions as the kernel sees them: fixed-size records, identifiers hashed.

Hashes are stable across processes and machines (xxh3). Cards and transactions keep 64 bits, so that among
a million cards the chance of any collision is 3e-8; merchants are compared within one card only, where 32
bits do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from fraud.definitions.definitions import Definitions
from fraud.messages.admission import Admitted
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
"""What every payment has: hashes of card and id, ms, minor units, and a digest of all declared fields but the
id (`fraud.native.id_index.content_of`)."""


@dataclass(frozen=True)
class Events:
    """Payments as the kernel takes them.

    Attributes:
        heads: records of `HEAD`, (n,).
        values: int64 (n, F), a column for each field of the definitions, in their order, encoded as
            `fraud.definitions.fields.FieldType` says.
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
        return cls(
            np.concatenate([part.heads for part in parts]), np.concatenate([part.values for part in parts])
        )

    def tobytes(self) -> bytes:
        """Their content, for comparisons."""
        return self.heads.tobytes() + self.values.tobytes()


EVENT = np.dtype(
    [
        ("card", np.uint64),
        ("transaction", np.uint64),
        ("timestamp", np.int64),
        ("amount", np.int64),
        ("merchant", np.uint32),
        ("category", np.uint16),
        ("channel", np.uint16),
        ("country", np.uint16),
        ("latitude", np.float32),
        ("longitude", np.float32),
        ("content", np.uint32),
    ]
)
"""Times in ms, amounts in minor units; a code of 0 and a coordinate of NaN are unknown. `content` is a digest
of all declared fields but the id (`fraud.native.id_index.content_of`)."""


def hash_identifier(text: str) -> int:
    """The 64-bit hash of a card's or a transaction's identifier."""
    return int(xxh3_64_intdigest(text.encode()))


@lru_cache(maxsize=1 << 20)
def hash_merchant(text: str) -> int:
    """The 32-bit hash of a merchant's identifier."""
    return int(xxh3_64_intdigest(text.encode())) & 0xFFFF_FFFF


@lru_cache(maxsize=1 << 16)
def code_of(text: str | None) -> int:
    """A category's, channel's or country's code in 1..65535; 0 when unknown."""
    return 0 if text is None else 1 + int(xxh3_64_intdigest(text.encode())) % 65_535


def encode_transactions(definitions: Definitions, admitted: Sequence[Admitted]) -> Events:
    """Transactions as they come through admission, in their order."""
    return from_records(_records_of_transactions(admitted))


def _records_of_transactions(admitted: Sequence[Admitted]) -> npt.NDArray[np.void]:
    """Records of transactions as they come through admission, in their order."""
    rows = [
        (
            xxh3_64_intdigest(transaction.card_id.encode()),
            xxh3_64_intdigest(transaction.transaction_id.encode()),
            transaction.timestamp,
            one.amount,
            hash_merchant(transaction.merchant_id),
            code_of(transaction.merchant_category),
            code_of(transaction.channel),
            code_of(transaction.country),
            np.nan if transaction.latitude is None else transaction.latitude,
            np.nan if transaction.longitude is None else transaction.longitude,
            0,
        )
        for one in admitted
        for transaction in (one.transaction,)
    ]
    events = np.array(rows, dtype=EVENT)
    currencies = [currency_number(one.transaction.currency) for one in admitted]
    write_contents(events, np.array(currencies, dtype=np.uint32))
    return events


def encode_table(definitions: Definitions, table: pa.Table) -> Events:
    """A table with the columns of the definitions, in its order."""
    return from_records(_records_of_table(table))


def _records_of_table(table: pa.Table) -> npt.NDArray[np.void]:
    """Records of a table in the Transaction schema, in its order."""
    events = np.empty(table.num_rows, dtype=EVENT)
    events["card"] = _hashed(table["card_id"], hash_identifier, np.uint64)
    events["transaction"] = [hash_identifier(text) for text in table["transaction_id"].to_pylist()]
    events["timestamp"] = table["timestamp"].to_numpy()
    events["amount"] = table["amount"].to_numpy()
    events["merchant"] = _hashed(table["merchant_id"], hash_merchant, np.uint32)
    events["category"] = _hashed(table["merchant_category"], code_of, np.uint16)
    events["channel"] = _hashed(table["channel"], code_of, np.uint16)
    events["country"] = _hashed(table["country"], code_of, np.uint16)
    events["latitude"] = _floats(table["latitude"])
    events["longitude"] = _floats(table["longitude"])
    write_contents(events, _hashed(table["currency"], currency_number, np.uint32))
    return events


def _hashed(
    column: pa.ChunkedArray, hashed: Callable[[Any], int], kind: type[np.generic]
) -> npt.NDArray[Any]:
    """Hash each distinct value once; a null is 0."""
    encoded = column.combine_chunks().dictionary_encode()
    values: Iterable[Any] = encoded.dictionary.to_pylist()
    codes = np.array([*(hashed(value) for value in values), 0], dtype=kind)
    indices: npt.NDArray[np.int64] = encoded.indices.fill_null(len(codes) - 1).to_numpy(zero_copy_only=False)
    return codes[indices]


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy(), dtype=np.float64)


def from_records(records: npt.NDArray[np.void]) -> Events:
    """For the time being: records of `EVENT` in the columns of v1, without the currency."""
    heads = np.zeros(len(records), dtype=HEAD)
    for name in HEAD.names or ():
        heads[name] = records[name]
    values = np.zeros((len(records), 11), dtype=np.int64)
    names = ("transaction", "card", "merchant", "amount", None, "timestamp", "category", "channel", "country")
    for column, source in enumerate(names):
        if source:
            values[:, column] = records[source].astype(np.int64)
    for column, name in ((9, "latitude"), (10, "longitude")):
        values[:, column] = records[name].astype(np.float64).view(np.int64)
    return Events(heads, values)


def to_records(events: Events) -> npt.NDArray[np.void]:
    """For the time being: the inverse of `from_records`."""
    records = np.zeros(len(events), dtype=EVENT)
    for name in HEAD.names or ():
        records[name] = events.heads[name]
    for column, code in ((2, "merchant"), (6, "category"), (7, "channel"), (8, "country")):
        records[code] = events.values[:, column].astype(records.dtype[code])
    for column, name in ((9, "latitude"), (10, "longitude")):
        records[name] = np.ascontiguousarray(events.values[:, column]).view(np.float64)
    return records
