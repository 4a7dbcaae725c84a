"""The dashboard's store: one bounded SQLite file, which a restart continues.

Offsets are written in the same transaction as what was read from them, so that a restart continues exactly
where the history ends. Readers and the two writers (the follower of Kafka, and the routes) wait for each
other no longer than for a short transaction (write-ahead log).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraud.errors import DataError
from serving.dashboard.feed.payment_key import card_ref
from serving.dashboard.feed.schema import FIRST_VERSION_WITH_CARDS, SCHEMA_VERSION, STEPS

_BUSY_MS = 10_000


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
        self._writer_lock = threading.Lock()
        try:
            self._writer = self.connect()
            version = self._prepare()
            self._secret = self._read_secret() if version == SCHEMA_VERSION else b""
        except sqlite3.DatabaseError as error:
            self.close()
            raise DataError(f"{self.path} cannot be used ({error}); move it away to start empty") from error
        if version != SCHEMA_VERSION:
            self.close()
            raise DataError(
                f"{self.path} is of another version of the dashboard; move it away to start empty"
            )

    def connect(self) -> sqlite3.Connection:
        """A new connection for the caller, closed with the store."""
        connection = self._open()
        with self._lock:
            self._opened.append(connection)
        return connection

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's connection for queries."""
        if not hasattr(self._local, "reader"):
            connection = self._open()
            connection.execute("PRAGMA query_only = ON")
            self._local.reader = _ReaderConnection(connection)
        reader: _ReaderConnection = self._local.reader
        return reader.connection

    def card_ref(self, card_id: str) -> str:
        """The reference of a card outside the store; a function of the same name in statements."""
        return card_ref(self._secret, card_id)

    @contextmanager
    def write_transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction of a route: reviews, the audit, sessions; on disk when it is left."""
        with self._writer_lock, transaction(self._writer):
            yield self._writer

    def close(self) -> None:
        """Close the writers' connections; a reader's is closed when its thread ends."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    def _prepare(self) -> int:
        """Make the tables of a new file, bring an older one up to date; returns the file's version."""
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA journal_size_limit = 16777216")
        # A review must survive a power failure; the follower's rows can be read from Kafka again.
        self._writer.execute("PRAGMA synchronous = FULL")
        version = int(self._writer.execute("PRAGMA user_version").fetchone()[0])
        if version in STEPS:
            self._upgrade(version)
            return SCHEMA_VERSION
        return version

    def _read_secret(self) -> bytes:
        return bytes(self._writer.execute("SELECT value FROM secrets WHERE name = 'card_ref'").fetchone()[0])

    def _upgrade(self, version: int) -> None:
        try:
            self._writer.executescript(f"BEGIN IMMEDIATE;{STEPS[version]}")
            if version < FIRST_VERSION_WITH_CARDS:
                self._writer.execute("DELETE FROM offsets WHERE topic = ?", (self._labels_topic,))
            self._writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except BaseException:
            self._writer.rollback()
            raise
        self._writer.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        connection = _open(self.path)
        connection.create_function("card_ref", 1, self.card_ref, deterministic=True)
        return connection


class _ReaderConnection:
    """The connection of a worker thread, closed when the thread ends."""

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
