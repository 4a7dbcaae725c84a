"""The recorder's statements, compiled for its database."""

from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select, update

from serving.dashboard.database.statements import KeyStatement, RowStatement, insert_into
from serving.dashboard.feed.payment_key import in_keys, same_payment
from serving.dashboard.feed.tables import alerts, merchants, offsets, payments, refused, shadow_scores

PAYMENT_COLUMNS = (
    "transaction_id", "card_id", "merchant_id", "amount", "currency", "timestamp", "country", "latitude",
    "longitude", "fields", "card_ref", "is_history",
)  # fmt: skip
SCORE_COLUMNS = (
    "transaction_id", "card_id", "amount", "currency", "timestamp", "score", "flagged", "card_ref",
)  # fmt: skip
ALERT_COLUMNS = (
    "transaction_id", "card_id", "amount", "currency", "timestamp", "score", "threshold", "model_name",
    "model_version", "feature_version", "scored_at", "profile_date", "reasons", "challenger_version",
    "challenger_score", "value", "at_risk", "fields", "definitions", "profile_moment", "profiles",
    "decision", "is_sample", "decided_by", "rules", "lists", "policy", "segment", "features", "contributions",
    "card_ref", "is_history",
)  # fmt: skip
_KNOWN = select(alerts.c.transaction_id, alerts.c.card_id).where(in_keys(alerts))
KNOWN_ALERTS = KeyStatement(_KNOWN)
WAITING_ALERTS = KeyStatement(_KNOWN.where(alerts.c.merchant_id.is_(None)))
"""Of payments whose transaction has not arrived."""
ANY_WAITING_ALERT = select(exists().where(alerts.c.merchant_id.is_(None)))
_KEY = ["transaction_id", "card_id"]
_SHADOW_COLUMNS = [column.name for column in shadow_scores.columns]
_SHADOW_KEY = [column.name for column in shadow_scores.primary_key]


class RecorderStatements:
    """Each runs with rows of positional values, in the order of its columns."""

    def __init__(self, connection: Connection) -> None:
        def compiled(statement: Any, names: Any) -> RowStatement:
            return RowStatement(connection, statement, names)

        self.payment = compiled(_payment(connection), PAYMENT_COLUMNS)
        self.score = compiled(_score(connection), SCORE_COLUMNS)
        self.alert = compiled(_alert(connection), ALERT_COLUMNS)
        self.fill_alert = compiled(_FILL_ALERT, ["transaction", "card"])
        self.merchant = compiled(_merchant(connection), ["merchant_id", "date", "profile"])
        self.refused = compiled(_refused(connection), ["topic", "messages"])
        self.shadow = compiled(_shadow(connection), _SHADOW_COLUMNS)
        self.offset = compiled(_offset(connection), ["cluster", "topic", "partition", "next"])


def _payment(connection: Connection) -> Any:
    insert = insert_into(connection, payments, PAYMENT_COLUMNS)
    names = ("merchant_id", "country", "latitude", "longitude", "fields", "is_history")
    return insert.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: insert.excluded[name] for name in names},
        where=payments.c.merchant_id.is_(None),
    )


def _score(connection: Connection) -> Any:
    insert = insert_into(connection, payments, SCORE_COLUMNS)
    values = {name: insert.excluded[name] for name in ("score", "flagged")}
    return insert.on_conflict_do_update(index_elements=_KEY, set_=values)


def _alert(connection: Connection) -> Any:
    return insert_into(connection, alerts, ALERT_COLUMNS).on_conflict_do_nothing(index_elements=_KEY)


_FILL_ALERT = (
    update(alerts)
    .values(
        merchant_id=payments.c.merchant_id,
        country=payments.c.country,
        latitude=payments.c.latitude,
        longitude=payments.c.longitude,
        fields=func.coalesce(payments.c.fields, alerts.c.fields),
        is_history=payments.c.is_history,
    )
    .where(
        alerts.c.transaction_id == bindparam("transaction"),
        alerts.c.card_id == bindparam("card"),
        alerts.c.merchant_id.is_(None),
        same_payment(payments, alerts),
        payments.c.merchant_id.is_not(None),
    )
)


def _merchant(connection: Connection) -> Any:
    insert = insert_into(connection, merchants)
    return insert.on_conflict_do_update(
        index_elements=["merchant_id"],
        set_={"date": insert.excluded.date, "profile": insert.excluded.profile},
        where=insert.excluded.date >= merchants.c.date,
    )


def _refused(connection: Connection) -> Any:
    insert = insert_into(connection, refused)
    total = refused.c.messages + insert.excluded.messages
    return insert.on_conflict_do_update(index_elements=["topic"], set_={"messages": total})


def _shadow(connection: Connection) -> Any:
    insert, table = insert_into(connection, shadow_scores), shadow_scores.c
    values = {
        "scored": table.scored + insert.excluded.scored,
        "difference": table.difference + insert.excluded.difference,
    }
    return insert.on_conflict_do_update(index_elements=_SHADOW_KEY, set_=values)


def _offset(connection: Connection) -> Any:
    insert = insert_into(connection, offsets)
    values = {"next": insert.excluded.next}
    return insert.on_conflict_do_update(index_elements=["cluster", "topic", "partition"], set_=values)
