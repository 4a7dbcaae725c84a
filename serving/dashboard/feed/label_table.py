"""The table of labels: which report is the label of its payment by now, decided by `fraud.labels`."""

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    exists,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from fraud.labels.joining import match_reports
from fraud.labels.precedence import deciding_reports
from fraud.schema import Label
from fraud.settings import LabelSettings
from serving.dashboard.database.statements import KeyStatement, RowStatement, insert_into
from serving.dashboard.feed.payment_key import PaymentKey, in_keys, key_of, same_payment
from serving.dashboard.feed.tables import alerts, labels, payments

_KEY = (labels.c.transaction_id, labels.c.card_id)
_WAITS = labels.c.decides == literal_column("0")
_ANY_WAITING = select(exists().where(_WAITS))
_WAITING = KeyStatement(select(*_KEY).where(_WAITS, in_keys(labels)).distinct())
_REPORTS_DUE = (
    select(*_KEY)
    .where(
        _WAITS,
        labels.c.reported_at > bindparam("decided_until"),
        labels.c.reported_at <= bindparam("now"),
        or_(exists().where(same_payment(payments, labels)), exists().where(same_payment(alerts, labels))),
    )
    .distinct()
)
_PAYMENTS = KeyStatement(
    union_all(
        *(
            select(one.c.transaction_id, one.c.card_id, one.c.timestamp).where(in_keys(one))
            for one in (alerts, payments)
        )
    )
)
_REPORTS = KeyStatement(select(labels).where(in_keys(labels)))
_COLUMNS = ["transaction_id", "card_id", "is_fraud", "reported_at", "source", "fraud_type", "decides"]
_DECIDE = (
    update(labels)
    .values(decides=1, fraud_type=bindparam("named_type"))
    .where(labels.c.seq == bindparam("report"))
)
_DELETE = delete(labels).where(labels.c.seq == bindparam("report"))
_PAYMENT_COLUMNS = pa.schema(
    [("transaction_id", pa.string()), ("card_id", pa.string()), ("timestamp", pa.int64())]
)
_LABEL_COLUMNS = pa.schema(
    [
        ("transaction_id", pa.string()), ("card_id", pa.string()), ("is_fraud", pa.bool_()),
        ("reported_at", pa.int64()), ("source", pa.string()),
    ]
)  # fmt: skip


class LabelTable:
    """Writes the table of labels, within the caller's transactions.

    A report with a future time waits for that time, and a report of an unknown payment for the payment. Of
    the reports that are due only the deciding one stays: the others never count again.
    """

    def __init__(self, connection: Connection, rules: LabelSettings) -> None:
        self._connection = connection
        self._rules = rules
        self._insert = RowStatement(connection, insert_into(connection, labels, _COLUMNS), _COLUMNS)
        self._decided_until = -1

    def write(
        self,
        reports: Sequence[Label],
        fraud_types: Mapping[PaymentKey, str],
        arrived: Collection[PaymentKey],
        now_ms: int,
    ) -> list[PaymentKey]:
        """Add reports and decide what they change.

        Args:
            reports: in the order of arrival.
            fraud_types: the kinds of fraud that they name.
            arrived: payments that are new in the store.
            now_ms: the current time; a report with a later time is not due.

        Returns:
            The payments whose label may have changed.
        """
        self._insert.run(self._connection, [_row(one, fraud_types) for one in reports])
        span = {"decided_until": self._decided_until, "now": now_ms}
        due = self._connection.execute(_REPORTS_DUE, span).mappings()
        keys = {key_of(one) for one in reports} | {_payment_of(row) for row in due}
        if self._connection.execute(_ANY_WAITING).scalar():
            keys |= {_payment_of(row) for row in _WAITING.rows(self._connection, arrived)}
        self._decide(sorted(keys), now_ms)
        self._decided_until = now_ms
        return sorted(keys)

    def discard(self) -> None:
        """Discard what a failed transaction decided; it is decided again."""
        self._decided_until = -1

    def _decide(self, keys: Sequence[PaymentKey], now_ms: int) -> None:
        paid = {_payment_of(row): tuple(row.values()) for row in _PAYMENTS.rows(self._connection, keys)}
        rows = [
            row
            for row in _REPORTS.rows(self._connection, keys)
            if row["reported_at"] <= now_ms and _payment_of(row) in paid
        ]
        if not rows:
            return
        rows.sort(key=lambda row: row["seq"])
        matched = match_reports(
            _table(_PAYMENT_COLUMNS, list(paid.values())),
            _table(_LABEL_COLUMNS, [tuple(row[name] for name in _LABEL_COLUMNS.names) for row in rows]),
            self._rules,
        )
        deciding = [rows[index] for index in matched.labels[deciding_reports(matched.reports)].tolist()]
        self._keep(rows, deciding)

    def _keep(self, due: Sequence[RowMapping], deciding: Sequence[RowMapping]) -> None:
        """Delete the due reports that do not decide; a fraud keeps the kind that another report named."""
        kept = {row["seq"] for row in deciding}
        deleted = [{"report": row["seq"]} for row in due if row["seq"] not in kept]
        if deleted:
            self._connection.execute(_DELETE, deleted)
        named = {_payment_of(row): row["fraud_type"] for row in due if row["fraud_type"] is not None}
        decided = [{"report": row["seq"], "named_type": _fraud_type(row, named)} for row in deciding]
        if decided:
            self._connection.execute(_DECIDE, decided)


def _payment_of(row: RowMapping) -> PaymentKey:
    return PaymentKey(row["transaction_id"], row["card_id"])


def _fraud_type(row: RowMapping, named: Mapping[PaymentKey, str]) -> str | None:
    return (row["fraud_type"] or named.get(_payment_of(row))) if row["is_fraud"] else None


def _row(one: Label, fraud_types: Mapping[PaymentKey, str]) -> tuple[object, ...]:
    fraud_type = fraud_types.get(key_of(one)) if one.is_fraud else None
    return (
        one.transaction_id, one.card_id, int(one.is_fraud), one.reported_at, one.source, fraud_type, 0
    )  # fmt: skip


def _table(schema: pa.Schema, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column).cast(kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
