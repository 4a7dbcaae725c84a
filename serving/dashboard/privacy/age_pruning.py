"""Removes what is older than the settings allow, a little with each batch of the recorder."""

import time

from sqlalchemy import Column, Connection, Table, delete, func, select

from fraud.definitions.features import DAY_MS
from fraud.settings import RetentionSettings
from serving.dashboard.cases.tables import case_actions
from serving.dashboard.database.known_ids import IdsOfPayment, remove_unused_ids
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.tables import alerts, labels, payments, reviews
from serving.dashboard.privacy.audit_changes import remove_entries_before

_ROWS_PER_PRUNE = 5_000
_INTERVAL_S = 3_600.0
_HISTORY = ((payments, payments.c.timestamp), (alerts, alerts.c.timestamp), (labels, labels.c.reported_at))
_IS_SENT = (reviews.c.pending == 0) & (reviews.c.event_pending == 0)


class AgePruning:
    """Looks once an hour, and again with the next batch while there is more.

    The history's age is counted from its newest payment, that of reviews and of the audit from the clock.

    Args:
        connection: the recorder's.
        retention: days, -1 for no limit.
    """

    def __init__(self, connection: Connection, retention: RetentionSettings) -> None:
        self._connection = connection
        self._retention = retention
        self._due_at = float("-inf")

    def run(self) -> bool:
        """Remove at most 5,000 rows of each table; returns whether ids of cards or merchants may be gone."""
        if time.monotonic() < self._due_at:
            return False
        removed, counts = self._prune_history()
        counts.append(self._prune_records())
        if max(counts) < _ROWS_PER_PRUNE:
            self._due_at = time.monotonic() + _INTERVAL_S
        remove_unused_ids(self._connection, removed)
        return bool(removed)

    def _prune_history(self) -> tuple[list[IdsOfPayment], list[int]]:
        newest = self._connection.scalar(select(func.max(payments.c.timestamp)))
        if self._retention.history_days < 0 or newest is None:
            return [], []
        before = min(int(newest), now_ms()) - self._retention.history_days * DAY_MS
        removed: list[IdsOfPayment] = []
        counts = []
        for table, moment in _HISTORY:
            count, ids = _remove_oldest(self._connection, table, moment, before)
            counts.append(count)
            removed += ids
        return removed, counts

    def _prune_records(self) -> int:
        """Reviews whose label and event were sent, what was done with cases, and the audit."""
        days, now = self._retention, now_ms()
        count = 0
        if days.review_days >= 0:
            before = now - days.review_days * DAY_MS
            old = (reviews.c.decided_at < before) & _IS_SENT
            count += self._connection.execute(delete(reviews).where(old)).rowcount
            count += self._connection.execute(delete(case_actions).where(case_actions.c.at < before)).rowcount
        if days.audit_days >= 0:
            remove_entries_before(self._connection, now - days.audit_days * DAY_MS)
        return count


def _remove_oldest(
    connection: Connection, table: Table, moment: "Column[int]", before: int
) -> tuple[int, list[IdsOfPayment]]:
    """Remove rows of before a moment (ms); returns how many, and what ids they had if they are payments."""
    oldest = select(table.c.seq).where(moment < before).order_by(moment).limit(_ROWS_PER_PRUNE)
    removal = delete(table).where(table.c.seq.in_(oldest))
    if table is labels:
        return connection.execute(removal).rowcount, []
    ids = [table.c[name] for name in IdsOfPayment._fields]
    removed = [IdsOfPayment(*row) for row in connection.execute(removal.returning(*ids))]
    return len(removed), removed
