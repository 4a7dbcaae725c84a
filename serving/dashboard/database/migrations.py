"""Brings a database to the tables of this version: what is missing is created, one way for both databases."""

import logging
import secrets as random
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, Index, Table, inspect, select, text
from sqlalchemy.schema import CreateColumn

from serving.dashboard.database import audit_triggers
from serving.dashboard.database.known_ids import fill_known_ids
from serving.dashboard.database.row_steps import change_all_rows, with_large_cache
from serving.dashboard.feed.payment_key import card_ref
from serving.dashboard.feed.tables import alerts, metadata, payments, secrets

log = logging.getLogger(__name__)
SCHEMA_VERSION = 8
_LOCK = 7_204_117
"""Two replicas that start at once must not both create the tables."""
_SECRET = "card_ref"  # noqa: S105 - its name
_MOST_CARDS = 200_000
"""References that a step remembers."""

audit_triggers.register()


class OtherVersionError(Exception):
    """The database is of a later version of the dashboard."""


def bring_up_to_date(connection: Connection) -> None:
    """Create what is missing, within the caller's transaction.

    Raises:
        OtherVersionError: the database is of a later version.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    version = _read_version(connection)
    if version > SCHEMA_VERSION:
        raise OtherVersionError(f"version {version}; this one knows {SCHEMA_VERSION}")
    with with_large_cache(connection):
        _create_tables(connection)
        _create_secret(connection)
        if version in _DATA_STEPS:
            log.info("bringing the stored history from version %d to %d", version, SCHEMA_VERSION)
            _DATA_STEPS[version](connection)
        # After the rows have changed: an index of finished rows is sorted once.
        _create_indexes(connection)
        fill_known_ids(connection)
    if version != SCHEMA_VERSION:
        _write_version(connection)


def read_secret(connection: Connection) -> bytes:
    """The key of `card_ref`."""
    return bytes(connection.execute(select(secrets.c.value).where(secrets.c.name == _SECRET)).scalar_one())


def _create_tables(connection: Connection) -> None:
    """Create the tables and columns that are missing."""
    inspector = inspect(connection)
    existing = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name in existing:
            _add_columns(connection, table, {one["name"] for one in inspector.get_columns(table.name)})
        else:
            table.create(connection)


def _create_indexes(connection: Connection) -> None:
    """Create the indexes that are missing."""
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        existing = {one["name"] for one in inspector.get_indexes(table.name)}
        for index in _sorted(table.indexes):
            if index.name not in existing:
                log.info("making the index %s of the stored history", index.name)
                index.create(connection)


def _add_columns(connection: Connection, table: Table, existing: set[str]) -> None:
    for column in table.columns:
        if column.name not in existing:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


def _sorted(indexes: set[Index]) -> list[Index]:
    return sorted(indexes, key=lambda index: str(index.name))


def _create_secret(connection: Connection) -> None:
    known = connection.execute(select(secrets.c.name).where(secrets.c.name == _SECRET)).first()
    if known is None:
        connection.execute(secrets.insert().values(name=_SECRET, value=random.token_bytes(32)))


def _read_version(connection: Connection) -> int:
    """0: nothing is there yet."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    return int(connection.exec_driver_sql("SELECT max(version) FROM schema_version").scalar() or 0)


def _write_version(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    else:
        connection.execute(text("INSERT INTO schema_version VALUES (:version)"), {"version": SCHEMA_VERSION})


def _add_card_refs(connection: Connection) -> None:
    """Version 7 (SQLite) computed the references in statements, and had other partial indexes."""
    for index in ("payments_of_card", "labels_deciding", "labels_waiting", "reviews_pending"):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {index}")
    reference = lru_cache(_MOST_CARDS)(partial(card_ref, read_secret(connection)))
    _driver_connection(connection).create_function("ref_of", 1, reference, deterministic=True)
    for table in (payments, alerts):
        change_all_rows(connection, table, "card_ref = ref_of(card_id)")


def _driver_connection(connection: Connection) -> Any:
    return connection.connection.driver_connection


_DATA_STEPS: dict[int, Callable[[Connection], None]] = {7: _add_card_refs}
"""What to do with the rows of a version, once the columns of today are there."""
