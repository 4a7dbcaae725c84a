"""Sends each line of the audit as an event until Kafka has it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import RowMapping, delete, select, update

from fraud.settings import Settings
from serving.dashboard.audit_events.event import AuditEvent
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import audit, audit_outbox
from serving.dashboard.outbox.sender import LEASE_MS, MOST_AT_ONCE, OutboxSender, PendingMessage


class AuditEventSender(OutboxSender):
    """On a thread of its own: nobody who does something waits for the event of it."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, settings.topics.audit, "events of the audit", thread="audit-events")
        self._store = store

    def lease(self) -> list[PendingMessage]:
        """Lines that are not on the topic, oldest first, which no other replica sends at the same time."""
        now, seq = now_ms(), audit_outbox.c.seq
        due = select(seq).where(audit_outbox.c.leased_until <= now).order_by(seq).limit(MOST_AT_ONCE)
        with self._store.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        locked = due.with_for_update(skip_locked=True)
        lease = update(audit_outbox).where(seq.in_(locked)).values(leased_until=now + LEASE_MS)
        with self._store.write_transaction() as connection:
            leased = {row.seq: row.id for row in connection.execute(lease.returning(seq, audit_outbox.c.id))}
            wanted = select(audit).where(audit.c.seq.in_(leased)).order_by(audit.c.seq)
            rows = connection.execute(wanted).mappings().all()
        return [_message(row, leased[row["seq"]]) for row in rows]

    def release(self, delivered: Sequence[int], failed: Sequence[int]) -> None:
        """Forget the lines that Kafka has, and end the lease of the others."""
        again = update(audit_outbox).where(audit_outbox.c.seq.in_(failed)).values(leased_until=0)
        with self._store.write_transaction() as connection:
            connection.execute(delete(audit_outbox).where(audit_outbox.c.seq.in_(delivered)))
            connection.execute(again)


def _message(row: RowMapping, identifier: str) -> PendingMessage:
    event = AuditEvent(
        id=identifier,
        number=row["seq"],
        at=row["at"],
        who=row["who"],
        action=row["action"],
        subject=row["subject"],
        detail=msgspec.json.decode(row["detail"]),
    )
    return PendingMessage(row["seq"], row["who"], msgspec.json.encode(event), row["at"])
