"""The dashboard's store: a bounded history in SQLite or PostgreSQL, which a restart continues.

Offsets are written in the same transaction as what was read from them, so that a restart continues exactly
where the history ends. Readers and writers wait for each other no longer than for a short transaction.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from fraud.errors import DataError
from serving.dashboard.database.engines import open_engines
from serving.dashboard.database.former_versions import bring_to_version_7
from serving.dashboard.database.migrations import OtherVersionError, bring_up_to_date, read_secret
from serving.dashboard.feed.payment_key import card_ref


class Store:
    """The database and its connections, which threads take from pools.

    Args:
        database: the file, made if it is missing, or the URL of a PostgreSQL database.
        labels_topic: read again from its start when the stored labels are of an older version.

    Raises:
        DataError: it is another version's or no database.
    """

    def __init__(self, database: Path | URL, labels_topic: str = "fraud_labels") -> None:
        self._name = str(database)  # without the password
        self._engines = open_engines(database)
        try:
            if isinstance(database, Path):
                database.parent.mkdir(parents=True, exist_ok=True)
                bring_to_version_7(database, labels_topic)
            with self._engines.writer.begin() as connection:
                bring_up_to_date(connection)
                self._secret = read_secret(connection)
        except (sqlite3.DatabaseError, DBAPIError) as error:
            self.close()
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise DataError(f"{self._name} cannot be used ({reason}); move it away to start empty") from error
        except OtherVersionError:
            self.close()
            raise DataError(
                f"{self._name} is of another version of the dashboard; move it away to start empty"
            ) from None

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

    def card_ref(self, card_id: str) -> str:
        """The reference of a card outside the store; rows have it as `card_ref`."""
        return card_ref(self._secret, card_id)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engines.dispose()
