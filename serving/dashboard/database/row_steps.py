"""Changes every row of a large table while a file is brought up to date, with progress in the log."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, func, select

log = logging.getLogger(__name__)

_ROWS_PER_STATEMENT = 20_000
_REPORT_INTERVAL_S = 5.0
_CACHE_KIB = 128 * 1024
"""Of SQLite, whose own 2 MiB would write most pages several times."""


def change_all_rows(connection: Connection, table: Table, change: str) -> None:
    """Change the rows of a table of a SQLite file, within the caller's transaction.

    Args:
        connection: to the store.
        table: with the key `seq`.
        change: what follows SET; of our own names.
    """
    first, last = connection.execute(select(func.min(table.c.seq), func.max(table.c.seq))).one()
    if last is None:
        return
    reported = time.monotonic()
    for start in range(first, last + 1, _ROWS_PER_STATEMENT):
        part = (start, start + _ROWS_PER_STATEMENT)
        connection.exec_driver_sql(f"UPDATE {table.name} SET {change} WHERE seq >= ? AND seq < ?", part)  # noqa: S608
        if time.monotonic() - reported > _REPORT_INTERVAL_S:
            reported = time.monotonic()
            log.info("%s: %.0f %% of the stored rows", table.name, 100 * (start - first) / (last - first + 1))


@contextmanager
def with_large_cache(connection: Connection) -> Iterator[None]:
    """Give a SQLite file a large page cache meanwhile; nothing changes elsewhere."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size = {before}")
