"""Lists of alerts: the feed's filters and orders."""

from dataclasses import dataclass
from operator import eq, ge, lt
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    desc,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from serving.dashboard.api.alert_rows import ALERTS, FOR_ANALYSTS, as_alert, review
from serving.dashboard.feed.tables import ONE, alerts, labels

Order = Literal["newest", "risk"]
State = Literal["all", "open", "reviewed", "history"]
Shown = Literal["challenge", "review", "decline", "sample"]
"""An outcome of alerts, or approved payments that analysts are given at random."""


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts to list; None does not restrict. Amounts are in major units.

    `since` and `until` (excluded) are times of the payments, UTC ms.

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
    card_ref: str | None = None
    merchant_id: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    limit: int = 50


def list_alerts(connection: Connection, wanted: AlertFilter) -> list[dict[str, Any]]:
    """Alerts in the wanted order, as the feed shows them."""
    found = alert_rows(wanted, connection.dialect.name).limit(wanted.limit)
    return [as_alert(row) for row in connection.execute(found).mappings()]


def matching_alerts(connection: Connection, wanted: AlertFilter) -> dict[int, str]:
    """The numbers of the alerts that pass a filter, in its order, with the references of their cards."""
    columns = ALERTS.with_only_columns(alerts.c.seq, alerts.c.card_ref)
    found = (
        columns.where(*conditions(wanted, connection.dialect.name))
        .order_by(*_order(wanted))
        .limit(wanted.limit)
    )
    return {row.seq: row.card_ref for row in connection.execute(found)}


def alert_rows(wanted: AlertFilter, dialect: str) -> Select[Any]:
    """All alerts that pass a filter, in the wanted order, whatever its limit."""
    return ALERTS.where(*conditions(wanted, dialect)).order_by(*_order(wanted))


def _order(wanted: AlertFilter) -> list[ColumnElement[Any]]:
    if wanted.order == "newest":
        return [desc(alerts.c.seq)]
    by_risk: list[ColumnElement[Any]] = [desc(alerts.c.at_risk), desc(alerts.c.seq)]
    is_mixed = wanted.shown is None and wanted.state != "open"  # else the index gives the order
    return [desc(case((FOR_ANALYSTS, 1), else_=0)), *by_risk] if is_mixed else by_risk


def conditions(wanted: AlertFilter, dialect: str) -> list[ColumnElement[bool]]:
    """What a filter asks of alerts and what `ALERTS` joins with them."""
    offered = [
        (alerts.c.score, ge, wanted.least_score),
        (alerts.c.value, ge, wanted.least_amount),
        (alerts.c.country, eq, wanted.country),
        (labels.c.fraud_type, eq, wanted.fraud_type),
        (alerts.c.card_ref, eq, wanted.card_ref),
        (alerts.c.merchant_id, eq, wanted.merchant_id),
        (alerts.c.timestamp, ge, wanted.since),
        (alerts.c.timestamp, lt, wanted.until),
        (alerts.c.seq, lt, wanted.before),
    ]
    chosen = [compare(column, value) for column, compare, value in offered if value is not None]
    if wanted.shown is not None:
        chosen.append(_is_shown(wanted.shown))
    if wanted.text is not None:
        chosen.append(_has_text(wanted.text, dialect))
    return chosen + _in_state(wanted)


def _is_shown(shown: Shown) -> ColumnElement[bool]:
    if shown == "sample":
        return alerts.c.is_sample == ONE
    return and_(alerts.c.decision == shown, alerts.c.is_sample != ONE)


def _in_state(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    is_open = and_(review.c.outcome.is_(None), labels.c.is_fraud.is_(None))
    if wanted.state == "open":
        return [is_open, FOR_ANALYSTS if wanted.shown is None else alerts.c.is_history != ONE]
    if wanted.state == "reviewed":
        return [or_(review.c.outcome.is_not(None), labels.c.is_fraud.is_not(None))]
    return [alerts.c.is_history == ONE] if wanted.state == "history" else []


def _has_text(text: str, dialect: str) -> ColumnElement[bool]:
    """In an id or in the text of a field."""
    pattern = f"%{_escaped(text)}%"
    columns = (alerts.c.card_id, alerts.c.merchant_id, alerts.c.transaction_id)
    in_column = [column.ilike(pattern, escape="\\") for column in columns]
    return or_(*in_column, _has_field_text(pattern, dialect))


def _has_field_text(pattern: str, dialect: str) -> ColumnElement[bool]:
    if dialect == "sqlite":
        field: Any = func.json_each(alerts.c.fields).table_valued("type", "value", name="field")
        is_text = field.c.type == "text"
        value = field.c.value
    else:
        without_nul = func.replace(alerts.c.fields, "\\u0000", "")  # which jsonb cannot have
        field = func.jsonb_each(cast(without_nul, JSONB)).table_valued("key", "value", name="field")
        is_text = func.jsonb_typeof(field.c.value) == "string"
        value = field.c.value.op("#>>")(literal_column("'{}'"))
    return exists(select(field.c.value).where(is_text, value.ilike(pattern, escape="\\")))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
