"""All features of an alert with what each contributed to its score."""

import json
from typing import Any

from sqlalchemy import Connection, select

from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.features import Feature
from fraud.schema import FieldValue
from serving.dashboard.feed.tables import alerts
from serving.pipeline.reasons import describe


def read_explanation(
    connection: Connection, alert: dict[str, Any], definitions: Definitions
) -> list[dict[str, Any]] | None:
    """Every feature in words, with its value and contribution (log-odds), the strongest first.

    None where the prediction carried no features, as those of earlier versions, or where other definitions
    computed them.
    """
    stored = connection.execute(
        select(alerts.c.features, alerts.c.contributions).where(alerts.c.seq == alert["seq"])
    ).one()
    values = json.loads(stored.features or "[]")
    if not values or not _is_of(definitions, alert, values):
        return None
    shares = json.loads(stored.contributions or "null") or [None] * len(values)
    currency = definitions.amount_currency(alert["currency"])
    found = [
        {
            "name": feature.name, "value": value, "contribution": share,
            "text": _text(feature, value, currency, alert["fields"]),
        }
        for feature, value, share in zip(definitions.features, values, shares, strict=True)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -abs(one["contribution"] or 0.0))


def _is_of(definitions: Definitions, alert: dict[str, Any], values: list[float | None]) -> bool:
    digest = None if definitions.tag == V1_TAG else definitions.digest
    return alert["definitions"] == digest and len(values) == len(definitions.features)


def _text(feature: Feature, value: float | None, currency: str, fields: dict[str, FieldValue]) -> str:
    return describe(feature, float("nan") if value is None else value, currency, fields)
