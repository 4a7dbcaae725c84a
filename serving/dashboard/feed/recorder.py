"""Writes a batch of messages as rows, with its offsets, in one transaction."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fraud.definitions.definitions import Definitions
from fraud.schema import Label, MerchantProfile, Prediction, is_shown, minor_digits
from fraud.settings import DashboardSettings, LabelSettings
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.label_table import LabelTable
from serving.dashboard.feed.payment_key import PaymentKey, key_of, select_keys
from serving.dashboard.feed.payment_rows import PaymentRows, encode_fields
from serving.dashboard.feed.shadow import score_bin
from serving.dashboard.feed.store import transaction
from serving.dashboard.feed.ticks import Ticks

_ROWS_PER_PRUNE = 5_000
"""Rows; a batch adds no more."""

_MOST_PER_MIB = {"alerts": 200, "labels": 500}
"""Rows for each MiB of the store; about a quarter and a tenth of it."""

_PAYMENT = """
INSERT INTO payments (transaction_id, card_id, merchant_id, amount, currency, timestamp, country, latitude,
    longitude, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (transaction_id, card_id) DO UPDATE SET merchant_id = excluded.merchant_id,
    country = excluded.country, latitude = excluded.latitude, longitude = excluded.longitude,
    fields = excluded.fields WHERE merchant_id IS NULL
"""
_SCORE = """
INSERT INTO payments (transaction_id, card_id, amount, currency, timestamp, score, flagged)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (transaction_id, card_id) DO UPDATE SET score = excluded.score, flagged = excluded.flagged
"""
_ALERT = """
INSERT INTO alerts (transaction_id, card_id, amount, currency, timestamp, score, threshold, model_name,
    model_version, feature_version, scored_at, profile_date, reasons, challenger_version,
    challenger_score, value, at_risk, definitions, fields, profile_moment, profiles, decision, is_sample,
    decided_by, rules, lists, policy, segment)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (transaction_id, card_id) DO NOTHING
"""
_FILL_ALERT = """
UPDATE alerts SET (merchant_id, country, latitude, longitude, fields) = (
    SELECT merchant_id, country, latitude, longitude, coalesce(payments.fields, alerts.fields) FROM payments
    WHERE payments.transaction_id = alerts.transaction_id AND payments.card_id = alerts.card_id)
WHERE transaction_id = ? AND card_id = ? AND merchant_id IS NULL
"""
_KNOWN_ALERTS = "SELECT transaction_id, card_id FROM alerts WHERE (transaction_id, card_id) IN (VALUES {})"
_MERCHANT = """
INSERT INTO merchants VALUES (?, ?, ?) ON CONFLICT (merchant_id) DO UPDATE SET date = excluded.date,
    profile = excluded.profile WHERE excluded.date >= date
"""
_REFUSED = """
INSERT INTO refused VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET messages = messages + excluded.messages
"""
_SHADOW = """
INSERT INTO shadow_scores VALUES (?, ?, ?, ?, 1, ?)
ON CONFLICT DO UPDATE SET scored = scored + 1, difference = difference + excluded.difference
"""


@dataclass
class Batch:
    """The messages of one poll, decoded.

    `transactions` are of the definitions' struct; `fraud_types` are the kinds of fraud that labels name;
    `refused` counts unreadable messages by topic; `next_offsets` are by topic and partition.
    """

    transactions: list[Any] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    fraud_types: dict[PaymentKey, str] = field(default_factory=dict)
    profiles: list[MerchantProfile] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)


class Recorder:
    """Writes batches; owns its connection and is used by one thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        cluster: str,
        settings: DashboardSettings,
        per_euro: Mapping[str, float],
        labels: LabelSettings,
        definitions: Definitions,
    ) -> None:
        self._connection = connection
        self._cluster = cluster
        self._most_bytes = settings.store_mib << 20
        self._per_euro, self._base = per_euro, definitions.money
        self._ticks = Ticks(connection)
        self._labels = LabelTable(connection, labels)
        self._payment_rows = PaymentRows(definitions)

    def offsets(self) -> dict[tuple[str, int], int]:
        """The next offsets, by topic and partition."""
        rows = self._connection.execute("SELECT * FROM offsets WHERE cluster = ?", (self._cluster,))
        return {(row["topic"], row["partition"]): row["next"] for row in rows}

    def write(self, batch: Batch) -> list[PaymentKey]:
        """Write a batch; returns the payments whose alert is new or has new details or another label."""
        try:
            with transaction(self._connection):
                changed = self._write_alerts(batch)
                labelled = self._write_labels(batch)
                self._connection.executemany(_MERCHANT, [_merchant_row(one) for one in batch.profiles])
                self._connection.executemany(_REFUSED, batch.refused.items())
                self._ticks.write()
                self._write_offsets(batch.next_offsets)
                self._prune()
        except BaseException:
            self._ticks.discard()
            self._labels.discard()
            raise
        return list(dict.fromkeys([*changed, *labelled]))

    def _write_labels(self, batch: Batch) -> list[PaymentKey]:
        arrived = {key_of(one) for one in batch.transactions} | {key_of(one) for one in batch.predictions}
        return self._labels.write(batch.labels, batch.fraud_types, arrived, now_ms())

    def _write_alerts(self, batch: Batch) -> list[PaymentKey]:
        execute = self._connection.executemany
        execute(_PAYMENT, [self._payment_rows.row(one) for one in batch.transactions])
        execute(_SCORE, [_score_row(one) for one in batch.predictions])
        fresh = self._fresh(batch.predictions)
        alerts = [one for one in fresh if is_shown(one)]
        execute(_ALERT, [_alert_row(one, self._comparable(one)) for one in alerts])
        execute(_SHADOW, [_shadow_row(one) for one in fresh if one.challenger_score is not None])
        for one in fresh:
            value = self._comparable(one) if one.decision != "approve" else None
            self._ticks.count(one.scored_at, one.scored_at - one.timestamp, one.score, value)
        waiting = self._waiting([key_of(one) for one in batch.transactions])
        changed = [*waiting, *(key_of(one) for one in alerts)]
        execute(_FILL_ALERT, changed)
        return list(dict.fromkeys(changed))

    def _fresh(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Without alerts that are stored already: delivery at least once may repeat them."""
        flagged = [key_of(one) for one in predictions if is_shown(one)]
        known = {PaymentKey(*row) for row in select_keys(self._connection, _KNOWN_ALERTS, flagged)}
        unique = {key_of(one): one for one in predictions if key_of(one) not in known}
        return list(unique.values())

    def _waiting(self, arrived: Sequence[PaymentKey]) -> list[PaymentKey]:
        """Alerts that arrived before their transaction."""
        query = f"{_KNOWN_ALERTS} AND merchant_id IS NULL"
        return sorted(PaymentKey(*row) for row in select_keys(self._connection, query, arrived))

    def _write_offsets(self, offsets: Mapping[tuple[str, int], int]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?)",
            [(self._cluster, topic, partition, after) for (topic, partition), after in offsets.items()],
        )

    def _prune(self) -> None:
        """Keep the file within its size: delete the oldest payments, then what exceeds a table's share."""
        if self._used_bytes() > self._most_bytes:
            self._delete_oldest("payments", _ROWS_PER_PRUNE)
        for table, per_mib in _MOST_PER_MIB.items():
            span = self._connection.execute(f"SELECT max(rowid) - min(rowid) FROM {table}").fetchone()[0] or 0  # noqa: S608
            excess = span - per_mib * (self._most_bytes >> 20)
            if excess > 0:
                self._delete_oldest(table, min(excess, _ROWS_PER_PRUNE))

    def _delete_oldest(self, table: str, rows: int) -> None:
        self._connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT ?)",  # noqa: S608
            (rows,),
        )

    def _comparable(self, one: Prediction) -> float:
        """The amount in the base currency, 0 without a rate; without a base, approximately in euros.

        It orders alerts of several currencies, and is what the page adds up.
        """
        if self._base is None:
            return _major(one.amount, one.currency) / self._per_euro.get(one.currency, 1.0)
        return _major(one.amount_base or 0, self._base.code)

    def _used_bytes(self) -> int:
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


def _score_row(one: Prediction) -> tuple[object, ...]:
    flagged = one.decision != "approve"
    return (
        one.transaction_id, one.card_id, one.amount, one.currency, one.timestamp, one.score, flagged
    )  # fmt: skip


def _alert_row(one: Prediction, comparable: float) -> tuple[object, ...]:
    return (
        one.transaction_id, one.card_id, one.amount, one.currency, one.timestamp, one.score, one.threshold,
        one.model_name, one.model_version, one.feature_version, one.scored_at, one.profile_date,
        msgspec.json.encode(one.reasons or []).decode(), one.challenger_version, one.challenger_score,
        _major(one.amount, one.currency), comparable * one.score, one.definitions,
        encode_fields(one.fields or {}), one.profile_moment, _json(one.profiles), one.decision, one.is_sample,
        one.decided_by, _json(one.rules), _json(one.lists), one.policy, one.segment,
    )  # fmt: skip


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _merchant_row(one: MerchantProfile) -> tuple[object, ...]:
    return (one.merchant_id, one.date, msgspec.json.encode(one.values).decode())


def _shadow_row(one: Prediction) -> tuple[object, ...]:
    challenger_score = one.challenger_score or 0.0
    return (
        one.model_version, one.challenger_version, one.score >= one.threshold, score_bin(challenger_score),
        abs(challenger_score - one.score),
    )  # fmt: skip


def _major(minor: int, currency: str) -> float:
    return float(minor / 10 ** minor_digits(currency))
