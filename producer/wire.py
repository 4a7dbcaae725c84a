"""Tables as the JSON that travels on the topics, a whole column at a time.

Identifiers and words of a simulation need no escaping; what does must go through `msgspec` instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.schema import minor_digits


@dataclass(frozen=True)
class Messages:
    """What a producer sends, message by message; the timestamp is Kafka's, in ms."""

    keys: list[str]
    values: list[bytes]
    timestamps: list[int]

    def __len__(self) -> int:
        return len(self.values)


def transaction_messages(table: pa.Table) -> Messages:
    """Transactions: keyed by card, stamped with the event time."""
    fields = [
        _text(table, "transaction_id", "{"),
        _text(table, "card_id"),
        _text(table, "merchant_id"),
        _plain(table, "amount", _decimals),
        _text(table, "currency"),
        _plain(table, "timestamp"),
        _text(table, "merchant_category"),
        _text(table, "channel"),
        _text(table, "country"),
        _plain(table, "latitude"),
        _plain(table, "longitude"),
    ]
    return _messages(table, fields, table["timestamp"])


def label_messages(table: pa.Table) -> Messages:
    """Labels: keyed by card, stamped with the time of the report."""
    fields = [
        _text(table, "transaction_id", "{"),
        _text(table, "card_id"),
        _plain(table, "is_fraud"),
        _plain(table, "reported_at"),
        _text(table, "source"),
    ]
    return _messages(table, fields, table["reported_at"])


def _messages(table: pa.Table, fields: list[pa.Array], times: pa.ChunkedArray) -> Messages:
    values = pc.binary_join_element_wise(*fields, "}", "").cast(pa.binary())
    return Messages(table["card_id"].to_pylist(), values.to_pylist(), times.to_pylist())


def _text(table: pa.Table, name: str, before: str = ",") -> pa.Array:
    """`,"name":"value"`, or nothing where the value is absent."""
    column = _column(table, name)
    return _or_nothing(pc.binary_join_element_wise(f'{before}"{name}":"', column, '"', ""))


def _plain(
    table: pa.Table, name: str, spelled: Callable[[pa.Table], pa.Array] | None = None
) -> pa.Array:
    """`,"name":value`, or nothing where the value is absent."""
    column = spelled(table) if spelled else _column(table, name).cast(pa.string())
    return _or_nothing(pc.binary_join_element_wise(f',"{name}":', column, ""))


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _or_nothing(texts: pa.Array) -> pa.Array:
    return texts.fill_null("") if texts.null_count else texts


def _decimals(table: pa.Table) -> pa.Array:
    """Amounts as decimal numbers with as many decimals as the currency has."""
    amount = _column(table, "amount").to_numpy()
    encoded = _column(table, "currency").dictionary_encode()
    digits = np.array([minor_digits(code) for code in encoded.dictionary.to_pylist()] or [0])
    places = digits[encoded.indices.to_numpy()]
    spellings = [(places == width, _spelled(amount, width)) for width in np.unique(digits)]
    return reduce(lambda rest, one: pc.if_else(pa.array(one[0]), one[1], rest), spellings[1:], spellings[0][1])


def _spelled(amount: np.ndarray, width: int) -> pa.Array:
    if width == 0:
        return pa.array(amount).cast(pa.string())
    whole, rest = np.divmod(amount, 10**width)
    padded = pc.utf8_lpad(pa.array(rest).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), padded, ".")
