"""Events of one replica for the open pages of the others, through the database that they share.

Two threads: one writes what the hub publishes to the table `events` and notifies, the other waits for
notifications of other replicas and hands their events to the hub. Events that were lost with a broken
connection are not sent again: open pages are asked to load again.
"""

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from psycopg import Connection as DriverConnection
from sqlalchemy import delete, func, insert, select

from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.hub import Hub
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import events

log = logging.getLogger(__name__)

_CHANNEL = "fraud_dashboard"
_KEPT_MS = 60_000
_MAX_QUEUED = 256
_WAIT_S = 1.0


class EventRelay:
    """Runs from `start` to `stop`.

    Args:
        store: the shared database.
        receive: called with each encoded event of another replica.
        lost: called when events may have been missed.
    """

    def __init__(self, store: Store, receive: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._store = store
        self._receive = receive
        self._lost = lost
        self._replica = uuid.uuid4().hex
        self._passed_on: dict[str, int] = {}
        self._queued: queue.Queue[bytes] = queue.Queue(_MAX_QUEUED)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._send,), name="relay-send", daemon=True),
            threading.Thread(target=self._repeat, args=(self._listen,), name="relay-listen", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop; what is queued is dropped."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(2 * _WAIT_S)

    def send(self, event: bytes) -> None:
        """Queue an event for the other replicas; the newest is dropped while the database does not answer."""
        try:
            self._queued.put_nowait(event)
        except queue.Full:
            log.warning("an event for other replicas was dropped: the database does not keep up")

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                step()
            except Exception:
                log.exception("events of replicas do not get through; trying again")
                self._stop.wait(_WAIT_S)

    def _send(self) -> None:
        try:
            first = self._queued.get(timeout=_WAIT_S)
        except queue.Empty:
            return
        waiting = [first, *self._drain()]
        now = now_ms()
        rows = [{"at": now, "replica": self._replica, "event": event} for event in waiting]
        with self._store.write_transaction() as connection:
            connection.execute(delete(events).where(events.c.at < now - _KEPT_MS))
            connection.execute(insert(events), rows)
            connection.execute(select(func.pg_notify(_CHANNEL, self._replica)))

    def _drain(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._queued.get_nowait()
            except queue.Empty:
                return

    def _listen(self) -> None:
        with self._store.connect() as connection:
            driver: Any = connection.connection.driver_connection
            assert isinstance(driver, DriverConnection)
            driver.autocommit = True
            driver.execute(f"LISTEN {_CHANNEL}".encode())
            self._passed_on = self._newest()
            self._lost()  # what came before
            while not self._stop.is_set():
                senders = {one.payload for one in driver.notifies(timeout=_WAIT_S, stop_after=1)}
                for replica in senders - {self._replica}:
                    self._pass_on(replica)

    def _newest(self) -> dict[str, int]:
        newest = select(events.c.replica, func.max(events.c.seq)).group_by(events.c.replica)
        with self._store.reading() as connection:
            return {str(replica): int(seq) for replica, seq in connection.execute(newest)}

    def _pass_on(self, replica: str) -> None:
        """The events of a replica, which commits one after another, that are newer than those before."""
        newer = (
            select(events.c.seq, events.c.event)
            .where(events.c.replica == replica, events.c.seq > self._passed_on.get(replica, 0))
            .order_by(events.c.seq)
        )
        with self._store.reading() as connection:
            rows = connection.execute(newer).all()
        for seq, event in rows:
            self._receive(bytes(event))
            self._passed_on[replica] = seq


def create_hub(store: Store) -> tuple[Hub, EventRelay | None]:
    """The hub of a dashboard; with a shared database, its events reach the pages of other replicas."""
    if not store.is_shared:
        return Hub(), None
    hub = Hub(lambda event: relay.send(event))
    relay = EventRelay(store, hub.publish_here, lambda: hub.publish("lost", {}))
    return hub, relay
