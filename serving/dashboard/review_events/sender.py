"""Sends each review as an event until Kafka has it.

An event is due when its review can no longer be undone. It is pending in the store until Kafka confirms it,
after a restart too. Of several replicas one has it leased; what a replica could not send another one sends
after the lease, so that an event may be sent twice, with the same id.
"""

import logging
import threading
from typing import Any

import msgspec
from confluent_kafka import Producer
from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, select, update

from fraud.kafka.clients import producer_config
from fraud.kafka.errors import call_failed
from fraud.settings import Settings
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import ONE, reviews
from serving.dashboard.review_events.event import ReviewEvent

log = logging.getLogger(__name__)
_LOOK_S = 1.0
_RETRY_S = 15.0
_AFTER_UNDO_MS = 1_000
"""An undo that started in time is finished by then."""
_MOST_AT_ONCE = 500
_DELIVERY_TIMEOUT_MS = 10_000
_LEASE_MS = 30_000
"""Longer than an event waits for Kafka."""
_STOP_TIMEOUT_S = 5.0


class ReviewEventSender:
    """Sends on a thread of its own, which owns the producer: a label never waits for an event.

    Attributes:
        problem: why the last events that were due have not been sent; empty if they have.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._final_after_ms = round(settings.dashboard.undo.total_seconds() * 1_000) + _AFTER_UNDO_MS
        self.problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="review-events", daemon=True)

    def start(self) -> None:
        """Start to send, first what is pending from before."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is pending waits for the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)  # it may wait for a silent Kafka

    def _run(self) -> None:
        producer, pause_s = self._producer(), 0.0
        while not self._stop.wait(pause_s):
            try:
                pause_s = _LOOK_S if self._send_due(producer) else _RETRY_S
            except Exception:
                log.exception("events of reviews could not be sent; trying again")
                producer, pause_s = self._producer(), _RETRY_S

    def _producer(self) -> Producer:
        extra = {"log_level": 2, "linger.ms": 0, "message.timeout.ms": _DELIVERY_TIMEOUT_MS}
        return Producer(producer_config(self._settings, **extra))

    def _send_due(self, producer: Producer) -> bool:
        """Send what is due; returns whether Kafka has all of it."""
        rows, arrived, problems = self._lease(), set[str](), set[str]()
        for row in rows:
            self._enqueue(producer, row, arrived, problems)
        while len(producer) and not self._stop.is_set():
            producer.flush(0.5)  # until each is delivered or has timed out
        if rows:
            self._release(rows, arrived)
            self.problem = "; ".join(sorted(problems))
        if problems:
            log.warning("%d events of reviews wait: %s", len(rows) - len(arrived), self.problem)
        return len(arrived) == len(rows)

    def _due(self, now: int) -> ColumnElement[bool]:
        return and_(
            reviews.c.event_pending == ONE,
            reviews.c.event_leased_until <= now,
            reviews.c.decided_at <= now - self._final_after_ms,
        )

    def _lease(self) -> list[RowMapping]:
        """The events that are due, oldest first, which no other replica sends at the same time."""
        now = now_ms()
        due = select(reviews.c.seq).where(self._due(now)).order_by(reviews.c.seq).limit(_MOST_AT_ONCE)
        with self._store.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        locked = due.with_for_update(skip_locked=True)
        lease = update(reviews).where(reviews.c.seq.in_(locked)).values(event_leased_until=now + _LEASE_MS)
        with self._store.write_transaction() as connection:
            rows = connection.execute(lease.returning(reviews)).mappings().all()
        return sorted(rows, key=lambda row: int(row["seq"]))

    def _release(self, rows: list[RowMapping], arrived: set[str]) -> None:
        release = update(reviews).where(reviews.c.seq == bindparam("leased")).values(event_leased_until=0)
        values = [{"leased": row["seq"], "event_pending": int(row["id"] not in arrived)} for row in rows]
        with self._store.write_transaction() as connection:
            connection.execute(release, values)

    def _enqueue(self, producer: Producer, row: RowMapping, arrived: set[str], problems: set[str]) -> None:
        topic = self._settings.topics.reviews

        def on_delivery(error: Any, _: object) -> None:
            if error is None:
                arrived.add(row["id"])
            else:
                problems.add(str(call_failed(self._settings.kafka, error, f"writing to {topic}")))

        producer.produce(
            topic,
            msgspec.json.encode(event_of(row)),
            row["card_id"],
            timestamp=row["decided_at"],
            on_delivery=on_delivery,
        )


def event_of(row: RowMapping) -> ReviewEvent:
    """The event of a stored review."""
    return ReviewEvent(
        id=row["id"],
        transaction_id=row["transaction_id"],
        card_id=row["card_id"],
        outcome=row["outcome"],
        analyst=row["analyst"],
        at=row["decided_at"],
        source="dashboard",
        note=row["note"] or None,
    )
