"""What the page of a card shows: its history, its merchants, the cards that paid where its frauds were."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from serving.dashboard.api.find.payments import (
    MOST_IN_HISTORY,
    Past,
    amounts_by_currency,
    count_up_to,
    read_past,
)
from serving.dashboard.feed.payment_key import same_payment
from serving.dashboard.feed.tables import alerts, payments, reviews

HOUR_MS = 3_600_000
MOST_COUNTED = 100_000
_MOST_LISTED = 50
_MOST_ANCHORS = 20
_NEAREST = 50
"""Payments at a merchant before and after a fraud."""


@dataclass
class Neighbour:
    """A card that paid at the same merchants as another card, around its frauds."""

    card_id: str
    card_ref: str
    merchants: set[str] = field(default_factory=set)
    payments: dict[str, Past] = field(default_factory=dict)
    gap_ms: int = 1 << 62

    def add(self, payment: Past, anchor: Past) -> None:
        """A payment near a fraud of the other card."""
        self.merchants.add(str(payment.merchant_id))
        self.payments[payment.transaction_id] = payment
        self.gap_ms = min(self.gap_ms, abs(payment.timestamp - anchor.timestamp))

    @property
    def frauds(self) -> int:
        """Its payments there that are known fraud."""
        return sum(one.is_fraud is True for one in self.payments.values())

    @property
    def flagged(self) -> int:
        """Its payments there that were not approved."""
        return sum(one.flagged for one in self.payments.values())


def summarize_card(connection: Connection, card_ref: str, past: list[Past]) -> dict[str, Any]:
    """How much is stored of a card, and figures of its newest payments (`past`, newest first)."""
    of_card = select(payments.c.timestamp).where(payments.c.card_ref == card_ref)
    times = connection.execute(
        select(func.min(payments.c.timestamp), func.max(payments.c.timestamp)).where(
            payments.c.card_ref == card_ref
        )
    ).one()
    return {
        "payments": count_up_to(connection, of_card, MOST_COUNTED),
        "first_at": times[0],
        "last_at": times[1],
        "examined": len(past),
        "flagged": sum(one.flagged for one in past),
        "frauds": sum(one.is_fraud is True for one in past),
        "merchants": len({one.merchant_id for one in past if one.merchant_id is not None}),
        "amounts": amounts_by_currency(past),
    }


def past_of_card(connection: Connection, card_ref: str) -> list[Past]:
    """The newest payments of a card."""
    return read_past(connection, payments.c.card_ref == card_ref, most=MOST_IN_HISTORY)


def card_of(connection: Connection, card_ref: str) -> str | None:
    """The card of a reference; None if none of its payments and alerts is stored."""
    for table in (payments, alerts):
        found = connection.scalar(select(table.c.card_id).where(table.c.card_ref == card_ref).limit(1))
        if found is not None:
            return str(found)
    return None


def merchants_of(past: Iterable[Past]) -> dict[str, Any]:
    """The merchants of payments: those with known fraud first, then flagged ones, then the most payments."""
    by_merchant: dict[str, list[Past]] = {}
    for one in past:
        if one.merchant_id is not None:
            by_merchant.setdefault(one.merchant_id, []).append(one)
    found: list[dict[str, Any]] = [
        {
            "merchant_id": merchant_id,
            "payments": len(there),
            "flagged": sum(one.flagged for one in there),
            "frauds": sum(one.is_fraud is True for one in there),
            "last_at": max(one.timestamp for one in there),
        }
        for merchant_id, there in by_merchant.items()
    ]
    found.sort(key=lambda one: (-one["frauds"], -one["flagged"], -one["payments"], one["merchant_id"]))
    return {"found": found[:_MOST_LISTED], "more": max(0, len(found) - _MOST_LISTED)}


def other_cards(connection: Connection, past: list[Past], hours: int) -> dict[str, Any]:
    """Cards that paid at the merchants of a card's frauds, within hours of them.

    Args:
        connection: to the store.
        past: the card's payments. Without known fraud those that were flagged count.
        hours: before and after each fraud.
    """
    frauds = [one for one in past if one.is_fraud] or [
        one for one in past if one.flagged and one.is_fraud is None
    ]
    anchors = [one for one in frauds if one.merchant_id is not None][:_MOST_ANCHORS]
    neighbours: dict[str, Neighbour] = {}
    for anchor in anchors:
        for one in _around(connection, anchor, hours * HOUR_MS):
            neighbours.setdefault(one.card_ref, Neighbour(one.card_id, one.card_ref)).add(one, anchor)
    ranked = sorted(neighbours.values(), key=_rank)
    return {
        "around": len(anchors),
        "are_known": any(one.is_fraud for one in anchors),
        "hours": hours,
        "found": [_as_answer(one) for one in ranked[:_MOST_LISTED]],
        "more": max(0, len(ranked) - _MOST_LISTED),
    }


def _around(connection: Connection, anchor: Past, reach_ms: int) -> list[Past]:
    """The nearest payments of other cards at a payment's merchant, before and after it."""
    column = payments.c
    others = (column.merchant_id == anchor.merchant_id, column.card_ref != anchor.card_ref)
    before = (column.timestamp <= anchor.timestamp, column.timestamp >= anchor.timestamp - reach_ms)
    after = (column.timestamp > anchor.timestamp, column.timestamp <= anchor.timestamp + reach_ms)
    return [
        *read_past(connection, *others, *before, most=_NEAREST),
        *read_past(connection, *others, *after, newest=False, most=_NEAREST),
    ]


def _rank(one: Neighbour) -> tuple[object, ...]:
    return -one.frauds, -one.flagged, -len(one.merchants), one.gap_ms, one.card_id


def _as_answer(one: Neighbour) -> dict[str, Any]:
    return {
        "card_id": one.card_id,
        "card_ref": one.card_ref,
        "merchants": sorted(one.merchants)[:5],
        "merchants_more": max(0, len(one.merchants) - 5),
        "payments": len(one.payments),
        "flagged": one.flagged,
        "frauds": one.frauds,
        "gap_ms": one.gap_ms,
    }


def reviews_of_card(connection: Connection, card_ref: str) -> dict[str, Any]:
    """The newest reviews of a card's alerts, with their notes."""
    column = reviews.c
    query = (
        select(column.transaction_id, column.outcome, column.note, column.analyst, column.decided_at)
        .select_from(alerts.join(reviews, same_payment(reviews, alerts)))
        .where(alerts.c.card_ref == card_ref)
        .order_by(column.seq.desc())
        .limit(_MOST_LISTED + 1)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return {"found": rows[:_MOST_LISTED], "more": len(rows) > _MOST_LISTED}
