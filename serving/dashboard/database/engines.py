"""Engines for SQLite and PostgreSQL: how connections are opened, pooled and begun."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.types.string import StrDumperUnknown
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from fraud.deadline import Deadline

_BUSY_S = 10
_LOOK_S = 0.05
_SQLITE_READERS = 40
"""As many as threads of routes; each opens its connection when it is needed."""
_CACHE_KIB, _RECORDER_CACHE_KIB = 2_000, 32_768
"""Of a connection to a file. The recorder writes into indexes at random places: with SQLite's own 2 MB most
of their pages are written several times in a batch."""
_CONNECT_TIMEOUT_S = 5
_SERVER_NOTICES_LOST_CLIENT = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c idle_in_transaction_session_timeout=60000"
)
"""A replica whose machine vanished gives up the lock of the follower within half a minute."""


@dataclass(frozen=True)
class Engines:
    """Of one database.

    Attributes:
        readers: of pages; their transactions cannot write.
        writer: of routes: what it commits survives a power failure.
        recorder: of the follower, without a pool: its rows can be read from Kafka again.
    """

    readers: Engine
    writer: Engine
    recorder: Engine

    def vacuum(self) -> bool:
        """Rebuild the database without the rows that were removed; whether its files have nothing of them.

        A file's write-ahead log is emptied as soon as no reader needs it, within a few seconds.
        """
        driver = self.writer.raw_connection()
        try:
            if self.writer.dialect.name == "postgresql":
                driver.driver_connection.autocommit = True  # type: ignore[union-attr]
                driver.cursor().execute("VACUUM")
                driver.driver_connection.autocommit = False  # type: ignore[union-attr]
                return False
            driver.cursor().execute("VACUUM")
            return _empty_log(driver)
        finally:
            driver.close()

    def dispose(self) -> None:
        """Close all connections, and those that a thread still uses, or opens, when it gives them back."""
        for engine in (self.readers, self.writer, self.recorder):
            event.listen(engine.pool, "checkin", _close)
            engine.dispose()


def _close(_: object, entry: ConnectionPoolEntry) -> None:
    entry.close()


def _empty_log(driver: Any) -> bool:
    deadline = Deadline(_BUSY_S)
    while True:
        (is_busy, *_), *_ = driver.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if not is_busy or deadline.is_over:
            return not is_busy
        time.sleep(_LOOK_S)


def open_engines(database: Path | URL) -> Engines:
    """The engines of a SQLite file or of a PostgreSQL database; nothing connects yet."""
    if isinstance(database, Path):
        return Engines(
            readers=_sqlite(database, "NORMAL", read_only=True, pool_size=_SQLITE_READERS),
            writer=_sqlite(database, "FULL", pool_size=1, max_overflow=0),
            recorder=_sqlite(database, "NORMAL", cache_kib=_RECORDER_CACHE_KIB, poolclass=NullPool),
        )
    return Engines(
        readers=_postgresql(database, pool_size=5).execution_options(postgresql_readonly=True),
        writer=_postgresql(database, pool_size=2),
        recorder=_postgresql(database, poolclass=NullPool, durable=False),
    )


def _sqlite(
    path: Path, synchronous: str, read_only: bool = False, cache_kib: int = _CACHE_KIB, **pool: Any
) -> Engine:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": _BUSY_S}, **pool)

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, see below
        for pragma in ("journal_mode = WAL", "journal_size_limit = 16777216", f"synchronous = {synchronous}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, durable: bool = True, **pool: Any) -> Engine:
    options = _SERVER_NOTICES_LOST_CLIENT + ("" if durable else " -c synchronous_commit=off")
    arguments = {
        "connect_timeout": _CONNECT_TIMEOUT_S, "options": options, "application_name": "fraud-dashboard"
    }  # fmt: skip
    if "poolclass" not in pool:
        pool |= {"pool_pre_ping": True}
    engine = create_engine(url, connect_args=arguments, paramstyle="format", **pool)

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: object) -> None:
        connection.adapters.register_dumper(str, _WithoutNul)

    return engine


class _WithoutNul(StrDumperUnknown):
    """Texts as PostgreSQL can store them: it has no character 0, which JSON and SQLite have."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))
