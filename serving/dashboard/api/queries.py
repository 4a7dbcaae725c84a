"""Queries of the store for the pages."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, exists, func, not_, select

from fraud.definitions.definitions import Definitions
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.schema import minor_digits
from serving.dashboard.api.alert_rows import ALERTS, FOR_ANALYSTS, LABEL_OF_ALERT, as_alert, as_payment
from serving.dashboard.api.former_names import with_former_names
from serving.dashboard.feed.payment_key import PaymentKey, in_keys, same_payment
from serving.dashboard.feed.tables import (
    DECIDES,
    alerts,
    labels,
    merchants,
    payments,
    refused,
    reviews,
)
from serving.dashboard.feed.ticks import LATENCY_EDGES_MS, TICK_MS, percentiles, read_ticks, total
from serving.dashboard.records.explanations import read_explanation
from serving.pipeline.field_texts import field_text, in_order, label_of, profile_texts

_MAX_PAYMENTS_OF_CARD = 200
_MAX_FRAUD_TYPES = 100

IS_OPEN = and_(FOR_ANALYSTS, labels.c.is_fraud.is_(None), not_(exists().where(same_payment(reviews, alerts))))
"""Whether an alert waits for an analyst, in statements with its label (`LABEL_OF_ALERT`)."""
_EACH = (
    select(
        alerts.c.currency,
        alerts.c.amount,
        alerts.c.score,
        alerts.c.at_risk,
        labels.c.is_fraud,
        case((IS_OPEN, 1), else_=0).label("open"),
    )
    .select_from(alerts.outerjoin(labels, LABEL_OF_ALERT))
    .subquery("each")
)


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _sum_of_open(value: Any) -> Any:
    return func.coalesce(func.sum(case((_EACH.c.open == 1, value), else_=0.0)), 0.0)


_FIGURES = (
    select(
        _EACH.c.currency,
        func.count().label("alerts"),
        _count(_EACH.c.open == 1).label("open"),
        _count(_EACH.c.is_fraud == 1).label("fraud"),
        _count(_EACH.c.is_fraud == 0).label("legitimate"),
        _sum_of_open(_EACH.c.at_risk).label("at_risk"),
        _sum_of_open(_EACH.c.amount * _EACH.c.score).label("paid_at_risk"),
    )
    .group_by(_EACH.c.currency)
    .order_by(_sum_of_open(_EACH.c.at_risk).desc())
)


def alerts_by_key(connection: Connection, keys: Sequence[PaymentKey]) -> list[dict[str, Any]]:
    """The alerts of these payments, newest first."""
    found = ALERTS.where(in_keys(alerts)).order_by(alerts.c.seq.desc())
    rows = connection.execute(found, {"keys": [tuple(key) for key in keys]}).mappings()
    return [as_alert(row) for row in rows]


def find_alerts(connection: Connection, transaction_id: str, card_ref: str | None) -> list[dict[str, Any]]:
    """The alerts of a transaction id: of one card, or without `card_ref` of every card that used the id."""
    found = ALERTS.where(alerts.c.transaction_id == transaction_id)
    if card_ref is not None:
        found = found.where(alerts.c.card_ref == card_ref)
    return [as_alert(row) for row in connection.execute(found).mappings()]


def countries(connection: Connection) -> list[str]:
    """The countries that alerts are of."""
    known = select(alerts.c.country).where(alerts.c.country.is_not(None)).distinct()
    return [str(country) for country in connection.scalars(known.order_by(alerts.c.country))]


def fraud_types(connection: Connection) -> list[str]:
    """The kinds of fraud that labels name."""
    known = select(labels.c.fraud_type).where(DECIDES, labels.c.fraud_type.is_not(None)).distinct()
    return [
        str(one) for one in connection.scalars(known.order_by(labels.c.fraud_type).limit(_MAX_FRAUD_TYPES))
    ]


def read_case(connection: Connection, alert: dict[str, Any], definitions: Definitions) -> dict[str, Any]:
    """An alert, as `find_alerts` gives it, with what an analyst wants to know of it."""
    of_alert = _reviews_of(connection, PaymentKey(alert["transaction_id"], alert["card_id"]))
    return {
        "alert": alert,
        "fields": _described(alert, definitions),
        "profiles": _profiles(alert, definitions),
        "features": read_explanation(connection, alert, definitions),
        "has_place": any(field.place for field in definitions.fields),
        "payments": _payments_of(connection, alert),
        "merchant": _merchant(connection, alert["merchant_id"]),
        "reviews": of_alert,
        "verdicts": of_alert,  # the former name
    }


def _described(alert: dict[str, Any], definitions: Definitions) -> list[dict[str, str | None]]:
    """The further fields that are declared, and those that were stored before, with their values as texts."""
    return [
        {
            "name": name, "label": label_of(name, field), "type": field.type.value if field else None,
            "text": None if value is None else field_text(field, value, alert["currency"]),
        }
        for name, value in in_order(definitions, alert["fields"])
        for field in [definitions.field_by_name.get(name)]
    ]  # fmt: skip


def _profiles(alert: dict[str, Any], definitions: Definitions) -> list[dict[str, Any]]:
    """What was known of the payment's ids and categories when it was scored, in words, by field."""
    texts = profile_texts(definitions, alert["definitions"], alert["profiles"], alert["currency"])
    return [{"label": label, "texts": of_field} for label, of_field in texts.items()]


def _reviews_of(connection: Connection, key: PaymentKey) -> list[dict[str, Any]]:
    names = ("outcome", "note", "analyst", "decided_at", "pending")
    stored = (
        select(*(reviews.c[name] for name in names))
        .where(reviews.c.transaction_id == key.transaction_id, reviews.c.card_id == key.card_id)
        .order_by(reviews.c.seq.desc())
    )
    return [with_former_names(dict(row)) for row in connection.execute(stored).mappings()]


def _payments_of(connection: Connection, alert: dict[str, Any]) -> list[dict[str, Any]]:
    """The card's payments that are stored, up to a day after the alert, oldest first."""
    stored = (
        select(payments, labels.c.is_fraud)
        .select_from(payments.outerjoin(labels, and_(same_payment(labels, payments), DECIDES)))
        .where(
            payments.c.card_ref == alert["card_ref"],
            payments.c.card_id == alert["card_id"],
            payments.c.timestamp <= alert["timestamp"] + 86_400_000,
        )
        .order_by(payments.c.timestamp.desc())
        .limit(_MAX_PAYMENTS_OF_CARD)
    )
    rows = connection.execute(stored).mappings().all()
    return [as_payment(row) for row in reversed(rows)]


def _merchant(connection: Connection, merchant_id: str | None) -> dict[str, Any] | None:
    if merchant_id is None:
        return None
    stored = select(merchants).where(merchants.c.merchant_id == merchant_id)
    row = connection.execute(stored).mappings().first()
    counts = (
        select(func.count().label("alerts"), func.coalesce(func.sum(labels.c.is_fraud), 0).label("frauds"))
        .select_from(alerts.outerjoin(labels, LABEL_OF_ALERT))
        .where(alerts.c.merchant_id == merchant_id)
    )
    seen = connection.execute(counts).mappings().one()
    return {
        "merchant_id": merchant_id,
        "date": row["date"] if row else None,
        "profile": dict(zip(PROFILE_COLUMNS, json.loads(row["profile"]), strict=False)) if row else None,
    } | dict(seen)


def live(connection: Connection, span_ms: int, step_ms: int, now_ms: int) -> dict[str, Any]:
    """What was scored within a span that ends now, in steps, and as a whole."""
    step_ms = max(step_ms - step_ms % TICK_MS, TICK_MS)
    steps = read_ticks(connection, now_ms - span_ms, now_ms, step_ms)
    whole = total(tick for _, tick in steps)
    p50, p95, p99 = percentiles(whole.latencies, (0.5, 0.95, 0.99))
    return {
        "now": now_ms,
        "step_ms": step_ms,
        "begin": [start for start, _ in steps],
        "scored": [tick.scored for _, tick in steps],
        "flagged": [tick.flagged for _, tick in steps],
        "p50": [percentiles(tick.latencies, (0.5,))[0] for _, tick in steps],
        "p95": [percentiles(tick.latencies, (0.95,))[0] for _, tick in steps],
        "scores": whole.scores.tolist(),
        "whole": {
            "scored": whole.scored, "flagged": whole.flagged, "late": whole.late, "value": whole.value,
            "p50": p50, "p95": p95, "p99": p99,
        },
        "latency_limit_ms": LATENCY_EDGES_MS[-1],
    }  # fmt: skip


def review_figures(connection: Connection, base: str | None) -> dict[str, Any]:
    """Counts of the stored alerts: open ones and their money at risk, known fraud, known legitimate.

    Args:
        connection: to the store.
        base: the base currency, in which money at risk is; None: by currency, the most first.
    """
    rows = connection.execute(_FIGURES).mappings().all()
    newest = select(alerts.c.threshold, alerts.c.model_version).order_by(alerts.c.seq.desc()).limit(1)
    threshold = connection.execute(newest).mappings().first()
    counts = ("alerts", "open", "fraud", "legitimate")
    return {name: sum(int(row[name]) for row in rows) for name in counts} | {
        "at_risk": sums_at_risk(rows, base),
        "threshold": threshold["threshold"] if threshold else None,
        "model_version": threshold["model_version"] if threshold else None,
    }


def sums_at_risk(rows: Sequence[RowMapping], base: str | None) -> list[dict[str, Any]]:
    """Amounts in major units with their currency; those of several currencies are not added up."""
    if base is not None:
        return [{"currency": base, "amount": round(sum(row["at_risk"] for row in rows), 2)}]
    return [
        {
            "currency": row["currency"],
            "amount": round(row["paid_at_risk"] / 10 ** minor_digits(row["currency"]), 2),
        }
        for row in rows
        if row["open"]
    ]


def decided_since(connection: Connection, since_ms: int) -> dict[str, int]:
    """How many stored alerts each rule and list decided that were scored since a moment."""
    counts = (
        select(alerts.c.decided_by, func.count())
        .where(alerts.c.decided_by.is_not(None), alerts.c.scored_at >= since_ms)
        .group_by(alerts.c.decided_by)
    )
    return {str(name): int(count) for name, count in connection.execute(counts)}


def refused_messages(connection: Connection, topic: str) -> int:
    """How many messages of a topic could not be read since the store was made."""
    return connection.scalar(select(refused.c.messages).where(refused.c.topic == topic)) or 0
