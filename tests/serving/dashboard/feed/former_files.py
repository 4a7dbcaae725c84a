"""Files of the store as earlier versions of the dashboard made them."""

import sqlite3
from pathlib import Path

from serving.dashboard.database.former_versions import (
    _DECISIONS,
    _FIELDS,
    _LABELS,
    _PROFILES,
    _REFUSED,
    _REVIEW_INDEXES,
    _SECRETS,
    _SHADOW_SCORES,
    PAYMENTS_AND_ALERTS_OF_VERSION_4,
)

_VERSION_7 = f"""
{PAYMENTS_AND_ALERTS_OF_VERSION_4}
{_LABELS}
{_REFUSED}
{_SECRETS}
{_SHADOW_SCORES}
{_FIELDS}
{_PROFILES}
{_DECISIONS}
CREATE TABLE merchants (merchant_id TEXT PRIMARY KEY, date TEXT NOT NULL, profile TEXT NOT NULL) STRICT;

CREATE TABLE ticks (
    begin INTEGER PRIMARY KEY, scored INTEGER NOT NULL, flagged INTEGER NOT NULL, late INTEGER NOT NULL,
    value REAL NOT NULL, scores BLOB NOT NULL, latencies BLOB NOT NULL
) STRICT;

CREATE TABLE offsets (
    cluster TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL,
    PRIMARY KEY (cluster, topic, partition)
) STRICT;

CREATE TABLE reviews (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL, card_id TEXT NOT NULL,
    outcome TEXT NOT NULL, note TEXT NOT NULL, analyst TEXT NOT NULL, decided_at INTEGER NOT NULL,
    pending INTEGER NOT NULL
) STRICT;
{_REVIEW_INDEXES}

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TABLE sessions (
    token TEXT PRIMARY KEY, user TEXT NOT NULL, stamp TEXT NOT NULL, csrf TEXT NOT NULL,
    expires_at INTEGER NOT NULL, role TEXT
) STRICT;
PRAGMA user_version = 7;
"""


def write_former_file(path: Path, changes: str = "") -> None:
    """A file of version 7, changed by statements: to what earlier versions were, and with rows."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(_VERSION_7 + changes)
    connection.close()
