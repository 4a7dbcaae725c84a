"""Alerts with their latest review and their label: as statements, and as the browser gets them."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from fraud.schema import minor_digits
from serving.dashboard.api.former_names import with_former_names
from serving.dashboard.feed.payment_key import same_payment
from serving.dashboard.feed.tables import DECIDES, ONE, alerts, labels, reviews

review = reviews.alias("review")
"""The latest of an alert, in `ALERTS`."""
LABEL_OF_ALERT = and_(same_payment(labels, alerts), DECIDES)
"""Joins the label that counts."""
_LATEST = (
    select(func.max(reviews.c.seq)).where(same_payment(reviews, alerts)).correlate(alerts).scalar_subquery()
)
_OF_CASE = ("features", "contributions")
"""Columns that lists do not show."""
ALERTS = select(
    *(column for column in alerts.c if column.name not in _OF_CASE),
    review.c.outcome,
    review.c.analyst,
    review.c.note,
    review.c.decided_at,
    review.c.pending,
    labels.c.is_fraud,
    labels.c.source.label("label_source"),
    labels.c.reported_at,
    labels.c.fraud_type,
).select_from(alerts.outerjoin(review, review.c.seq == _LATEST).outerjoin(labels, LABEL_OF_ALERT))

FOR_ANALYSTS: ColumnElement[bool] = and_(
    or_(alerts.c.decision == "review", alerts.c.is_sample == ONE), alerts.c.is_history != ONE
)
"""What is work for analysts: of a payment that was declined or challenged, no money is at risk any more, and
the alerts of a history that was replayed are too old to act on."""


def as_alert(row: Mapping[Any, Any]) -> dict[str, Any]:
    """An alert as the browser gets it; `digits` are the decimals of its currency."""
    alert = {str(name): value for name, value in row.items()}
    alert["reasons"] = json.loads(row["reasons"])
    alert["profiles"] = json.loads(row["profiles"] or "{}")
    alert |= {name: json.loads(row[name] or "[]") for name in ("rules", "lists")}
    alert |= {name: bool(row[name]) for name in ("is_sample", "is_history")}
    return with_former_names(alert | _decoded(row))


def as_payment(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A payment as the browser gets it."""
    return with_former_names(dict(row) | _decoded(row))


def _decoded(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {"fields": json.loads(row["fields"] or "{}"), "digits": minor_digits(row["currency"])}
