"""Writes a batch of messages as rows, with its offsets, in one transaction."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from fraud.privacy.forgotten import ForgottenCards
from fraud.schema import Label, MerchantProfile, Prediction, is_shown, minor_digits
from fraud.settings import Settings
from serving.dashboard.database.known_ids import KnownIds
from serving.dashboard.database.pruning import Pruning
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.label_table import LabelTable
from serving.dashboard.feed.payment_key import PaymentKey, key_of
from serving.dashboard.feed.payment_rows import PaymentRows, encode_fields
from serving.dashboard.feed.recorder_statements import (
    ANY_WAITING_ALERT,
    KNOWN_ALERTS,
    WAITING_ALERTS,
    RecorderStatements,
)
from serving.dashboard.feed.shadow import score_bin
from serving.dashboard.feed.tables import offsets
from serving.dashboard.feed.ticks import Ticks
from serving.dashboard.privacy.age_pruning import AgePruning
from serving.dashboard.privacy.forgotten_filter import remember_forgotten, without_forgotten

_MOST_REFS = 50_000
"""References of cards that are remembered: most payments are of a card that paid lately."""


@dataclass
class Batch:
    """The messages of one poll, decoded.

    `transactions` are of the definitions' struct; `fraud_types` are the kinds of fraud that labels name;
    `history` are transactions that were published long after their time; `refused` counts unreadable messages
    by topic; `next_offsets` are by topic and partition.
    """

    transactions: list[Any] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    fraud_types: dict[PaymentKey, str] = field(default_factory=dict)
    history: set[PaymentKey] = field(default_factory=set)
    profiles: list[MerchantProfile] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)


class Recorder:
    """Writes batches; owns its connection and is used by one thread."""

    def __init__(
        self,
        connection: Connection,
        cluster: str,
        settings: Settings,
        card_ref: Callable[[str], str],
    ) -> None:
        definitions = settings.loaded_definitions
        self._connection = connection
        self._cluster = cluster
        self._card_ref = lru_cache(_MOST_REFS)(card_ref)
        self._history_after = round(settings.dashboard.history_after.total_seconds() * 1_000)
        self._per_euro, self._base = settings.admission.per_euro, definitions.money
        self._statements = RecorderStatements(connection)
        self._ticks = Ticks(connection)
        self._labels = LabelTable(connection, settings.labels)
        self._known_ids = KnownIds(connection, card_ref)
        self._payment_rows = PaymentRows(definitions)
        self._pruning = Pruning(connection, settings.dashboard.store_mib)
        self._age_pruning = AgePruning(connection, settings.retention)

    def offsets(self) -> dict[tuple[str, int], int]:
        """The next offsets, by topic and partition."""
        known = select(offsets.c.topic, offsets.c.partition, offsets.c.next)
        with self._connection.begin():
            rows = self._connection.execute(known.where(offsets.c.cluster == self._cluster))
            return {(topic, partition): after for topic, partition, after in rows}

    def remember_forgotten(self, cards: ForgottenCards) -> None:
        """Leave these cards out from now on, besides those that the store knows."""
        with self._connection.begin():
            remember_forgotten(self._connection, dict(cards.by_digest))

    def write(self, batch: Batch) -> list[PaymentKey]:
        """Write a batch; returns the payments whose alert is new or has new details or another label."""
        try:
            with self._connection.begin():
                batch = without_forgotten(self._connection, batch)
                paid = [key_of(one) for one in batch.transactions]
                scored = {key_of(one): one for one in batch.predictions}
                changed = self._write_alerts(batch, paid, scored)
                labelled = self._write_labels(batch, [*paid, *scored])
                self._write_rest(batch)
                self._ticks.write()
                self._add_ids(batch)
                if self._pruning.run() | self._age_pruning.run():
                    self._known_ids.discard()
        except BaseException:
            self._ticks.discard()
            self._labels.discard()
            self._known_ids.discard()
            raise
        return list(dict.fromkeys([*changed, *labelled]))

    def _write_labels(self, batch: Batch, arrived: list[PaymentKey]) -> list[PaymentKey]:
        return self._labels.write(batch.labels, batch.fraud_types, arrived, now_ms())

    def _write_alerts(
        self, batch: Batch, paid: Sequence[PaymentKey], scored: Mapping[PaymentKey, Prediction]
    ) -> list[PaymentKey]:
        connection, run = self._connection, self._statements
        run.payment.run(connection, [self._payment_row(one, batch) for one in batch.transactions])
        run.score.run(connection, [self._score_row(one) for one in batch.predictions])
        fresh = self._fresh(scored)
        alerts = [one for one in fresh if is_shown(one)]
        run.alert.run(connection, [self._alert_row(one) for one in alerts])
        run.shadow.run(connection, [_shadow_row(one) for one in fresh if one.challenger_score is not None])
        for one in fresh:
            value = self._comparable(one) if one.decision != "approve" else None
            self._ticks.count(one.scored_at, one.scored_at - one.timestamp, one.score, value)
        new = [key_of(one) for one in alerts]
        # Before the question whether any alert waits for its transaction: most of these have theirs.
        run.fill_alert.run(connection, new)
        waiting = self._waiting(paid)
        run.fill_alert.run(connection, waiting)
        return list(dict.fromkeys([*waiting, *new]))

    def _add_ids(self, batch: Batch) -> None:
        paid = [*batch.transactions, *batch.predictions]
        merchant_ids = (one.merchant_id for one in batch.transactions)
        self._known_ids.add((one.card_id for one in paid), merchant_ids)

    def _fresh(self, scored: Mapping[PaymentKey, Prediction]) -> list[Prediction]:
        """Without alerts that are stored already: delivery at least once may repeat them."""
        flagged = [key for key, one in scored.items() if is_shown(one)]
        known = {PaymentKey(**row) for row in KNOWN_ALERTS.rows(self._connection, flagged)}
        return [one for key, one in scored.items() if key not in known]

    def _waiting(self, arrived: Sequence[PaymentKey]) -> list[PaymentKey]:
        """Alerts that arrived before their transaction."""
        if not self._connection.scalar(ANY_WAITING_ALERT):
            return []
        return sorted(PaymentKey(**row) for row in WAITING_ALERTS.rows(self._connection, arrived))

    def _write_rest(self, batch: Batch) -> None:
        """Profiles, what was refused, and the offsets."""
        connection, run = self._connection, self._statements
        run.merchant.run(connection, [_merchant_row(one) for one in batch.profiles])
        run.refused.run(connection, [*batch.refused.items()])
        after = batch.next_offsets.items()
        run.offset.run(connection, [(self._cluster, *partition, offset) for partition, offset in after])

    def _payment_row(self, one: Any, batch: Batch) -> tuple[object, ...]:
        row = self._payment_rows.row(one)
        return (*row, self._card_ref(one.card_id), int(bool(batch.history) and key_of(one) in batch.history))

    def _score_row(self, one: Prediction) -> tuple[object, ...]:
        return (
            one.transaction_id, one.card_id, one.amount, one.currency, one.timestamp, one.score,
            int(one.decision != "approve"), self._card_ref(one.card_id),
        )  # fmt: skip

    def _alert_row(self, one: Prediction) -> tuple[object, ...]:
        """Of an alert; until its transaction says when it was published, one scored late is history."""
        is_history = one.scored_at - one.timestamp > self._history_after
        values = _alert_values(one, self._comparable(one))
        return (*values, self._card_ref(one.card_id), int(is_history))

    def _comparable(self, one: Prediction) -> float:
        """The amount in the base currency, 0 without a rate; without a base, approximately in euros.

        It orders alerts of several currencies, and is what the page adds up.
        """
        if self._base is None:
            return _major(one.amount, one.currency) / self._per_euro.get(one.currency, 1.0)
        return _major(one.amount_base or 0, self._base.code)


def _alert_values(one: Prediction, comparable: float) -> tuple[object, ...]:
    return (
        one.transaction_id, one.card_id, one.amount, one.currency, one.timestamp, one.score, one.threshold,
        one.model_name, one.model_version, one.feature_version, one.scored_at, one.profile_date,
        msgspec.json.encode(one.reasons or []).decode(), one.challenger_version, one.challenger_score,
        _major(one.amount, one.currency), comparable * one.score, encode_fields(one.fields or {}),
        one.definitions, one.profile_moment, _json(one.profiles), one.decision, int(one.is_sample),
        one.decided_by, _json(one.rules), _json(one.lists), one.policy, one.segment,
        _json(one.features), _json(one.contributions),
    )  # fmt: skip


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _merchant_row(one: MerchantProfile) -> tuple[object, ...]:
    return (one.merchant_id, one.date, msgspec.json.encode(one.values).decode())


def _shadow_row(one: Prediction) -> tuple[object, ...]:
    challenger_score = one.challenger_score or 0.0
    return (
        one.model_version, one.challenger_version, int(one.score >= one.threshold),
        score_bin(challenger_score), 1, abs(challenger_score - one.score),
    )  # fmt: skip


def _major(minor: int, currency: str) -> float:
    return float(minor / 10 ** minor_digits(currency))
