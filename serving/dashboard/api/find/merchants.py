"""What the page of a merchant shows: figures of its payments, its profile, merchants with cards in common."""

import json
from typing import Any

from sqlalchemy import Connection, select

from fraud.features.profiles import PROFILE_COLUMNS
from serving.dashboard.api.find.cards import MOST_COUNTED
from serving.dashboard.api.find.payments import (
    Past,
    amounts_by_currency,
    count_up_to,
    read_past,
    with_label,
)
from serving.dashboard.feed.tables import alerts, labels, merchants, payments

_MOST_CARDS = 300
"""Cards of a merchant whose other alerts are looked up: with alerts here first, then the latest."""
_MOST_ALERTS = 2_000
_MOST_LISTED = 30
_MOST_CARDS_SHOWN = 5


def past_at_merchant(connection: Connection, merchant_id: str) -> list[Past]:
    """The newest payments at a merchant."""
    return read_past(connection, payments.c.merchant_id == merchant_id)


def summarize_merchant(connection: Connection, merchant_id: str, past: list[Past]) -> dict[str, Any]:
    """How much is stored of a merchant, and figures of its newest payments (`past`, newest first)."""
    there = select(payments.c.timestamp).where(payments.c.merchant_id == merchant_id)
    of_alerts = _alert_counts(connection, merchant_id)
    return of_alerts | {
        "payments": count_up_to(connection, there, MOST_COUNTED),
        "first_at": past[-1].timestamp if past else None,
        "last_at": past[0].timestamp if past else None,
        "examined": len(past),
        "cards": len({one.card_ref for one in past}),
        "flagged": sum(one.flagged for one in past),
        "frauds": sum(one.is_fraud is True for one in past),
        "amounts": amounts_by_currency(past),
    }


def _alert_counts(connection: Connection, merchant_id: str) -> dict[str, int]:
    query = (
        select(labels.c.is_fraud).select_from(with_label(alerts)).where(alerts.c.merchant_id == merchant_id)
    )
    known = [row[0] for row in connection.execute(query.limit(MOST_COUNTED))]
    return {
        "alerts": len(known),
        "alerts_fraud": sum(one is not None and bool(one) for one in known),
        "alerts_legitimate": sum(one is not None and not one for one in known),
    }


def read_profile(connection: Connection, merchant_id: str) -> dict[str, Any]:
    """The latest profile of a merchant that serving got; its values are None where there is none."""
    row = connection.execute(
        select(merchants.c.date, merchants.c.profile).where(merchants.c.merchant_id == merchant_id)
    ).first()
    values = dict(zip(PROFILE_COLUMNS, json.loads(row.profile), strict=False)) if row else None
    return {"date": row.date if row else None, "profile": values}


def merchants_in_common(connection: Connection, merchant_id: str, past: list[Past]) -> dict[str, Any]:
    """Other merchants where cards of this one have alerts, those with most of its cards first."""
    known = _cards_with_alerts(connection, merchant_id)
    cards = list(dict.fromkeys([*known, *(one.card_ref for one in past)]))[:_MOST_CARDS]
    by_merchant: dict[str, list[Any]] = {}
    for row in _alerts_elsewhere(connection, merchant_id, cards):
        by_merchant.setdefault(row.merchant_id, []).append(row)
    found = [_in_common(name, rows) for name, rows in by_merchant.items()]
    found.sort(key=lambda one: (-one["cards"], -one["frauds"], -one["alerts"], one["merchant_id"]))
    return {
        "examined_cards": len(cards),
        "found": found[:_MOST_LISTED],
        "more": max(0, len(found) - _MOST_LISTED),
    }


def _cards_with_alerts(connection: Connection, merchant_id: str) -> list[str]:
    query = select(alerts.c.card_ref).where(alerts.c.merchant_id == merchant_id)
    newest = query.order_by(alerts.c.seq.desc()).limit(_MOST_ALERTS)
    return list(dict.fromkeys(connection.execute(newest).scalars()))


def _alerts_elsewhere(connection: Connection, merchant_id: str, cards: list[str]) -> list[Any]:
    query = (
        select(alerts.c.merchant_id, alerts.c.card_id, alerts.c.card_ref, labels.c.is_fraud)
        .select_from(with_label(alerts))
        .where(alerts.c.card_ref.in_(cards), alerts.c.merchant_id != merchant_id)
        .order_by(alerts.c.seq.desc())
        .limit(_MOST_ALERTS)
    )
    return list(connection.execute(query)) if cards else []


def _in_common(merchant_id: str, rows: list[Any]) -> dict[str, Any]:
    cards = {row.card_ref: row.card_id for row in rows}
    shown = [{"card_id": one, "card_ref": ref} for ref, one in list(cards.items())[:_MOST_CARDS_SHOWN]]
    return {
        "merchant_id": merchant_id,
        "cards": len(cards),
        "shown": shown,
        "alerts": len(rows),
        "frauds": sum(bool(row.is_fraud) for row in rows),
    }
