"""Reviews of alerts: stored first, with a line in the audit, then sent until Kafka has their label."""

import logging
import threading
import time
from dataclasses import asdict, dataclass
from typing import Literal

import msgspec
from confluent_kafka import Producer
from sqlalchemy import RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from fraud.kafka.clients import producer_config
from fraud.schema import Label
from fraud.settings import Settings
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.clock import now_ms
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


class ReviewService:
    """Stores reviews and sends those that are labels; `unsure` is stored only.

    A review whose label Kafka does not confirm stays pending and is sent again, also after a restart. A label
    sent twice is the same label.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
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

    def add(self, review: Review) -> bool:
        """Store a review; returns whether its label is on the topic (or none is due) by now.

        Raises:
            RepeatedReviewError: a review of this id is stored already.
        """
        pending = review.outcome != "unsure"
        with self._store.write_transaction() as connection:
            try:
                connection.execute(insert(reviews), asdict(review) | {"pending": int(pending)})
            except IntegrityError:
                raise RepeatedReviewError from None
            detail = self._audit_detail(review)
            add_audit_entry(connection, review.analyst, "review", review.transaction_id, detail)
        return self._wait_for(review.id) if pending else True

    def _audit_detail(self, review: Review) -> dict[str, str]:
        card_ref = self._store.card_ref(review.card_id)
        return {"outcome": review.outcome, "note": review.note, "id": review.id, "card_ref": card_ref}

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
        producer = self._producer()
        while not self._stop.is_set():
            self._wake.wait(_RETRY_S)
            self._wake.clear()
            try:
                self._send_pending(producer)
            except Exception:
                log.exception("reviews could not be sent; trying again")
                producer = self._producer()

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
