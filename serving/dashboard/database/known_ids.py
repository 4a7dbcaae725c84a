"""The ids that the search looks through: each card with its reference, each merchant.

Payments have far too many rows for the search of a part of an id. An id is added with its first payment and
removed with its last one.
"""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Column, Connection, Index, Table, Text, delete, exists, select, union

from serving.dashboard.database.statements import RowStatement, insert_into
from serving.dashboard.feed.tables import STRICT, alerts, metadata, payments

cards = Table(
    "cards",
    metadata,
    Column("card_ref", Text, primary_key=True),
    Column("card_id", Text, nullable=False),
    **STRICT,
)
known_merchants = Table("known_merchants", metadata, Column("merchant_id", Text, primary_key=True), **STRICT)
Index("payments_of_merchant", payments.c.merchant_id, payments.c.timestamp)
Index("payments_by_time", payments.c.timestamp)
Index("alerts_by_time", alerts.c.timestamp)

_MOST_REMEMBERED = 50_000
_IDS_PER_STATEMENT = 500


class IdsOfPayment(NamedTuple):
    """Of a payment or an alert; the merchant is None until its transaction has arrived."""

    card_ref: str
    card_id: str
    merchant_id: str | None


class KnownIds:
    """Adds ids within the recorder's transactions; used by its thread alone.

    Args:
        connection: the recorder's.
        card_ref: makes the reference of a card.
    """

    def __init__(self, connection: Connection, card_ref: Callable[[str], str]) -> None:
        self._connection = connection
        self._card_ref = card_ref
        self._insert_card, self._insert_merchant = (
            RowStatement(
                connection,
                insert_into(connection, table).on_conflict_do_nothing(),
                [one.name for one in table.columns],
            )
            for table in (cards, known_merchants)
        )
        self._cards: set[str] = set()
        self._merchants: set[str] = set()

    def add(self, card_ids: Iterable[str], merchant_ids: Iterable[str]) -> None:
        """Add cards and merchants; those that were added lately are left out."""
        fresh_cards, fresh_merchants = set(card_ids) - self._cards, set(merchant_ids) - self._merchants
        rows = [(self._card_ref(one), one) for one in sorted(fresh_cards)]
        self._insert_card.run(self._connection, rows)
        self._insert_merchant.run(self._connection, [(one,) for one in sorted(fresh_merchants)])
        self._cards = _remember(self._cards, fresh_cards)
        self._merchants = _remember(self._merchants, fresh_merchants)

    def discard(self) -> None:
        """Forget what was added: a transaction failed, or ids were removed."""
        self._cards.clear()
        self._merchants.clear()


def fill_known_ids(connection: Connection) -> None:
    """Add the ids of a store that an earlier version wrote."""
    if connection.execute(select(cards.c.card_ref).limit(1)).first() is not None:
        return
    of_cards = union(*(select(table.c.card_ref, table.c.card_id) for table in (payments, alerts)))
    named = [table.c.merchant_id for table in (payments, alerts)]
    of_merchants = union(*(select(one).where(one.is_not(None)) for one in named))
    for table, every in ((cards, of_cards), (known_merchants, of_merchants)):
        connection.execute(table.insert().from_select(list(table.columns), every))


def remove_unused_ids(connection: Connection, removed: Collection[IdsOfPayment]) -> None:
    """Remove the ids of removed payments that no other payment and no alert has."""
    _remove_unused(connection, cards, "card_ref", {one.card_ref for one in removed})
    merchants = {one.merchant_id for one in removed if one.merchant_id is not None}
    _remove_unused(connection, known_merchants, "merchant_id", merchants)


def _remember(known: set[str], fresh: set[str]) -> set[str]:
    both = known | fresh
    return both if len(both) <= _MOST_REMEMBERED else fresh


def _remove_unused(connection: Connection, table: Table, column: str, ids: Collection[str]) -> None:
    known, wanted = table.c[column], sorted(ids)
    unused = [~exists().where(one.c[column] == known) for one in (payments, alerts)]
    for first in range(0, len(wanted), _IDS_PER_STATEMENT):
        part = wanted[first : first + _IDS_PER_STATEMENT]
        connection.execute(delete(table).where(known.in_(part), *unused))
