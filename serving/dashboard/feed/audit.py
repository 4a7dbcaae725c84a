"""The audit: who did what and when; its table cannot be changed or emptied."""

import uuid
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, insert

from fraud.cards.masking import mask_text
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.tables import audit, audit_outbox


def add_audit_entry(
    connection: Connection, who: str, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Add a line to the audit, and its event for other systems, within the caller's transaction.

    Card numbers are masked.
    """
    text = mask_text(msgspec.json.encode(detail).decode())
    values = {"who": mask_text(who), "action": action, "subject": mask_text(subject), "detail": text}
    line = insert(audit).values(at=now_ms(), **values)
    seq = connection.execute(line.returning(audit.c.seq)).scalar_one()
    connection.execute(insert(audit_outbox).values(seq=seq, id=str(uuid.uuid4())))
