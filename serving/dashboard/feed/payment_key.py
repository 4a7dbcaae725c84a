"""The key of a payment: a transaction id is unique within its card only."""

import hashlib
import hmac
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

_KEYS_PER_QUERY = 500
CARD_REF_PATTERN = "^[0-9a-f]{16}$"


class PaymentKey(NamedTuple):
    """Identifies a payment, its alert, its labels and its reviews."""

    transaction_id: str
    card_id: str


def key_of(one: Any) -> PaymentKey:
    """The payment that a transaction, a prediction or a label is about."""
    return PaymentKey(one.transaction_id, one.card_id)


def flatten_keys(keys: Iterable[PaymentKey]) -> list[str]:
    """The keys as values of a statement, two for each."""
    return list(chain.from_iterable(keys))


def select_keys(
    connection: sqlite3.Connection, query: str, keys: Collection[PaymentKey]
) -> Iterator[sqlite3.Row]:
    """The rows of a query for these payments, asked for 500 at a time.

    Args:
        connection: to the store.
        query: with `{}` wherever the keys of a request go: `(transaction_id, card_id) IN (VALUES {})`.
        keys: of the payments.
    """
    wanted, uses = list(keys), query.count("{}")
    for first in range(0, len(wanted), _KEYS_PER_QUERY):
        part = wanted[first : first + _KEYS_PER_QUERY]
        marks = ", ".join(["(?, ?)"] * len(part))
        yield from connection.execute(query.format(*[marks] * uses), flatten_keys(part) * uses)


def card_ref(secret: bytes, card_id: str) -> str:
    """The reference of a card in links, requests and the audit: 16 hexadecimal digits.

    URLs end up in browser histories and in the logs of proxies. Without the store's secret, card numbers
    cannot be tried out against a reference.
    """
    return hmac.new(secret, card_id.encode(), hashlib.sha256).hexdigest()[:16]
