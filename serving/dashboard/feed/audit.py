"""The audit: who did what and when; its table cannot be changed or emptied."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.tables import audit


def add_audit_entry(
    connection: Connection, who: str, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Add a line to the audit, within the caller's transaction."""
    text = msgspec.json.encode(detail).decode()
    connection.execute(
        audit.insert().values(at=now_ms(), who=who, action=action, subject=subject, detail=text)
    )
