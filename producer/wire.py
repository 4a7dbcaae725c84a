"""Tables as the JSON that travels on the topics, a whole column at a time."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.messages.decoding import FRAUD_TYPE_HEADER
from fraud.schema import minor_digits

Headers: TypeAlias = "list[tuple[str, bytes]] | None"
Piece: TypeAlias = "str | pa.Array"
"""A literal of every message or a column of what differs."""


@dataclass(frozen=True)
class OutgoingMessages:
    """What a producer sends, message by message; the timestamp is Kafka's, in ms."""

    keys: list[bytes]
    values: list[bytes]
    timestamps: list[int]
    headers: list[Headers]

    def __len__(self) -> int:
        return len(self.values)

    def part(self, first: int, end: int) -> "OutgoingMessages":
        """The messages from `first` to before `end`."""
        chosen = slice(first, end)
        return OutgoingMessages(
            self.keys[chosen], self.values[chosen], self.timestamps[chosen], self.headers[chosen]
        )


def transaction_messages(table: pa.Table) -> OutgoingMessages:
    """Transactions: keyed by card, stamped with the event time."""
    pieces = [
        *_text(table, "transaction_id", "{"),
        *_text(table, "card_id"),
        *_text(table, "merchant_id"),
        *_plain("amount", _decimals(table)),
        *_text(table, "currency"),
        *_plain("timestamp", _column(table, "timestamp")),
        *_text(table, "merchant_category"),
        *_text(table, "channel"),
        *_text(table, "country"),
        *_plain("latitude", _column(table, "latitude")),
        *_plain("longitude", _column(table, "longitude")),
    ]
    return _messages(table, pieces, table["timestamp"])


def label_messages(table: pa.Table) -> OutgoingMessages:
    """Labels: keyed by card, stamped with the time of the report; the kind of fraud is a header."""
    pieces = [
        *_text(table, "transaction_id", "{"),
        *_text(table, "card_id"),
        *_plain("is_fraud", _column(table, "is_fraud")),
        *_plain("reported_at", _column(table, "reported_at")),
        *_text(table, "source"),
    ]
    messages = _messages(table, pieces, table["reported_at"])
    if "fraud_type" not in table.column_names:
        return messages
    kinds = table["fraud_type"].to_pylist()
    return replace(
        messages, headers=[[(FRAUD_TYPE_HEADER, kind.encode())] if kind else None for kind in kinds]
    )


def _messages(table: pa.Table, pieces: list[Piece], times: pa.ChunkedArray) -> OutgoingMessages:
    values = pc.binary_join_element_wise(*pieces, "}", "").cast(pa.binary())
    keys = table["card_id"].cast(pa.binary())
    return OutgoingMessages(keys.to_pylist(), values.to_pylist(), times.to_pylist(), [None] * len(keys))


def _text(table: pa.Table, name: str, before: str = ",") -> list[Piece]:
    """`,"name":"value"`, or nothing where the value is absent."""
    return _field(f'{before}"{name}":"', _escaped(_column(table, name)), '"')


def _plain(name: str, column: pa.Array) -> list[Piece]:
    """`,"name":value`, or nothing where the value is absent."""
    return _field(f',"{name}":', column.cast(pa.string()), "")


def _field(before: str, column: pa.Array, after: str) -> list[Piece]:
    if not column.null_count:
        return [before, column, after]
    return [pc.binary_join_element_wise(before, column, after, "").fill_null("")]


def _escaped(texts: pa.Array) -> pa.Array:
    """The texts as they stand between JSON's quotes; hardly any text needs escaping."""
    content = texts.buffers()[2]
    characters = np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)
    if not ((characters < 0x20) | (characters == ord('"')) | (characters == ord("\\"))).any():
        return texts
    encoded = texts.dictionary_encode()
    escaped = [msgspec.json.encode(text).decode()[1:-1] for text in encoded.dictionary.to_pylist()]
    return pa.array(escaped, pa.string()).take(encoded.indices)


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _decimals(table: pa.Table) -> pa.Array:
    """Amounts as decimal numbers with as many decimals as the currency has."""
    amount = _column(table, "amount").to_numpy()
    encoded = _column(table, "currency").dictionary_encode()
    digits = np.array([minor_digits(code) for code in encoded.dictionary.to_pylist()] or [0])
    places = digits[encoded.indices.to_numpy()]
    spellings = [(places == width, _spelled(amount, width)) for width in np.unique(digits)]
    return reduce(
        lambda rest, one: pc.if_else(pa.array(one[0]), one[1], rest), spellings[1:], spellings[0][1]
    )


def _spelled(amount: npt.NDArray[np.int64], width: int) -> pa.Array:
    if width == 0:
        return pa.array(amount).cast(pa.string())
    whole, rest = np.divmod(amount, 10**width)
    padded = pc.utf8_lpad(pa.array(rest).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), padded, ".")
