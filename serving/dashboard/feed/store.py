"""The dashboard's store: a bounded history in SQLite or PostgreSQL, which a restart continues.

Offsets are written in the same transaction as what was read from them, so that a restart continues exactly
where the history ends. Readers and writers wait for each other no longer than for a short transaction.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from fraud.errors import DataError, FraudError, UnreachableError
from fraud.machine.private_files import make_private_file, make_private_folder
from serving.dashboard.database.engines import open_engines
from serving.dashboard.database.former_versions import bring_to_version_7
from serving.dashboard.database.migrations import OtherVersionError, bring_up_to_date, read_secret
from serving.dashboard.database.urls import describe
from serving.dashboard.feed.payment_key import card_ref


class Store:
    """The database and its connections, which threads take from pools.

    Args:
        database: the file, made if it is missing, or the URL of a PostgreSQL database.
        labels_topic: read again from its start when the stored labels are of an older version.

    Attributes:
        is_shared: other dashboards may use the database at the same time.

    Raises:
        DataError: it is another version's or no database.
        UnreachableError: the server does not let the dashboard in.
    """

    def __init__(self, database: Path | URL, labels_topic: str = "fraud_labels") -> None:
        self._name = describe(database)
        self.is_shared = isinstance(database, URL)
        self._engines = open_engines(database)
        try:
            if isinstance(database, Path):
                make_private_folder(database.parent)
                make_private_file(database)  # SQLite gives its log the same mode
                bring_to_version_7(database, labels_topic)
            with self._engines.writer.begin() as connection:
                bring_up_to_date(connection)
                self._secret = read_secret(connection)
        except (sqlite3.DatabaseError, DBAPIError, OtherVersionError) as error:
            self.close()
            raise self._opening_error(error) from error

    def connect(self) -> Connection:
        """A new connection for the follower, which closes it."""
        return self._engines.recorder.connect()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: all of its queries see the same moment."""
        with self._engines.readers.connect() as connection:
            yield connection

    @contextmanager
    def write_transaction(self) -> Iterator[Connection]:
        """A transaction of a route: reviews, the audit, sessions; on disk when it is left."""
        with self._engines.writer.begin() as connection:
            yield connection

    def vacuum(self) -> bool:
        """Give the space of removed rows back, overwritten; returns whether nothing of them is left in files.

        On PostgreSQL the server reuses the space, and decides when.
        """
        return self._engines.vacuum()

    def card_ref(self, card_id: str) -> str:
        """The reference of a card outside the store; rows have it as `card_ref`."""
        return card_ref(self._secret, card_id)

    def close(self) -> None:
        """Close all connections; those that a thread still uses, when it gives them back."""
        self._engines.dispose()

    def _opening_error(self, error: Exception) -> FraudError:
        if isinstance(error, OtherVersionError):
            advice = "run that one" if self.is_shared else "run that one, or move it away to start empty"
            return DataError(f"{self._name} is of another version of the dashboard ({error}); {advice}")
        reason = _first_line(error.orig if isinstance(error, DBAPIError) else error)
        if not self.is_shared:
            return DataError(f"{self._name} cannot be used ({reason}); move it away to start empty")
        if isinstance(error, OperationalError):
            return UnreachableError(
                f"{self._name} does not let the dashboard in ({reason}); check FRAUD_DASHBOARD__DATABASE_URL"
            )
        return DataError(
            f"{self._name} cannot be used ({reason}); the user must be allowed to create tables in its schema"
        )


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].removeprefix("connection failed: ").strip()
