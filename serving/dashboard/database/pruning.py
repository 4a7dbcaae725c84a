"""Keeps the store within its size: the oldest payments go first, then what exceeds a table's share."""

import time

from sqlalchemy import Connection, Table, delete, func, select

from serving.dashboard.database.known_ids import IdsOfPayment, remove_unused_ids
from serving.dashboard.feed.tables import alerts, labels, payments

_ROWS_PER_PRUNE = 5_000
"""Rows; a batch adds no more."""
_MOST_PER_MIB = {alerts: 200, labels: 500}
"""Rows for each MiB of the store; about a quarter and a tenth of it."""
_PAYMENTS_PER_MIB = 2_000
"""On PostgreSQL, whose files do not shrink by what is deleted; with indexes about 500 bytes each."""
_COUNT_INTERVAL_S = 60.0


class Pruning:
    """Deletes what is too much, a little with each batch, within the caller's transaction.

    Args:
        connection: to the store.
        most_mib: the size to keep within.
    """

    def __init__(self, connection: Connection, most_mib: int) -> None:
        self._connection = connection
        self._most_mib = most_mib
        self._is_file = connection.dialect.name == "sqlite"
        self._excess = 0
        self._counted_at = float("-inf")

    def run(self) -> bool:
        """Delete at most 5,000 rows of each table; returns whether ids of cards or merchants may be gone."""
        removed: list[IdsOfPayment] = []
        if self._has_too_many_payments():
            removed += _delete_oldest(self._connection, payments, _ROWS_PER_PRUNE)
        for table, per_mib in _MOST_PER_MIB.items():
            span = func.max(table.c.seq) - func.min(table.c.seq)
            excess = (self._connection.scalar(select(span)) or 0) - per_mib * self._most_mib
            if excess > 0:
                removed += _delete_oldest(self._connection, table, min(excess, _ROWS_PER_PRUNE))
        remove_unused_ids(self._connection, removed)
        return bool(removed)

    def _has_too_many_payments(self) -> bool:
        if self._is_file:
            return _used_bytes(self._connection) > self._most_mib << 20
        if time.monotonic() - self._counted_at > _COUNT_INTERVAL_S:
            count = self._connection.scalar(select(func.count()).select_from(payments)) or 0
            self._excess = count - _PAYMENTS_PER_MIB * self._most_mib
            self._counted_at = time.monotonic()
        self._excess -= _ROWS_PER_PRUNE
        return self._excess > -_ROWS_PER_PRUNE


def _delete_oldest(connection: Connection, table: Table, rows: int) -> list[IdsOfPayment]:
    """Delete rows; returns the ids that payments and alerts among them had."""
    oldest = select(table.c.seq).order_by(table.c.seq).limit(rows)
    ids = [table.c[name] for name in IdsOfPayment._fields if name in table.c]
    removed = connection.execute(delete(table).where(table.c.seq.in_(oldest)).returning(*ids)).all()
    return [IdsOfPayment(*row) for row in removed] if table is not labels else []


def _used_bytes(connection: Connection) -> int:
    pages, free, size = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
