"""The search: cards, merchants and transactions by a whole id or a part of it, within a period."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select
from sqlalchemy.sql import ColumnElement

from serving.dashboard.api.find.cards import MOST_COUNTED
from serving.dashboard.api.find.payments import (
    EventPeriod,
    count_up_to,
    payments_by_key,
)
from serving.dashboard.database.known_ids import cards, known_merchants
from serving.dashboard.feed.tables import alerts, payments

MOST_FOUND = 20
"""Of each kind."""
LEAST_OF_PART = 3
"""Characters of a part that is looked for within the ids of payments that are not alerts."""

_LAST_LETTER = "\U0010ffff"


_NOTHING: dict[str, Any] = {"found": [], "more": False}


@dataclass(frozen=True)
class Wanted:
    """What to look for: a text, without spaces around it; empty, all payments of the period."""

    text: str
    period: EventPeriod


def search(connection: Connection, wanted: Wanted) -> dict[str, Any]:
    """What has the text in its id, at most `MOST_FOUND` of each kind, and what was searched."""
    cards_found = _find_cards(connection, wanted) if wanted.text else _NOTHING
    merchants_found = _find_merchants(connection, wanted) if wanted.text else _NOTHING
    is_known = bool(cards_found["found"] or merchants_found["found"])
    return {
        "cards": cards_found,
        "merchants": merchants_found,
        "transactions": _find_transactions(connection, wanted, everywhere=not is_known),
        "searched": _searched(connection),
    }


def _starts_with(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """That an id starts with a text. SQLite needs a range to use the index; its order is that of letters."""
    starts = column.startswith(text, autoescape=True)
    if connection.dialect.name == "sqlite":
        return and_(starts, column >= text, column < text + _LAST_LETTER)
    return starts


def _has_part(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """That an id has a text in it; SQLite's LIKE takes small and capital letters of English for the same."""
    if connection.dialect.name == "sqlite":
        return column.contains(text, autoescape=True)
    return column.icontains(text, autoescape=True)


def _searched(connection: Connection) -> dict[str, Any]:
    """How much is stored; what is older was removed to make room."""
    return {
        # Two statements: of one with both, SQLite reads the whole index.
        "since": connection.scalar(select(func.min(payments.c.timestamp))),
        "until": connection.scalar(select(func.max(payments.c.timestamp))),
        "cards": count_up_to(connection, select(cards.c.card_ref), 10 * MOST_COUNTED),
        "merchants": count_up_to(connection, select(known_merchants.c.merchant_id), MOST_COUNTED),
    }


def _find_cards(connection: Connection, wanted: Wanted) -> dict[str, Any]:
    matches = or_(_has_part(connection, cards.c.card_id, wanted.text), cards.c.card_ref == wanted.text)
    query = select(cards.c.card_id, cards.c.card_ref).where(
        matches, *_paid(cards.c.card_ref == payments.c.card_ref, wanted.period)
    )
    whole_first = (cards.c.card_id != wanted.text, cards.c.card_id)
    rows = connection.execute(query.order_by(*whole_first).limit(MOST_FOUND + 1)).mappings().all()
    found = [dict(row) | _counts(connection, "card_ref", row["card_ref"]) for row in rows[:MOST_FOUND]]
    return {"found": found, "more": len(rows) > MOST_FOUND}


def _find_merchants(connection: Connection, wanted: Wanted) -> dict[str, Any]:
    name = known_merchants.c.merchant_id
    query = select(name).where(
        _has_part(connection, name, wanted.text), *_paid(name == payments.c.merchant_id, wanted.period)
    )
    rows = connection.execute(query.order_by(name != wanted.text, name).limit(MOST_FOUND + 1)).scalars().all()
    found = [{"merchant_id": one} | _counts(connection, "merchant_id", one) for one in rows[:MOST_FOUND]]
    return {"found": found, "more": len(rows) > MOST_FOUND}


def _paid(same: ColumnElement[bool], period: EventPeriod) -> list[ColumnElement[bool]]:
    """That an id has a payment in the period, if there is one."""
    if period == EventPeriod():
        return []
    return [select(payments.c.seq).where(same, *period.contains(payments.c.timestamp)).exists()]


def _counts(connection: Connection, column: str, value: str) -> dict[str, int]:
    """Stored payments and alerts of a card or a merchant."""
    return {
        name: count_up_to(connection, select(table.c.seq).where(table.c[column] == value), MOST_COUNTED)
        for name, table in (("payments", payments), ("alerts", alerts))
    }


def _find_transactions(connection: Connection, wanted: Wanted, everywhere: bool) -> dict[str, Any]:
    """Whole ids, then those that start with the text, then those of alerts that contain it.

    Where there are none, those of all payments that contain it, if `everywhere` says so: it reads every id.
    """
    if not wanted.text:
        keys = _keys_of_period(connection, wanted.period)
    else:
        keys = _matching_keys(connection, wanted)
        if not keys and everywhere and len(wanted.text) >= LEAST_OF_PART:
            keys = _keys_of_parts(connection, wanted)
    return {
        "found": payments_by_key(connection, keys[:MOST_FOUND]),
        "more": len(keys) > MOST_FOUND,
    }


def _keys_of_period(connection: Connection, period: EventPeriod) -> list[tuple[str, str]]:
    query = _keys(period.contains(payments.c.timestamp)).order_by(payments.c.timestamp.desc())
    return _read_keys(connection, query)


def _matching_keys(connection: Connection, wanted: Wanted) -> list[tuple[str, str]]:
    name, limits = payments.c.transaction_id, wanted.period.contains(payments.c.timestamp)
    starts = _starts_with(connection, name, wanted.text)
    keys = [
        *_read_keys(connection, _keys([name == wanted.text, *limits])),
        *_read_keys(connection, _keys([starts, *limits])),
        *_keys_of_alerts(connection, wanted),
    ]
    return list(dict.fromkeys(keys))


def _keys_of_parts(connection: Connection, wanted: Wanted) -> list[tuple[str, str]]:
    contains = _has_part(connection, payments.c.transaction_id, wanted.text)
    limits = wanted.period.contains(payments.c.timestamp)
    return _read_keys(connection, _keys([contains, *limits]))


def _keys(conditions: list[ColumnElement[bool]]) -> Select[Any]:
    return select(payments.c.transaction_id, payments.c.card_id).where(*conditions)


def _read_keys(connection: Connection, query: Select[Any]) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(query.limit(MOST_FOUND + 1))]


def _keys_of_alerts(connection: Connection, wanted: Wanted) -> list[tuple[str, str]]:
    column = alerts.c
    query = select(column.transaction_id, column.card_id).where(
        _has_part(connection, column.transaction_id, wanted.text),
        *wanted.period.contains(column.timestamp),
    )
    return _read_keys(connection, query.order_by(column.seq.desc()))
