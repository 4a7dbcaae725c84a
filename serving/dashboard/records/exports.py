"""Alerts, reviews and the audit as rows of CSV, read while they are sent."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, select

from fraud.csv_cells import csv_lines
from fraud.schema import minor_digits
from serving.dashboard.api.alert_list import AlertFilter, alert_rows
from serving.dashboard.api.alert_rows import as_alert
from serving.dashboard.feed.payment_key import same_payment
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import alerts, reviews
from serving.dashboard.records.audit_pages import AuditFilter, audit_lines

_ROWS_AT_ONCE = 500
_ALERT_COLUMNS = (
    "transaction_id", "card_id", "merchant_id", "time", "amount", "currency", "fraud_probability",
    "alert_threshold", "outcome", "decided_by", "country", "reasons", "review", "reviewed_by", "reviewed_at",
    "note", "label", "label_source", "fraud_type", "model_version", "scored_at",
)  # fmt: skip
_REVIEW_COLUMNS = (
    "id", "reviewed_at", "analyst", "review", "note", "transaction_id", "card_id", "merchant_id", "time",
    "amount", "currency", "fraud_probability",
)  # fmt: skip
_AUDIT_COLUMNS = ("number", "at", "who", "action", "subject", "detail")


def alerts_as_csv(store: Store, wanted: AlertFilter) -> Iterator[str]:
    """The alerts that pass a filter, all of them, in its order."""
    with store.reading() as connection:
        statement = alert_rows(wanted, connection.dialect.name)
        rows = (_alert_cells(as_alert(row)) for row in _stream(connection, statement))
        yield from csv_lines(_ALERT_COLUMNS, rows)


def reviews_as_csv(store: Store, analyst: str | None) -> Iterator[str]:
    """The reviews, of one analyst if there is a name, newest first; without what was removed of a payment."""
    columns = (alerts.c.merchant_id, alerts.c.timestamp, alerts.c.amount, alerts.c.currency, alerts.c.score)
    statement = (
        select(reviews, *columns)
        .select_from(reviews.outerjoin(alerts, same_payment(reviews, alerts)))
        .order_by(reviews.c.seq.desc())
    )
    if analyst is not None:
        statement = statement.where(reviews.c.analyst == analyst)
    with store.reading() as connection:
        yield from csv_lines(_REVIEW_COLUMNS, (_review_cells(row) for row in _stream(connection, statement)))


def audit_as_csv(store: Store, wanted: AuditFilter) -> Iterator[str]:
    """The lines of the audit that pass a filter, newest first."""
    with store.reading() as connection:
        rows = (
            (row["seq"], _moment(row["at"]), row["who"], row["action"], row["subject"], row["detail"])
            for row in _stream(connection, audit_lines(wanted))
        )
        yield from csv_lines(_AUDIT_COLUMNS, rows)


def _stream(connection: Connection, statement: Select[Any]) -> Iterator[Mapping[Any, Any]]:
    """Rows as the database gives them; no more than some hundreds are in memory."""
    yield from connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement).mappings()


def _alert_cells(alert: Mapping[str, Any]) -> tuple[object, ...]:
    label = None if alert["is_fraud"] is None else "fraud" if alert["is_fraud"] else "legitimate"
    return (
        alert["transaction_id"], alert["card_id"], alert["merchant_id"], _moment(alert["timestamp"]),
        _amount(alert), alert["currency"], round(alert["score"], 6), round(alert["threshold"], 6),
        "sample" if alert["is_sample"] else alert["decision"], alert["decided_by"], alert["country"],
        "; ".join(one["text"] for one in alert["reasons"]), alert["outcome"], alert["analyst"],
        _moment(alert["decided_at"]), alert["note"], label, alert["label_source"], alert["fraud_type"],
        alert["model_version"], _moment(alert["scored_at"]),
    )  # fmt: skip


def _review_cells(row: Mapping[Any, Any]) -> tuple[object, ...]:
    return (
        row["id"], _moment(row["decided_at"]), row["analyst"], row["outcome"], row["note"],
        row["transaction_id"], row["card_id"], row["merchant_id"], _moment(row["timestamp"]),
        _amount(row) if row["currency"] else None, row["currency"],
        None if row["score"] is None else round(row["score"], 6),
    )  # fmt: skip


def _amount(row: Mapping[Any, Any]) -> Decimal:
    return Decimal(row["amount"]).scaleb(-minor_digits(row["currency"]))


def _moment(ms: int | None) -> str | None:
    return None if ms is None else f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
