"""Payments of a card or of a merchant, a page at a time, with their decisions, labels and reviews."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Join, Select, Table, and_, case, func, or_, select
from sqlalchemy.sql import ColumnElement

from fraud.schema import minor_digits
from serving.dashboard.feed.payment_key import same_payment
from serving.dashboard.feed.tables import DECIDES, alerts, labels, payments, reviews

PAGE = 100
"""Payments of a page."""


class Position(NamedTuple):
    """Where a page of payments ends: a time (UTC ms) and a row."""

    timestamp: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The position of its text, `timestamp-seq`."""
        timestamp, _, seq = text.partition("-")
        return cls(int(timestamp), int(seq))

    def __str__(self) -> str:
        return f"{self.timestamp}-{self.seq}"


POSITION_PATTERN = "^[0-9]{1,15}-[0-9]{1,15}$"


class EventPeriod(NamedTuple):
    """From a time on, and before another one, UTC ms of the events; None does not restrict."""

    since: int | None = None
    until: int | None = None

    def contains(self, timestamp: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """The conditions on a column of times."""
        lower = [] if self.since is None else [timestamp >= self.since]
        upper = [] if self.until is None else [timestamp < self.until]
        return [*lower, *upper]


def select_payments() -> Select[Any]:
    """Stored payments with their decision, where it was not to approve, label and latest review."""
    joined = with_label(payments).outerjoin(alerts, same_payment(alerts, payments))
    return select(
        payments,
        labels.c.is_fraud,
        labels.c.fraud_type,
        alerts.c.seq.label("alert_seq"),
        alerts.c.decision,
        alerts.c.is_sample,
        _latest_outcome(payments),
    ).select_from(joined)


def _select_alerts() -> Select[Any]:
    """Alerts with the columns of `select_payments`, for those whose payment was removed to make room."""
    kept = [column for column in payments.c if column.name != "flagged"]
    return select(
        *(alerts.c[column.name] for column in kept),
        case((alerts.c.decision != "approve", 1), else_=0).label("flagged"),
        labels.c.is_fraud,
        labels.c.fraud_type,
        alerts.c.seq.label("alert_seq"),
        alerts.c.decision,
        alerts.c.is_sample,
        _latest_outcome(alerts),
    ).select_from(with_label(alerts))


def payments_by_key(
    connection: Connection,
    keys: Sequence[tuple[str, str]],
) -> list[dict[str, Any]]:
    """The payments of transaction ids and cards, in this order; what is not stored is left out."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table, query in ((payments, select_payments()), (alerts, _select_alerts())):
        missing = [key for key in keys if key not in found]
        # By ids alone, which the index leads to; of other cards' payments there are few.
        one_of = table.c.transaction_id.in_({transaction_id for transaction_id, _ in missing})
        rows: Iterable[Any] = connection.execute(query.where(one_of)).mappings() if missing else []
        found |= {(row["transaction_id"], row["card_id"]): as_payment(row) for row in rows}
    return [found[key] for key in keys if key in found]


def with_label(table: Table) -> Join:
    """Payments or alerts, joined with the label of each."""
    return table.outerjoin(labels, and_(same_payment(labels, table), DECIDES))


def _latest_outcome(table: Table) -> ColumnElement[Any]:
    latest = select(reviews.c.outcome).where(same_payment(reviews, table)).order_by(reviews.c.seq.desc())
    return latest.limit(1).scalar_subquery().label("outcome")


def read_page(
    connection: Connection,
    of: ColumnElement[bool],
    period: EventPeriod,
    before: Position | None,
) -> dict[str, Any]:
    """The payments that meet a condition, newest first, and the position of the next page.

    Args:
        connection: to the store.
        of: which payments; an index must lead to them.
        period: their times.
        before: the position that the former page ended with.
    """
    conditions = [of, *period.contains(payments.c.timestamp), *_before(before)]
    newest = (payments.c.timestamp.desc(), payments.c.seq.desc())
    query = select_payments().where(*conditions).order_by(*newest).limit(PAGE + 1)
    rows = connection.execute(query).mappings().all()
    shown = rows[:PAGE]
    more = str(Position(shown[-1]["timestamp"], shown[-1]["seq"])) if len(rows) > PAGE else None
    return {"payments": [as_payment(row) for row in shown], "more": more}


def _before(position: Position | None) -> list[ColumnElement[bool]]:
    if position is None:
        return []
    timestamp, seq = payments.c.timestamp, payments.c.seq
    is_earlier = or_(timestamp < position.timestamp, seq < position.seq)
    return [timestamp <= position.timestamp, is_earlier]


def position_around(connection: Connection, of: ColumnElement[bool], transaction_id: str) -> Position | None:
    """The position of a page that has a payment in its middle; None where the newest page has it."""
    column = payments.c
    chosen = connection.execute(select(column.timestamp).where(of, column.transaction_id == transaction_id))
    timestamp = chosen.scalar()
    if timestamp is None:
        return None
    later = select(column.timestamp, column.seq).where(of, column.timestamp > timestamp)
    first = later.order_by(column.timestamp, column.seq).offset(PAGE // 2).limit(1)
    row = connection.execute(first).first()
    return Position(row.timestamp, row.seq) if row else None


def as_payment(row: Any) -> dict[str, Any]:
    """A payment as the browser gets it; `has_case` says whether it is an alert, which can be opened."""
    payment = dict(row)
    payment["fields"] = json.loads(row["fields"] or "{}")
    payment["digits"] = minor_digits(row["currency"])
    payment["has_case"] = payment.pop("alert_seq") is not None
    if payment["decision"] is None and payment["score"] is not None:
        payment["decision"] = "approve"
    payment |= {name: bool(payment[name]) for name in ("is_sample", "is_history")}
    return payment


def count_up_to(connection: Connection, query: Select[Any], most: int) -> int:
    """How many rows a query has; `most + 1` stands for more than `most`."""
    bounded = query.limit(most + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(bounded)).scalar_one())


MOST_IN_HISTORY = 2_000
"""Payments of a card or merchant, the newest, of which its page has the figures."""


class Past(NamedTuple):
    """A stored payment as far as the figures of a card or a merchant need it.

    `is_fraud` is what its label says, else its latest review; None where neither does.
    """

    transaction_id: str
    card_id: str
    card_ref: str
    merchant_id: str | None
    amount: int
    currency: str
    timestamp: int
    flagged: bool
    is_fraud: bool | None


def read_past(
    connection: Connection, *conditions: ColumnElement[bool], newest: bool = True, most: int = MOST_IN_HISTORY
) -> list[Past]:
    """Payments that meet the conditions: the newest or the oldest of them, in this order."""
    column = payments.c
    query = (
        select(
            column.transaction_id, column.card_id, column.card_ref, column.merchant_id, column.amount,
            column.currency, column.timestamp, column.flagged, labels.c.is_fraud, _latest_outcome(payments),
        )
        .select_from(with_label(payments))
        .where(*conditions)
        .order_by(column.timestamp.desc() if newest else column.timestamp)
        .limit(most)
    )  # fmt: skip
    rows = connection.execute(query)
    return [Past._make((*row[:7], bool(row[7]), _is_fraud(row[8], row[9]))) for row in rows]


def _is_fraud(label: object, outcome: str | None) -> bool | None:
    if label is not None:
        return bool(label)
    return {"fraud": True, "legitimate": False}.get(outcome or "")


def amounts_by_currency(past: list[Past]) -> list[dict[str, Any]]:
    """Payments, the median and the largest amount of each currency, in minor units; most payments first."""
    amounts: dict[str, list[int]] = {}
    for one in past:
        amounts.setdefault(one.currency, []).append(one.amount)
    found = [
        {
            "currency": currency, "digits": minor_digits(currency), "payments": len(of_currency),
            "median": sorted(of_currency)[(len(of_currency) - 1) // 2], "largest": max(of_currency),
        }
        for currency, of_currency in amounts.items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one["payments"], one["currency"]))
