"""The steps from the versions 1 to 6 of the dashboard's SQLite file to version 7.

From there `migrations` takes over, for both databases.
"""

import sqlite3
from pathlib import Path

_BUSY_S = 10

PAYMENTS_AND_ALERTS_OF_VERSION_4 = """
CREATE TABLE payments (
    seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, card_id TEXT NOT NULL, merchant_id TEXT,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, timestamp INTEGER NOT NULL, category TEXT, channel TEXT,
    country TEXT, latitude REAL, longitude REAL, score REAL, flagged INTEGER,
    UNIQUE (transaction_id, card_id)
) STRICT;
CREATE INDEX payments_of_card ON payments (card_id, timestamp);

CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, card_id TEXT NOT NULL, merchant_id TEXT,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, timestamp INTEGER NOT NULL, category TEXT, channel TEXT,
    country TEXT, latitude REAL, longitude REAL, score REAL NOT NULL, threshold REAL NOT NULL,
    model_name TEXT NOT NULL, model_version TEXT NOT NULL, feature_version INTEGER NOT NULL,
    scored_at INTEGER NOT NULL, profile_date TEXT, reasons TEXT NOT NULL, challenger_version TEXT,
    challenger_score REAL, value REAL NOT NULL, at_risk REAL NOT NULL,
    UNIQUE (transaction_id, card_id)
) STRICT;
CREATE INDEX alerts_by_risk ON alerts (at_risk);
CREATE INDEX alerts_of_merchant ON alerts (merchant_id);
CREATE INDEX alerts_of_country ON alerts (country);
"""
_FIELDS = """
ALTER TABLE payments ADD COLUMN fields TEXT;
ALTER TABLE alerts ADD COLUMN fields TEXT;
ALTER TABLE alerts ADD COLUMN definitions TEXT;
UPDATE payments SET fields = json_patch('{}', json_object('merchant_category', category, 'channel', channel,
    'country', country, 'latitude', latitude, 'longitude', longitude)) WHERE merchant_id IS NOT NULL;
UPDATE alerts SET fields = json_patch('{}', json_object('merchant_category', category, 'channel', channel,
    'country', country, 'latitude', latitude, 'longitude', longitude)) WHERE merchant_id IS NOT NULL;
ALTER TABLE payments DROP COLUMN category;
ALTER TABLE payments DROP COLUMN channel;
ALTER TABLE alerts DROP COLUMN category;
ALTER TABLE alerts DROP COLUMN channel;
"""
"""`fields` has the values of all fields but the core ones, as JSON, without absent ones. `country` and the
coordinates have columns, too, since pages filter by them and draw them."""
_PROFILES = """
ALTER TABLE alerts ADD COLUMN profile_moment INTEGER;
ALTER TABLE alerts ADD COLUMN profiles TEXT;
"""
"""`profiles` has the features of profiles of ids and categories by name, as JSON."""
_DECISIONS = """
ALTER TABLE alerts ADD COLUMN decision TEXT NOT NULL DEFAULT 'review';
ALTER TABLE alerts ADD COLUMN is_sample INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN decided_by TEXT;
ALTER TABLE alerts ADD COLUMN rules TEXT;
ALTER TABLE alerts ADD COLUMN lists TEXT;
ALTER TABLE alerts ADD COLUMN policy TEXT;
ALTER TABLE alerts ADD COLUMN segment TEXT;
CREATE INDEX alerts_by_decision ON alerts (decision);
"""
"""As in `Prediction`, whose names they have; `rules` and `lists` are JSON, NULL where there are none. Before,
every alert was a review."""
_LABELS = """
CREATE TABLE labels (
    seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, card_id TEXT NOT NULL, is_fraud INTEGER NOT NULL,
    reported_at INTEGER NOT NULL, source TEXT NOT NULL, fraud_type TEXT, decides INTEGER NOT NULL
) STRICT;
CREATE INDEX labels_of_payment ON labels (transaction_id, card_id);
CREATE UNIQUE INDEX labels_deciding ON labels (transaction_id, card_id) WHERE decides;
CREATE INDEX labels_waiting ON labels (reported_at) WHERE NOT decides;
CREATE INDEX labels_of_fraud_type ON labels (fraud_type) WHERE fraud_type IS NOT NULL;
"""
"""Reports: of each payment the one that decides by now, and those that wait for payment or time."""
_REFUSED = "CREATE TABLE refused (topic TEXT PRIMARY KEY, messages INTEGER NOT NULL) STRICT;"
_REVIEW_INDEXES = """
CREATE INDEX reviews_of_payment ON reviews (transaction_id, card_id, seq);
CREATE INDEX reviews_pending ON reviews (pending) WHERE pending;
"""
_SHADOW_SCORES = """
CREATE TABLE shadow_scores (
    model_version TEXT, challenger_version TEXT, flagged INTEGER, bin INTEGER, scored INTEGER NOT NULL,
    difference REAL NOT NULL, PRIMARY KEY (model_version, challenger_version, flagged, bin)
) STRICT, WITHOUT ROWID;
"""
"""`flagged` says whether the champion's score reaches its threshold, `bin` is that of the challenger's
score (`shadow.score_bin`)."""
_SECRETS = """
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
INSERT INTO secrets VALUES ('card_ref', randomblob(32));
"""
_FROM_VERSION_1 = """
ALTER TABLE labels ADD COLUMN campaign TEXT;
CREATE INDEX labels_of_campaign ON labels (campaign) WHERE campaign IS NOT NULL;
ALTER TABLE sessions ADD COLUMN role TEXT;
"""
_FROM_VERSION_2 = f"""
ALTER TABLE payments RENAME TO payments_by_id;
ALTER TABLE alerts RENAME TO alerts_by_id;
DROP INDEX payments_of_card;
DROP INDEX alerts_by_risk;
DROP INDEX alerts_of_merchant;
DROP INDEX alerts_of_country;
DROP TABLE labels;
DROP INDEX verdicts_of_transaction;
{PAYMENTS_AND_ALERTS_OF_VERSION_4}
{_LABELS}
{_REFUSED}
{_SECRETS}
INSERT INTO payments SELECT * FROM payments_by_id;
INSERT INTO alerts SELECT * FROM alerts_by_id;
DROP TABLE payments_by_id;
DROP TABLE alerts_by_id;
DELETE FROM merchants WHERE date > date('now', '+1 day');
"""  # noqa: S608 - of our own names
"""The labels had no card: they are dropped, and read again from their topic, which keeps all of them."""

_REVIEWS = f"""
DROP INDEX IF EXISTS verdicts_of_payment;
DROP INDEX verdicts_pending;
ALTER TABLE verdicts RENAME TO reviews;
ALTER TABLE reviews RENAME COLUMN verdict TO outcome;
{_REVIEW_INDEXES}
DROP TABLE shadow;
{_SHADOW_SCORES}
"""
"""What was counted in shadow is dropped: it held both models to the champion's threshold."""
_FROM_VERSION_3 = """
DROP INDEX labels_of_campaign;
ALTER TABLE labels RENAME COLUMN campaign TO fraud_type;
CREATE INDEX labels_of_fraud_type ON labels (fraud_type) WHERE fraud_type IS NOT NULL;
"""

_LAST_VERSION = 7
_STEPS = {
    1: _FROM_VERSION_1 + _FROM_VERSION_2 + _REVIEWS + _FIELDS + _PROFILES + _DECISIONS,
    2: _FROM_VERSION_2 + _REVIEWS + _FIELDS + _PROFILES + _DECISIONS,
    3: _FROM_VERSION_3 + _REVIEWS + _FIELDS + _PROFILES + _DECISIONS,
    4: _FIELDS + _PROFILES + _DECISIONS,
    5: _PROFILES + _DECISIONS,
    6: _DECISIONS,
}
"""The statements that bring a file of a version to version 7."""
_FIRST_VERSION_WITH_CARDS = 3
"""Older files have labels without a card, which are read again."""


def bring_to_version_7(path: Path, labels_topic: str) -> None:
    """Bring a file of an earlier version to version 7; a new file and one of another version stay.

    Args:
        path: of the file.
        labels_topic: read again from its start when the labels of the file have no card.

    Raises:
        sqlite3.DatabaseError: the file is none of SQLite's, or not as its version was; nothing changed.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version in _STEPS:
            _upgrade(connection, version, labels_topic)
    finally:
        connection.close()


def _upgrade(connection: sqlite3.Connection, version: int, labels_topic: str) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;{_STEPS[version]}")
        if version < _FIRST_VERSION_WITH_CARDS:
            connection.execute("DELETE FROM offsets WHERE topic = ?", (labels_topic,))
        connection.execute(f"PRAGMA user_version = {_LAST_VERSION}")
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")
