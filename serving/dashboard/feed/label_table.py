"""The table of labels: which report is the label of its payment by now, decided by `fraud.labels`."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from fraud.labels.joining import match_reports
from fraud.labels.precedence import deciding_reports
from fraud.schema import Label
from fraud.settings import LabelSettings
from serving.dashboard.feed.payment_key import PaymentKey, key_of, select_keys

_REPORT = """
INSERT INTO labels (transaction_id, card_id, is_fraud, reported_at, source, fraud_type, decides)
VALUES (?, ?, ?, ?, ?, ?, 0)
"""
_IN_KEYS = "(transaction_id, card_id) IN (VALUES {})"
_ANY_WAITING = "SELECT EXISTS (SELECT 1 FROM labels WHERE NOT decides)"
_WAITING = f"SELECT DISTINCT transaction_id, card_id FROM labels WHERE NOT decides AND {_IN_KEYS}"  # noqa: S608
_REPORTS_DUE = """
SELECT DISTINCT transaction_id, card_id FROM labels
WHERE NOT decides AND reported_at > ? AND reported_at <= ? AND (
    EXISTS (SELECT 1 FROM payments AS one
        WHERE one.transaction_id = labels.transaction_id AND one.card_id = labels.card_id)
    OR EXISTS (SELECT 1 FROM alerts AS one
        WHERE one.transaction_id = labels.transaction_id AND one.card_id = labels.card_id))
"""
_PAYMENTS = f"""
SELECT transaction_id, card_id, timestamp FROM alerts WHERE {_IN_KEYS}
UNION ALL SELECT transaction_id, card_id, timestamp FROM payments WHERE {_IN_KEYS}
"""  # noqa: S608
_REPORTS = f"SELECT * FROM labels WHERE {_IN_KEYS}"  # noqa: S608
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

    def __init__(self, connection: sqlite3.Connection, rules: LabelSettings) -> None:
        self._connection = connection
        self._rules = rules
        self._decided_until = -1

    def write(
        self,
        labels: Sequence[Label],
        fraud_types: Mapping[PaymentKey, str],
        arrived: Collection[PaymentKey],
        now_ms: int,
    ) -> list[PaymentKey]:
        """Add reports and decide what they change.

        Args:
            labels: the reports, in the order of arrival.
            fraud_types: the kinds of fraud that they name.
            arrived: payments that are new in the store.
            now_ms: the current time; a report with a later time is not due.

        Returns:
            The payments whose label may have changed.
        """
        self._connection.executemany(_REPORT, [_row(one, fraud_types) for one in labels])
        due = self._connection.execute(_REPORTS_DUE, (self._decided_until, now_ms))
        keys = {key_of(one) for one in labels} | {PaymentKey(*row) for row in due}
        if self._connection.execute(_ANY_WAITING).fetchone()[0]:
            keys |= {PaymentKey(*row) for row in select_keys(self._connection, _WAITING, arrived)}
        self._decide(sorted(keys), now_ms)
        self._decided_until = now_ms
        return sorted(keys)

    def discard(self) -> None:
        """Discard what a failed transaction decided; it is decided again."""
        self._decided_until = -1

    def _decide(self, keys: Sequence[PaymentKey], now_ms: int) -> None:
        payments = {_payment_of(row): tuple(row) for row in select_keys(self._connection, _PAYMENTS, keys)}
        rows = [
            row
            for row in select_keys(self._connection, _REPORTS, keys)
            if row["reported_at"] <= now_ms and _payment_of(row) in payments
        ]
        if not rows:
            return
        rows.sort(key=lambda row: row["seq"])
        matched = match_reports(
            _table(_PAYMENT_COLUMNS, list(payments.values())),
            _table(_LABEL_COLUMNS, [tuple(row[name] for name in _LABEL_COLUMNS.names) for row in rows]),
            self._rules,
        )
        deciding = [rows[index] for index in matched.labels[deciding_reports(matched.reports)].tolist()]
        self._keep(rows, deciding)

    def _keep(self, due: Sequence[sqlite3.Row], deciding: Sequence[sqlite3.Row]) -> None:
        """Delete the due reports that do not decide; a fraud keeps the kind that another report named."""
        kept = {row["seq"] for row in deciding}
        deleted = [(row["seq"],) for row in due if row["seq"] not in kept]
        self._connection.executemany("DELETE FROM labels WHERE seq = ?", deleted)
        named = {_payment_of(row): row["fraud_type"] for row in due if row["fraud_type"] is not None}
        self._connection.executemany(
            "UPDATE labels SET decides = 1, fraud_type = ? WHERE seq = ?",
            [(_fraud_type(row, named), row["seq"]) for row in deciding],
        )


def _payment_of(row: sqlite3.Row) -> PaymentKey:
    return PaymentKey(row["transaction_id"], row["card_id"])


def _fraud_type(row: sqlite3.Row, named: Mapping[PaymentKey, str]) -> str | None:
    return (row["fraud_type"] or named.get(_payment_of(row))) if row["is_fraud"] else None


def _row(one: Label, fraud_types: Mapping[PaymentKey, str]) -> tuple[object, ...]:
    fraud_type = fraud_types.get(key_of(one)) if one.is_fraud else None
    return (one.transaction_id, one.card_id, one.is_fraud, one.reported_at, one.source, fraud_type)


def _table(schema: pa.Schema, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column).cast(kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
