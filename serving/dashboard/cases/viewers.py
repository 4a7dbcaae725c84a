"""Who has which alert open, and the messages to open pages about that and about actions on cases.

Other replicas' actions are found in the database: one thread looks each second while a page is open here.
"""

import logging
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from serving.dashboard.cases.tables import case_actions, case_viewers
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.hub import Hub
from serving.dashboard.feed.store import Store

log = logging.getLogger(__name__)
_FORGOTTEN_AFTER_MS = 45_000
_INTERVAL_S = 1.0


@dataclass(frozen=True)
class OpenAlert:
    """An alert that a page shows: `timestamp` is its event time (ms)."""

    page: str
    user: str
    card_ref: str
    timestamp: int


class CaseUpdates:
    """Keeps who has which alert open; publishes changes. The thread owns what it published last."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._published: list[dict[str, Any]] = []
        self._last_action: int | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="case-updates", daemon=True)

    def start(self) -> None:
        """Start to publish."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current look."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def opened(self, alert: OpenAlert) -> None:
        """A page shows an alert; it says so again until it shows it no longer."""
        self._write(alert.page, alert.user, alert)

    def closed(self, page: str, user: str) -> None:
        """A page shows no alert any more."""
        self._write(page, user, None)

    def wake(self) -> None:
        """Publish at once what was done here."""
        self._wake.set()

    def viewers(self) -> list[dict[str, Any]]:
        """Who has which alert open."""
        current = case_viewers.c.seen_at > now_ms() - _FORGOTTEN_AFTER_MS
        columns = (case_viewers.c.user, case_viewers.c.card_ref, case_viewers.c.timestamp)
        query = select(*columns).where(current).distinct().order_by(*columns)
        with self._store.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _write(self, page: str, user: str, alert: OpenAlert | None) -> None:
        now = now_ms()
        of_page = (case_viewers.c.page == page) & (case_viewers.c.user == user)
        old = case_viewers.c.seen_at <= now - _FORGOTTEN_AFTER_MS
        with self._store.write_transaction() as connection:
            connection.execute(delete(case_viewers).where(of_page | old))
            if alert is not None:
                row = {"page": page, "user": user, "card_ref": alert.card_ref, "timestamp": alert.timestamp}
                connection.execute(insert(case_viewers).values(row | {"seen_at": now}))
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(_INTERVAL_S)
            self._wake.clear()
            if len(self._hub):
                try:
                    self._publish()
                except SQLAlchemyError:
                    log.exception("cases could not be read; trying again")

    def _publish(self) -> None:
        viewers = self.viewers()
        if viewers != self._published:
            self._published = viewers
            self._hub.publish("viewers", {"viewers": viewers})
        cards = self._cards_of_new_actions()
        if cards:
            self._hub.publish("cases", {"cards": cards})

    def _cards_of_new_actions(self) -> list[str]:
        since = self._last_action
        with self._store.reading() as connection:
            self._last_action = connection.scalar(select(func.max(case_actions.c.seq))) or 0
            if since is None or self._last_action == since:
                return []
            query = select(case_actions.c.card_ref).where(case_actions.c.seq > since).distinct()
            return list(connection.scalars(query))
