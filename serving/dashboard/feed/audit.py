"""The audit: who did what and when; its table cannot be changed or emptied."""

import sqlite3
from collections.abc import Mapping

import msgspec

from serving.dashboard.feed.clock import now_ms


def add_audit_entry(
    connection: sqlite3.Connection, who: str, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Add a line to the audit, within the caller's transaction."""
    connection.execute(
        "INSERT INTO audit (at, who, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (now_ms(), who, action, subject, msgspec.json.encode(detail).decode()),
    )
