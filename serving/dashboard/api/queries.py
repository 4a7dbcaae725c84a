"""Queries of the store for the pages."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fraud.definitions.definitions import Definitions
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.schema import minor_digits
from serving.dashboard.api.former_names import with_former_names
from serving.dashboard.feed.payment_key import PaymentKey, flatten_keys
from serving.dashboard.feed.ticks import LATENCY_EDGES_MS, TICK_MS, percentiles, read_ticks, total
from serving.pipeline.field_texts import field_text, in_order, label_of, profile_texts

Order = Literal["newest", "risk"]
State = Literal["all", "open", "reviewed"]
Shown = Literal["challenge", "review", "decline", "sample"]
"""An outcome of alerts, or approved payments that analysts are given at random."""

_MAX_PAYMENTS_OF_CARD = 200

_ALERTS = """
SELECT alerts.*, card_ref(alerts.card_id) AS card_ref,
    review.outcome, review.analyst, review.note, review.decided_at, review.pending,
    labels.is_fraud, labels.source AS label_source, labels.reported_at, labels.fraud_type
FROM alerts
LEFT JOIN reviews AS review ON review.seq = (
    SELECT max(seq) FROM reviews
    WHERE reviews.transaction_id = alerts.transaction_id AND reviews.card_id = alerts.card_id)
LEFT JOIN labels ON labels.transaction_id = alerts.transaction_id AND labels.card_id = alerts.card_id
    AND labels.decides
"""
_FOR_ANALYSTS = "(alerts.decision = 'review' OR alerts.is_sample)"
"""What is work for analysts: of a payment that was declined or challenged, no money is at risk any more."""

_FIGURES = f"""
SELECT currency, count(*) AS alerts, total(open) AS open, total(is_fraud = 1) AS fraud,
    total(is_fraud = 0) AS legitimate, total(CASE WHEN open THEN at_risk END) AS at_risk,
    total(CASE WHEN open THEN amount * score END) AS paid_at_risk
FROM (
    SELECT alerts.currency, alerts.amount, alerts.score, alerts.at_risk, labels.is_fraud,
        {_FOR_ANALYSTS} AND labels.is_fraud IS NULL AND NOT EXISTS (
        SELECT 1 FROM reviews
        WHERE reviews.transaction_id = alerts.transaction_id AND reviews.card_id = alerts.card_id) AS open
    FROM alerts LEFT JOIN (SELECT * FROM labels WHERE decides) AS labels USING (transaction_id, card_id))
GROUP BY currency
ORDER BY at_risk DESC
"""  # noqa: S608 - of our own names


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts to list; None does not restrict. Amounts are in major units.

    Without `shown`, the state `open` has what is to be reviewed: payments in review and samples. With it,
    those of this outcome that nobody has looked at.
    """

    order: Order = "newest"
    state: State = "all"
    shown: Shown | None = None
    least_score: float | None = None
    least_amount: float | None = None
    country: str | None = None
    fraud_type: str | None = None
    text: str | None = None
    before: int | None = None
    limit: int = 50


def list_alerts(connection: sqlite3.Connection, wanted: AlertFilter) -> list[dict[str, Any]]:
    """Alerts in the wanted order, as the feed shows them."""
    conditions, values = _conditions(wanted)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(f"{_ALERTS} {where} ORDER BY {_order(wanted)} LIMIT ?", (*values, wanted.limit))
    return [as_alert(row) for row in rows]


def _order(wanted: AlertFilter) -> str:
    if wanted.order == "newest":
        return "alerts.seq DESC"
    is_mixed = wanted.shown is None and wanted.state != "open"  # else the index gives the order
    first = f"{_FOR_ANALYSTS} DESC, " if is_mixed else ""
    return f"{first}alerts.at_risk DESC, alerts.seq DESC"


def _conditions(wanted: AlertFilter) -> tuple[list[str], list[object]]:
    pattern = None if wanted.text is None else f"%{_escaped(wanted.text)}%"
    offered: list[tuple[str, Sequence[object], bool]] = [
        ("alerts.score >= ?", [wanted.least_score], wanted.least_score is not None),
        ("alerts.value >= ?", [wanted.least_amount], wanted.least_amount is not None),
        ("alerts.country = ?", [wanted.country], wanted.country is not None),
        ("labels.fraud_type = ?", [wanted.fraud_type], wanted.fraud_type is not None),
        ("alerts.seq < ?", [wanted.before], wanted.before is not None),
        ("alerts.is_sample", [], wanted.shown == "sample"),
        (
            "alerts.decision = ? AND NOT alerts.is_sample",
            [wanted.shown],
            wanted.shown not in (None, "sample"),
        ),
        ("review.outcome IS NULL AND labels.is_fraud IS NULL", [], wanted.state == "open"),
        (_FOR_ANALYSTS, [], wanted.state == "open" and wanted.shown is None),
        ("(review.outcome IS NOT NULL OR labels.is_fraud IS NOT NULL)", [], wanted.state == "reviewed"),
        (
            "(alerts.card_id LIKE ? ESCAPE '\\' OR alerts.merchant_id LIKE ? ESCAPE '\\' "
            "OR alerts.transaction_id LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM json_each(alerts.fields) "
            "WHERE json_each.type = 'text' AND json_each.value LIKE ? ESCAPE '\\'))",
            [pattern] * 4,
            pattern is not None,
        ),
    ]
    chosen = [(condition, values) for condition, values, applies in offered if applies]
    return [condition for condition, _ in chosen], [value for _, values in chosen for value in values]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def alerts_by_key(connection: sqlite3.Connection, keys: Sequence[PaymentKey]) -> list[dict[str, Any]]:
    """The alerts of these payments, newest first."""
    marks = ", ".join(["(?, ?)"] * len(keys))
    query = f"{_ALERTS} WHERE (alerts.transaction_id, alerts.card_id) IN (VALUES {marks})"
    return [
        as_alert(row) for row in connection.execute(f"{query} ORDER BY alerts.seq DESC", flatten_keys(keys))
    ]


def find_alerts(
    connection: sqlite3.Connection, transaction_id: str, card_ref: str | None
) -> list[dict[str, Any]]:
    """The alerts of a transaction id: of one card, or without `card_ref` of every card that used the id."""
    query = f"{_ALERTS} WHERE alerts.transaction_id = ?1 AND (?2 IS NULL OR card_ref(alerts.card_id) = ?2)"
    return [as_alert(row) for row in connection.execute(query, (transaction_id, card_ref))]


def countries(connection: sqlite3.Connection) -> list[str]:
    """The countries that alerts are of."""
    query = "SELECT DISTINCT country FROM alerts WHERE country IS NOT NULL ORDER BY country"
    return [row[0] for row in connection.execute(query)]


def fraud_types(connection: sqlite3.Connection) -> list[str]:
    """The kinds of fraud that labels name."""
    query = "SELECT DISTINCT fraud_type FROM labels WHERE decides AND fraud_type IS NOT NULL"
    return [row[0] for row in connection.execute(f"{query} ORDER BY fraud_type LIMIT 100")]


def read_case(
    connection: sqlite3.Connection, alert: dict[str, Any], definitions: Definitions
) -> dict[str, Any]:
    """An alert, as `find_alerts` gives it, with what an analyst wants to know of it."""
    rows = connection.execute(
        "SELECT outcome, note, analyst, decided_at, pending FROM reviews "
        "WHERE transaction_id = ? AND card_id = ? ORDER BY seq DESC",
        (alert["transaction_id"], alert["card_id"]),
    )
    reviews = [with_former_names(dict(row)) for row in rows]
    return {
        "alert": alert,
        "fields": _described(alert, definitions),
        "profiles": _profiles(alert, definitions),
        "has_place": any(field.place for field in definitions.fields),
        "payments": _payments_of(connection, alert["card_id"], alert["timestamp"]),
        "merchant": _merchant(connection, alert["merchant_id"]),
        "reviews": reviews,
        "verdicts": reviews,  # the former name
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


def _payments_of(connection: sqlite3.Connection, card_id: str, around: int) -> list[dict[str, Any]]:
    """The card's payments that are stored, up to a day after the alert, oldest first."""
    rows = connection.execute(
        "SELECT payments.*, labels.is_fraud FROM payments "
        "LEFT JOIN (SELECT * FROM labels WHERE decides) AS labels USING (transaction_id, card_id) "
        "WHERE card_id = ? AND timestamp <= ? ORDER BY timestamp DESC LIMIT ?",
        (card_id, around + 86_400_000, _MAX_PAYMENTS_OF_CARD),
    ).fetchall()
    return [_payment(row) for row in reversed(rows)]


def _merchant(connection: sqlite3.Connection, merchant_id: str | None) -> dict[str, Any] | None:
    row = connection.execute("SELECT * FROM merchants WHERE merchant_id = ?", (merchant_id,)).fetchone()
    seen = connection.execute(
        "SELECT count(*) AS alerts, sum(labels.is_fraud) AS frauds FROM alerts "
        "LEFT JOIN (SELECT * FROM labels WHERE decides) AS labels USING (transaction_id, card_id) "
        "WHERE merchant_id = ?",
        (merchant_id,),
    ).fetchone()
    if merchant_id is None:
        return None
    profile = dict(zip(PROFILE_COLUMNS, json.loads(row["profile"]), strict=False)) if row else None
    return {
        "merchant_id": merchant_id,
        "date": row["date"] if row else None,
        "profile": profile,
        "alerts": seen["alerts"],
        "frauds": seen["frauds"] or 0,
    }


def live(connection: sqlite3.Connection, span_ms: int, step_ms: int, now_ms: int) -> dict[str, Any]:
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


def review_figures(connection: sqlite3.Connection, base: str | None) -> dict[str, Any]:
    """Counts of the stored alerts: open ones and their money at risk, known fraud, known legitimate.

    Args:
        connection: to the store.
        base: the base currency, in which money at risk is; None: by currency, the most first.
    """
    rows = connection.execute(_FIGURES).fetchall()
    threshold = connection.execute(
        "SELECT threshold, model_version FROM alerts ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    counts = ("alerts", "open", "fraud", "legitimate")
    return {name: sum(row[name] for row in rows) for name in counts} | {
        "at_risk": _at_risk(rows, base),
        "threshold": threshold["threshold"] if threshold else None,
        "model_version": threshold["model_version"] if threshold else None,
    }


def _at_risk(rows: list[sqlite3.Row], base: str | None) -> list[dict[str, Any]]:
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


def decided_since(connection: sqlite3.Connection, since_ms: int) -> dict[str, int]:
    """How many stored alerts each rule and list decided that were scored since a moment."""
    query = (
        "SELECT decided_by, count(*) FROM alerts WHERE decided_by IS NOT NULL AND scored_at >= ? GROUP BY 1"
    )
    return dict(connection.execute(query, (since_ms,)).fetchall())


def refused_messages(connection: sqlite3.Connection, topic: str) -> int:
    """How many messages of a topic could not be read since the store was made."""
    row = connection.execute("SELECT messages FROM refused WHERE topic = ?", (topic,)).fetchone()
    return row["messages"] if row else 0


def read_audit(connection: sqlite3.Connection, limit: int = 200) -> list[dict[str, Any]]:
    """The newest lines of the audit."""
    rows = connection.execute("SELECT * FROM audit ORDER BY seq DESC LIMIT ?", (limit,))
    return [dict(row) | {"detail": json.loads(row["detail"])} for row in rows]


def as_alert(row: sqlite3.Row) -> dict[str, Any]:
    """An alert as the browser gets it; `digits` are the decimals of its currency."""
    alert = dict(row)
    alert["reasons"] = json.loads(row["reasons"])
    alert["profiles"] = json.loads(row["profiles"] or "{}")
    alert |= {name: json.loads(row[name] or "[]") for name in ("rules", "lists")}
    alert["is_sample"] = bool(row["is_sample"])
    return with_former_names(alert | _decoded(row))


def _payment(row: sqlite3.Row) -> dict[str, Any]:
    return with_former_names(dict(row) | _decoded(row))


def _decoded(row: sqlite3.Row) -> dict[str, Any]:
    return {"fields": json.loads(row["fields"] or "{}"), "digits": minor_digits(row["currency"])}
