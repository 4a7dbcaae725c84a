"""Sends each review as an event until Kafka has it: due when its review can no longer be undone."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, select, update

from fraud.settings import Settings
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import ONE, reviews
from serving.dashboard.outbox.sender import LEASE_MS, MOST_AT_ONCE, OutboxSender, PendingMessage
from serving.dashboard.review_events.event import ReviewEvent

_AFTER_UNDO_MS = 1_000
"""An undo that started in time is finished by then."""


class ReviewEventSender(OutboxSender):
    """On a thread of its own: a label never waits for an event."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, settings.topics.reviews, "events of reviews", thread="review-events")
        self._store = store
        self._final_after_ms = round(settings.dashboard.undo.total_seconds() * 1_000) + _AFTER_UNDO_MS

    def lease(self) -> list[PendingMessage]:
        """The events that are due, oldest first, which no other replica sends at the same time."""
        now = now_ms()
        due = select(reviews.c.seq).where(self._due(now)).order_by(reviews.c.seq).limit(MOST_AT_ONCE)
        with self._store.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        locked = due.with_for_update(skip_locked=True)
        lease = update(reviews).where(reviews.c.seq.in_(locked)).values(event_leased_until=now + LEASE_MS)
        with self._store.write_transaction() as connection:
            rows = connection.execute(lease.returning(reviews)).mappings().all()
        return [_message(row) for row in sorted(rows, key=lambda row: int(row["seq"]))]

    def release(self, delivered: Sequence[int], failed: Sequence[int]) -> None:
        """Store which events Kafka has, and end the lease of the others."""
        release = update(reviews).where(reviews.c.seq == bindparam("leased")).values(event_leased_until=0)
        pending = [(seq, 0) for seq in delivered] + [(seq, 1) for seq in failed]
        values = [{"leased": seq, "event_pending": is_pending} for seq, is_pending in pending]
        with self._store.write_transaction() as connection:
            connection.execute(release, values)

    def _due(self, now: int) -> ColumnElement[bool]:
        return and_(
            reviews.c.event_pending == ONE,
            reviews.c.event_leased_until <= now,
            reviews.c.decided_at <= now - self._final_after_ms,
        )


def _message(row: RowMapping) -> PendingMessage:
    value = msgspec.json.encode(event_of(row))
    return PendingMessage(row["seq"], row["card_id"], value, row["decided_at"])


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
