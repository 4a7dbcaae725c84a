"""What the dashboard remembers: one SQLite file, bounded, in which a restart finds its history.

Offsets are kept in the same transaction as what was read, so that a restart goes on exactly where the
history ends. Readers and the two writers (the follower of Kafka and the analysts) do not wait for each other
for longer than a short transaction (write-ahead log).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraud.errors import DataError
from serving.dashboard.feed.payment_key import card_ref

_SCHEMA_VERSION = 3
_BUSY_MS = 10_000

_PAYMENTS_AND_ALERTS = """
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
_LABELS = """
CREATE TABLE labels (
    seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, card_id TEXT NOT NULL, is_fraud INTEGER NOT NULL,
    reported_at INTEGER NOT NULL, source TEXT NOT NULL, campaign TEXT, decides INTEGER NOT NULL
) STRICT;
CREATE INDEX labels_of_payment ON labels (transaction_id, card_id);
CREATE UNIQUE INDEX labels_deciding ON labels (transaction_id, card_id) WHERE decides;
CREATE INDEX labels_waiting ON labels (reported_at) WHERE NOT decides;
CREATE INDEX labels_of_campaign ON labels (campaign) WHERE campaign IS NOT NULL;
"""
"""Reports: of each payment the one that decides by now, and those that wait for payment or time."""
_REFUSED = "CREATE TABLE refused (topic TEXT PRIMARY KEY, messages INTEGER NOT NULL) STRICT;"
_VERDICTS_OF_PAYMENT = "CREATE INDEX verdicts_of_payment ON verdicts (transaction_id, card_id, seq);"
_SECRETS = """
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
INSERT INTO secrets VALUES ('card_ref', randomblob(32));
"""
_SCHEMA = f"""
{_PAYMENTS_AND_ALERTS}
{_LABELS}
{_REFUSED}
{_SECRETS}
CREATE TABLE merchants (merchant_id TEXT PRIMARY KEY, date TEXT NOT NULL, profile TEXT NOT NULL) STRICT;

CREATE TABLE ticks (
    begin INTEGER PRIMARY KEY, scored INTEGER NOT NULL, flagged INTEGER NOT NULL, late INTEGER NOT NULL,
    value REAL NOT NULL, scores BLOB NOT NULL, latencies BLOB NOT NULL
) STRICT;

CREATE TABLE shadow (
    model_version TEXT, challenger_version TEXT, scored INTEGER NOT NULL, both INTEGER NOT NULL,
    champion_only INTEGER NOT NULL, challenger_only INTEGER NOT NULL, difference REAL NOT NULL,
    PRIMARY KEY (model_version, challenger_version)
) STRICT;

CREATE TABLE offsets (
    cluster TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL,
    PRIMARY KEY (cluster, topic, partition)
) STRICT;

CREATE TABLE verdicts (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL, card_id TEXT NOT NULL,
    verdict TEXT NOT NULL, note TEXT NOT NULL, analyst TEXT NOT NULL, decided_at INTEGER NOT NULL,
    pending INTEGER NOT NULL
) STRICT;
{_VERDICTS_OF_PAYMENT}
CREATE INDEX verdicts_pending ON verdicts (pending) WHERE pending;

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
{_PAYMENTS_AND_ALERTS}
{_LABELS}
{_VERDICTS_OF_PAYMENT}
{_REFUSED}
{_SECRETS}
INSERT INTO payments SELECT * FROM payments_by_id;
INSERT INTO alerts SELECT * FROM alerts_by_id;
DROP TABLE payments_by_id;
DROP TABLE alerts_by_id;
DELETE FROM merchants WHERE date > date('now', '+1 day');
"""  # noqa: S608 - of our own names
"""The labels had no card: they are dropped, and read again from their topic, which keeps all of them."""

_STEPS = {0: _SCHEMA, 1: _FROM_VERSION_1 + _FROM_VERSION_2, 2: _FROM_VERSION_2}


class Store:
    """The file and its connections: one for each thread that reads, one for each kind of writer.

    Args:
        path: of the file, made if it is missing.
        labels_topic: read again from its start when the stored labels are of an older version.

    Raises:
        DataError: the file is another version's or no database.
    """

    def __init__(self, path: Path, labels_topic: str = "fraud_labels") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._labels_topic = labels_topic
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._desk_lock = threading.Lock()
        try:
            self._desk = self.connect()
            version = self._prepare()
            self._secret = self._read_secret() if version == _SCHEMA_VERSION else b""
        except sqlite3.DatabaseError as error:
            self.close()
            raise DataError(f"{self.path} cannot be used ({error}); move it away to start anew") from error
        if version != _SCHEMA_VERSION:
            self.close()
            raise DataError(f"{self.path} is of another version of the dashboard; move it away to start anew")

    def connect(self) -> sqlite3.Connection:
        """A connection of the caller's own, closed with the store."""
        connection = self._open()
        with self._lock:
            self._opened.append(connection)
        return connection

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's connection for queries."""
        if not hasattr(self._local, "own"):
            connection = self._open()
            connection.execute("PRAGMA query_only = ON")
            self._local.own = _Own(connection)
        own: _Own = self._local.own
        return own.connection

    def card_ref(self, card_id: str) -> str:
        """What stands for a card outside the store; in statements the function of the same name."""
        return card_ref(self._secret, card_id)

    @contextmanager
    def desk(self) -> Iterator[sqlite3.Connection]:
        """A transaction of what people do: verdicts, the audit, sessions; on disk when it is left."""
        with self._desk_lock, transaction(self._desk):
            yield self._desk

    def close(self) -> None:
        """Close the writers' connections; a reader's goes with its thread."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    def _prepare(self) -> int:
        """Make the tables of a new file, bring an older one up to date; returns the file's version."""
        self._desk.execute("PRAGMA journal_mode = WAL")
        self._desk.execute("PRAGMA journal_size_limit = 16777216")
        # A verdict must outlive a power cut; the follower's rows can be read from Kafka again.
        self._desk.execute("PRAGMA synchronous = FULL")
        version = int(self._desk.execute("PRAGMA user_version").fetchone()[0])
        if version in _STEPS:
            self._upgrade(_STEPS[version])
            return _SCHEMA_VERSION
        return version

    def _read_secret(self) -> bytes:
        return bytes(self._desk.execute("SELECT value FROM secrets WHERE name = 'card_ref'").fetchone()[0])

    def _upgrade(self, statements: str) -> None:
        try:
            self._desk.executescript(f"BEGIN IMMEDIATE;{statements}")
            self._desk.execute("DELETE FROM offsets WHERE topic = ?", (self._labels_topic,))
            self._desk.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        except BaseException:
            self._desk.rollback()
            raise
        self._desk.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        connection = _open(self.path)
        connection.create_function("card_ref", 1, self.card_ref, deterministic=True)
        return connection


class _Own:
    """A thread's connection, closed when the thread is gone: servers' worker threads come and go."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
