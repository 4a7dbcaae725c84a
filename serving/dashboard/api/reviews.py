"""Reviews of alerts: stored first, with a line in the audit, then sent until Kafka has their label."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import msgspec
from confluent_kafka import Producer
from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from fraud.kafka.clients import producer_config
from fraud.schema import Label
from fraud.settings import Settings
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import ONE, reviews

log = logging.getLogger(__name__)

ReviewOutcome = Literal["fraud", "legitimate", "unsure"]
REVIEW_ID_HEADER = "verdict_id"
"""The header of a label that names its review; the name in topics."""

_RETRY_S = 5.0
_LEASE_MS = 30_000
"""Longer than a label waits for Kafka: after it another replica sends what this one could not."""
_DELIVERY_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Review:
    """What an analyst found out about an alert; the browser makes `id`, so that a repetition is noticed.

    `decided_at` is in ms.
    """

    id: str
    transaction_id: str
    card_id: str
    outcome: ReviewOutcome
    note: str
    analyst: str
    decided_at: int


class RepeatedReviewError(Exception):
    """A review of this id is stored already."""


class TooLateError(Exception):
    """A review can no longer be undone: its label is sent or being sent, or its time is over."""


class ReviewService:
    """Stores reviews and sends those that are labels; `unsure` is stored only.

    A label is held back while its review can be undone: it is leased to nobody until then, so that a sender
    and an undo cannot both have the review. A restart within that time sends it afterwards.
    A review whose label Kafka does not confirm stays pending and is sent again, also after a restart. A label
    sent twice is the same label.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self.undo_ms = round(settings.dashboard.undo.total_seconds() * 1_000)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._delivered = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="reviews", daemon=True)

    def start(self) -> None:
        """Start to send, first what is pending from before."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is pending waits for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)  # it may wait for a silent Kafka

    def add(
        self, added: Sequence[Review], check: Callable[[Connection], None] = lambda connection: None
    ) -> bool:
        """Store reviews, all or none; returns whether their labels are on the topic (or none is due) by now.

        Args:
            added: of one decision.
            check: raises to refuse them, within the transaction that stores them.

        Raises:
            RepeatedReviewError: a review of one of the ids is stored already.
        """
        with self._store.write_transaction() as connection:
            check(connection)
            for review in added:
                self._insert(connection, review)
        due = [review.id for review in added if review.outcome != "unsure"]
        self._wake.set()
        return not due or (self.undo_ms == 0 and self._wait_for(due[-1]))

    def _insert(self, connection: Connection, review: Review) -> None:
        row = asdict(review) | {
            "pending": int(review.outcome != "unsure"), "leased_until": review.decided_at + self.undo_ms
        }  # fmt: skip
        try:
            connection.execute(insert(reviews), row)
        except IntegrityError:
            raise RepeatedReviewError from None
        detail = self._audit_detail(row)
        add_audit_entry(connection, review.analyst, "review", review.transaction_id, detail)

    def undo(self, ids: Sequence[str], analyst: str) -> list[PaymentKey]:
        """Remove an analyst's reviews that can still be undone, all or none; the audit keeps them.

        Raises:
            TooLateError: one of them cannot be undone, or is another's.
        """
        held = reviews.c.leased_until == reviews.c.decided_at + self.undo_ms
        can_be_undone = (reviews.c.analyst == analyst) & held & (reviews.c.leased_until > now_ms())
        undone = delete(reviews).where(reviews.c.id.in_(ids), can_be_undone).returning(reviews)
        with self._store.write_transaction() as connection:
            rows = connection.execute(undone).mappings().all()
            if len(rows) < len(set(ids)):
                raise TooLateError
            for row in rows:
                detail = self._audit_detail(row)
                add_audit_entry(connection, analyst, "undo review", row["transaction_id"], detail)
        return [PaymentKey(row["transaction_id"], row["card_id"]) for row in rows]

    def _audit_detail(self, row: Mapping[Any, Any]) -> dict[str, str]:
        card_ref = self._store.card_ref(row["card_id"])
        return {name: row[name] for name in ("outcome", "note", "id")} | {"card_ref": card_ref}

    def _wait_for(self, identifier: str) -> bool:
        deadline = time.monotonic() + _DELIVERY_TIMEOUT_S
        self._wake.set()
        with self._delivered:
            while self._is_pending(identifier):
                if not self._delivered.wait(deadline - time.monotonic()):
                    return not self._is_pending(identifier)
        return True

    def _is_pending(self, identifier: str) -> bool:
        with self._store.reading() as connection:
            return bool(connection.scalar(select(reviews.c.pending).where(reviews.c.id == identifier)))

    def _run(self) -> None:
        producer, pause_s = self._producer(), 0.0
        while not self._stop.is_set():
            self._wake.wait(pause_s)
            self._wake.clear()
            try:
                self._send_pending(producer)
                pause_s = self._pause_s()
            except Exception:
                pause_s = _RETRY_S
                log.exception("reviews could not be sent; trying again")
                producer = self._producer()

    def _pause_s(self) -> float:
        """Until the next label is due, if that is sooner than the next try."""
        now = now_ms()
        held = (reviews.c.pending == ONE, reviews.c.leased_until > now)
        with self._store.reading() as connection:
            due = connection.scalar(select(func.min(reviews.c.leased_until)).where(*held))
        return _RETRY_S if due is None else min(_RETRY_S, (due - now) / 1_000)

    def _producer(self) -> Producer:
        extra = {"log_level": 2, "linger.ms": 0, "message.timeout.ms": 10_000}
        return Producer(producer_config(self._settings, **extra))

    def _send_pending(self, producer: Producer) -> None:
        rows, arrived = self._lease(), list[str]()
        for row in rows:
            self._enqueue(producer, row, arrived)
        while len(producer) and not self._stop.is_set():
            producer.flush(0.5)  # until each is delivered or has timed out
        if rows:
            self._release(rows, arrived)
        with self._delivered:
            self._delivered.notify_all()

    def _lease(self) -> list[RowMapping]:
        """The pending reviews, oldest first, which no other replica sends at the same time."""
        now = now_ms()
        free = select(reviews.c.seq).where(reviews.c.pending == ONE, reviews.c.leased_until <= now)
        locked = free.with_for_update(skip_locked=True)
        lease = update(reviews).where(reviews.c.seq.in_(locked)).values(leased_until=now + _LEASE_MS)
        with self._store.reading() as connection:
            if connection.execute(free).first() is None:
                return []
        with self._store.write_transaction() as connection:
            rows = connection.execute(lease.returning(reviews)).mappings().all()
        return sorted(rows, key=lambda row: int(row["seq"]))

    def _release(self, rows: list[RowMapping], arrived: list[str]) -> None:
        release = update(reviews).where(reviews.c.seq == bindparam("leased"))
        values = [{"leased": row["seq"], "pending": int(row["id"] not in arrived)} for row in rows]
        with self._store.write_transaction() as connection:
            connection.execute(release.values(leased_until=0), values)

    def _enqueue(self, producer: Producer, row: RowMapping, arrived: list[str]) -> None:
        """Hand a label to the producer; its review's id is in `arrived` once Kafka has it."""
        producer.produce(
            self._settings.topics.labels,
            msgspec.json.encode(_label(row)),
            row["card_id"],
            timestamp=row["decided_at"],
            headers={"analyst": row["analyst"], REVIEW_ID_HEADER: row["id"]},
            on_delivery=lambda error, _: None if error else arrived.append(row["id"]),
        )


def _label(row: RowMapping) -> Label:
    return Label(
        transaction_id=row["transaction_id"],
        card_id=row["card_id"],
        is_fraud=row["outcome"] == "fraud",
        reported_at=row["decided_at"],
        source="analyst",
    )
