"""What open pages receive: figures each second, alerts as they arrive, the state of Kafka."""

import logging
import threading
import time
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from serving.dashboard.api.queries import alerts_by_key, live, review_figures
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.follower import KafkaState
from serving.dashboard.feed.hub import Hub
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store

log = logging.getLogger(__name__)
LIVE_SPAN_MS = 10 * 60_000
LIVE_STEP_MS = 5_000
_INTERVAL_S = 1.0
_SHORTEST_PAUSE_S = 0.2
_REVIEW_PAUSE_FACTOR = 20
"""The review figures read every stored alert; they are read again after this many times what it took."""
_MAX_ALERTS_PER_EVENT = 40


class LiveUpdates:
    """Publishes to the hub; figures are read once a second for all pages, and not while no page is open."""

    def __init__(self, store: Store, hub: Hub, base: str | None) -> None:
        self._store = store
        self._base = base
        self._hub = hub
        self._reviewed: dict[str, Any] = {}
        self._review_due = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-updates", daemon=True)

    def start(self) -> None:
        """Start to send figures."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current figures."""
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, Any]:
        """The figures at the top of the live page."""
        with self._store.reading() as connection:
            figures = live(connection, LIVE_SPAN_MS, LIVE_STEP_MS, now_ms())
        return figures | {"review": self._review_figures()}

    def send_batch(self, changed: list[PaymentKey], _: Batch) -> None:
        """Send the alerts of changed payments, the newest of them."""
        if not self._hub.has_listeners:
            return
        newest = changed[-_MAX_ALERTS_PER_EVENT:]
        if not newest:
            return
        with self._store.reading() as connection:
            alerts = alerts_by_key(connection, newest)
        if alerts:
            more = max(0, len(changed) - _MAX_ALERTS_PER_EVENT)
            self._hub.publish("alerts", {"alerts": alerts, "more": more})

    def send_state(self, state: KafkaState) -> None:
        """Send whether Kafka answers."""
        self._hub.publish("kafka", state_event(state))

    def _review_figures(self) -> dict[str, Any]:
        started = time.monotonic()
        if started >= self._review_due:
            with self._store.reading() as connection:
                self._reviewed = review_figures(connection, self._base)
            took_s = time.monotonic() - started
            self._review_due = started + max(_INTERVAL_S, _REVIEW_PAUSE_FACTOR * took_s)
        return self._reviewed

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            if len(self._hub):
                self._send_figures()
            self._stop.wait(max(_INTERVAL_S - (time.monotonic() - started), _SHORTEST_PAUSE_S))

    def _send_figures(self) -> None:
        try:
            self._hub.publish("figures", self.figures())
        except SQLAlchemyError:
            log.exception("the figures could not be read; trying again")


def state_event(state: KafkaState) -> dict[str, Any]:
    """The follower's state as the page gets it; the details of a problem stay in the log."""
    return {"connected": state.connected, "since": state.since}
