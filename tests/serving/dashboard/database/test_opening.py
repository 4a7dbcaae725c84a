"""What a PostgreSQL database says when it is opened: one sentence, without the password."""

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from fraud.errors import ConfigurationError, DataError, UnreachableError
from serving.dashboard.database.engines import open_engines
from serving.dashboard.database.migrations import SCHEMA_VERSION, bring_up_to_date
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.feed.writing import execute, value_of


def open_store(make_settings: SettingsFactory, url: str) -> Store:
    return Store(database_of(make_settings(dashboard={"database_url": url})))


def test_replicas_that_start_at_once_make_the_tables_once(
    make_settings: SettingsFactory, shared_database: str
) -> None:
    # given an empty database
    found: list[Store] = []
    # when four replicas open it
    threads = [
        threading.Thread(target=lambda: found.append(open_store(make_settings, shared_database)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # then all have the same reference of a card
    assert len(found) == 4
    assert len({one.card_ref("card-a") for one in found}) == 1
    assert value_of(found[0], "SELECT count(*) FROM schema_version") == 1
    for one in found:
        one.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://a:secret@localhost/b", "names mysql"),
        ("postgresql://a:secret@localhost", r"the database \(none\)"),
        ("postgresql://a:secret@localhost:x/b", "is no URL"),
        ("secret", "is no URL"),
    ],
)
def test_another_url_is_refused(make_settings: SettingsFactory, url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        open_store(make_settings, url)
    assert "secret" not in str(raised.value)


def test_a_database_that_does_not_let_us_in_is_named(
    make_settings: SettingsFactory, shared_database: str
) -> None:
    place, name = shared_database.rsplit("@", 1)[1].split("/")
    refusals = {
        f"postgresql://tests:hidden@{place}/{name}": "password authentication failed",
        f"postgresql://tests:hidden@127.0.0.1:1/{name}": "refused",
        shared_database[:-4]: "does not exist",
    }
    for url, said in refusals.items():
        with pytest.raises(UnreachableError, match=f"does not let the dashboard in .*{said}") as raised:
            open_store(make_settings, url)
        assert "hidden" not in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_user_who_may_create_nothing_is_named(make_settings: SettingsFactory, shared_database: str) -> None:
    # given a user who may log in and read
    with psycopg.connect(shared_database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reader-password'")
    place = shared_database.rsplit("@", 1)[1]
    with pytest.raises(DataError, match=r"permission denied .* allowed to create tables"):
        open_store(make_settings, f"postgresql://reader:reader-password@{place}")


def test_a_later_schema_is_left_alone(make_settings: SettingsFactory, shared_database: str) -> None:
    store = open_store(make_settings, shared_database)
    execute(store, "INSERT INTO schema_version VALUES (99)")
    store.close()
    with pytest.raises(
        DataError, match=f"another version .*version 99; this one knows {SCHEMA_VERSION}.*run that one"
    ):
        open_store(make_settings, shared_database)


def test_an_earlier_schema_gets_what_it_lacks(make_settings: SettingsFactory, shared_database: str) -> None:
    # given a database without a table, a column and an index of today, with an alert
    store = open_store(make_settings, shared_database)
    for statement in (
        "DROP TABLE events",
        "DROP INDEX alerts_of_card_ref",
        "ALTER TABLE payments DROP COLUMN is_history",
        "INSERT INTO payments (transaction_id, card_id, amount, currency, timestamp) "
        "VALUES ('t', 'c', 1, 'EUR', 1)",
    ):
        execute(store, statement)
    store.close()
    # when it is opened
    store = open_store(make_settings, shared_database)
    # then it has them, and the rows
    assert value_of(store, "SELECT is_history FROM payments") == 0
    with store.reading() as connection:
        assert inspect(connection).has_table("events")
        assert "alerts_of_card_ref" in {one["name"] for one in inspect(connection).get_indexes("alerts")}
    store.close()


def test_the_audit_is_append_only(store: Store) -> None:
    with store.write_transaction() as connection:
        add_audit_entry(connection, "a", "b", "c\0", {"note": "\0"})
    for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
        with pytest.raises(IntegrityError, match="append only"):
            execute(store, statement)
    if store.is_shared:
        with pytest.raises(IntegrityError, match="append only"):
            execute(store, "TRUNCATE audit")
    assert value_of(store, "SELECT count(*) FROM audit") == 1


def test_a_reading_transaction_cannot_write(store: Store) -> None:
    with store.reading() as connection, pytest.raises(SQLAlchemyError, match=r"read-?only"):
        connection.execute(text("DELETE FROM payments"))


def test_what_fails_while_opening_leaves_nothing(
    make_settings: SettingsFactory, database_url: str | None
) -> None:
    # given a database whose opening fails at its end
    database = database_of(make_settings(dashboard={"database_url": database_url}))
    if isinstance(database, Path):
        database.parent.mkdir(parents=True)
    engines = open_engines(database)
    with engines.writer.connect() as connection:
        bring_up_to_date(connection)
        connection.rollback()
    # then there is nothing of it
    with engines.readers.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engines.dispose()


def test_a_connection_that_outlives_the_store_is_closed_when_it_is_given_back(
    make_settings: SettingsFactory, database_url: str | None
) -> None:
    # given a thread that uses the store while it is closed, and after it
    store = Store(database_of(make_settings(dashboard={"database_url": database_url})))
    with store.reading() as used:
        store.close()
        during = used.connection.driver_connection
    with store.write_transaction() as opened:
        after = opened.connection.driver_connection
    # then no connection is left to the collector of garbage
    for connection in (during, after):
        assert connection is not None
        with pytest.raises((psycopg.OperationalError, sqlite3.ProgrammingError), match="closed"):
            connection.execute("SELECT 1")
