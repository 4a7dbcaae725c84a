"""What the dashboard is made of, put together once and passed along."""

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from fraud.settings import Settings
from serving.dashboard.api.cached_sources import Insights
from serving.dashboard.api.queries import alerts_by_key, live, review_figures
from serving.dashboard.api.reviews import Verdicts
from serving.dashboard.auth.accounts import SCRYPT_N, Accounts
from serving.dashboard.auth.oidc import Issuer
from serving.dashboard.auth.pending_logins import Pending
from serving.dashboard.auth.rate_limit import RateLimit
from serving.dashboard.auth.sessions import Sessions
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.follower import Follower, KafkaState
from serving.dashboard.feed.hub import Hub
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store

log = logging.getLogger(__name__)
LIVE_SPAN_MS = 10 * 60_000
LIVE_STEP_MS = 5_000
_PULSE_S = 1.0
_MOST_ALERTS_AT_ONCE = 40


@dataclass
class Parts:
    """One dashboard; `start` brings it to life and `stop` ends it."""

    settings: Settings
    scrypt_n: int = SCRYPT_N
    store: Store = field(init=False)
    accounts: Accounts = field(init=False)
    sessions: Sessions = field(init=False)
    verdicts: Verdicts = field(init=False)
    follower: Follower = field(init=False)
    insights: Insights = field(init=False)
    issuer: Issuer | None = field(init=False)
    pending: Pending = field(default_factory=Pending)
    hub: Hub = field(default_factory=Hub)
    logins_by_name: RateLimit = field(default_factory=lambda: RateLimit(5, 12.0))
    logins_by_address: RateLimit = field(default_factory=lambda: RateLimit(30, 2.0))
    judgements: RateLimit = field(default_factory=lambda: RateLimit(60, 0.5))

    def __post_init__(self) -> None:
        folder = self.settings.home / "dashboard"
        self.store = Store(folder / "history.db", self.settings.topics.labels)
        self.accounts = Accounts(folder / "users.json", self.scrypt_n)
        dashboard = self.settings.dashboard
        self.sessions = Sessions(self.store, self.accounts, dashboard.session_length, dashboard.oidc)
        self.issuer = Issuer(dashboard.oidc) if dashboard.oidc.issuer else None
        self.verdicts = Verdicts(self.settings, self.store)
        self.follower = Follower(self.settings, self.store, self._tell_batch, self._tell_state)
        self.insights = Insights(self.settings)
        self._reviewed: dict[str, Any] = {}
        self._review_due = float("-inf")
        self._stop = threading.Event()
        self._pulse = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def start(self) -> None:
        """Follow Kafka, send what is pending, tell the open pages the figures."""
        self.follower.start()
        self.verdicts.start()
        self._pulse.start()

    def stop(self) -> None:
        """End the threads and close the store."""
        self._stop.set()
        self._pulse.join()
        self.follower.stop()
        self.verdicts.stop()
        self.store.close()

    def figures(self) -> dict[str, Any]:
        """What the live page shows at the top."""
        reader = self.store.reader
        return live(reader, LIVE_SPAN_MS, LIVE_STEP_MS, now_ms()) | {"review": self._review()}

    def _review(self) -> dict[str, Any]:
        """Read as often as it is cheap: it looks at every alert that is stored."""
        begun = time.monotonic()
        if begun >= self._review_due:
            self._reviewed = review_figures(self.store.reader)
            self._review_due = begun + max(_PULSE_S, 20 * (time.monotonic() - begun))
        return self._reviewed

    def _beat(self) -> None:
        """The figures are read once for all pages, and not at all when nobody looks."""
        while not self._stop.is_set():
            begun = time.monotonic()
            if len(self.hub):
                self._tell_figures()
            self._stop.wait(max(_PULSE_S - (time.monotonic() - begun), 0.2))

    def _tell_figures(self) -> None:
        try:
            self.hub.publish("figures", self.figures())
        except sqlite3.Error:
            log.exception("the figures could not be read; trying again")

    def _tell_batch(self, changed: list[PaymentKey], batch: Batch) -> None:
        if not len(self.hub):
            return
        newest = changed[-_MOST_ALERTS_AT_ONCE:]
        told = alerts_by_key(self.store.reader, newest) if newest else []
        if told:
            self.hub.publish("alerts", {"alerts": told, "more": max(0, len(changed) - _MOST_ALERTS_AT_ONCE)})

    def _tell_state(self, state: KafkaState) -> None:
        self.hub.publish("kafka", state_of(state))


def state_of(state: KafkaState) -> dict[str, Any]:
    """The follower's state as the page gets it; what went wrong in detail stays in the log."""
    return {"connected": state.connected, "since": state.since}
