"""The key of a payment: a transaction id is unique within its card only."""

import hashlib
import hmac
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, RowMapping, Table, and_, bindparam, tuple_

_KEYS_PER_QUERY = 500
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
CARD_REF_PATTERN = "^[0-9a-f]{16}$"


class PaymentKey(NamedTuple):
    """Identifies a payment, its alert, its labels and its reviews."""

    transaction_id: str
    card_id: str


def key_of(one: Any) -> PaymentKey:
    """The payment that a transaction, a prediction or a label is about."""
    return PaymentKey(one.transaction_id, one.card_id)


def same_payment(one: Any, other: Any) -> ColumnElement[bool]:
    """The condition that rows of two tables are about the same payment."""
    return and_(one.c.transaction_id == other.c.transaction_id, one.c.card_id == other.c.card_id)


def in_keys(table: Table) -> ColumnElement[bool]:
    """The condition of statements for `select_keys`: the row is of one of the payments that it asks for."""
    return tuple_(table.c.transaction_id, table.c.card_id).in_(_KEYS)


def select_keys(connection: Connection, query: Any, keys: Collection[PaymentKey]) -> Iterator[RowMapping]:
    """The rows of a query for these payments, asked for 500 at a time.

    Args:
        connection: to the store.
        query: with the condition `in_keys` of each table that it asks.
        keys: of the payments.
    """
    wanted = [tuple(key) for key in keys]
    for first in range(0, len(wanted), _KEYS_PER_QUERY):
        yield from connection.execute(query, {"keys": wanted[first : first + _KEYS_PER_QUERY]}).mappings()


def card_ref(secret: bytes, card_id: str) -> str:
    """The reference of a card in links, requests and the audit: 16 hexadecimal digits.

    URLs end up in browser histories and in the logs of proxies. Without the store's secret, card numbers
    cannot be tried out against a reference.
    """
    return hmac.digest(secret, card_id.encode(), hashlib.sha256).hex()[:16]
