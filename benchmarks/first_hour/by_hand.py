"""README's commands in their order, in a bare home, as programs of their own."""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deployments.demo.outcomes import LiveOutcomes, count_outcomes, read_live_truth
from deployments.demo.programs import Programs, flow, stop
from deployments.demo.result import read_predictions
from deployments.local.dashboard import LocalDashboard
from fraud.deadline import Deadline
from fraud.errors import FraudError
from fraud.kafka.offsets import group_lag
from fraud.lake import open_lake
from fraud.settings import Settings, load_settings
from serving.dashboard.auth.stored_accounts import open_accounts
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.store import Store

_USER = "first-hour"
_TIMEOUT_S = 1_800.0
_SETTLED_S = 10.0
_START_S = 15.0
"""Until `fraud simulate` sends its first payment, with a margin."""


@dataclass(frozen=True)
class FirstHourPlan:
    """What is simulated, in which home, and how the last hours are sent."""

    home: Path
    scenario: str
    cards: int
    days: int
    hours: int
    live_s: int
    trials: int

    @property
    def speed(self) -> float:
        """Of the cards' clock, so that the live hours take `live_s`."""
        return self.hours * 3_600 / self.live_s


@dataclass(frozen=True)
class FirstHour:
    """What a new user saw: seconds by step, the queue after the history, what came of the live payments."""

    seconds: dict[str, float]
    open_alerts: int
    live: LiveOutcomes


@dataclass
class ByHand:
    """One run; everything that it starts has ended when `run` returns."""

    plan: FirstHourPlan
    _seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> FirstHour:
        """Up, history, training, serving, live payments, down.

        Raises:
            FraudError: a command failed; the sentence names its log.
        """
        password = secrets.token_urlsafe(12)
        _add_viewer(load_settings(home=self.plan.home), password)
        with self._up():
            settings = load_settings(home=self.plan.home)
            self._command("history", "simulate", *self._world(), *self._history())
            self._program("retrain", flow("retrain"), "--trials", str(self.plan.trials))
            with self._programs.running("serve", [flow("serve")]):
                with self._timed("history scored"):
                    _until_scored(settings)
                open_alerts = _open_alerts(self.plan.home, password)
                self._live(settings)
            truth, predictions = read_live_truth(open_lake(settings)), read_predictions(settings)
        return FirstHour(self._seconds, open_alerts, count_outcomes(truth, predictions))

    @property
    def _programs(self) -> Programs:
        return Programs(self.plan.home, {"FRAUD_HOME": str(self.plan.home)})

    @contextmanager
    def _up(self) -> Iterator[None]:
        try:
            self._command("up", "up")
            yield
        finally:
            self._command("down", "down")

    def _world(self) -> tuple[str, ...]:
        return "--scenario", self.plan.scenario, "--cards", str(self.plan.cards)

    def _history(self) -> tuple[str, ...]:
        return "--days", str(self.plan.days), "--end", f"{self.plan.hours}h"

    def _live(self, settings: Settings) -> None:
        arguments = ["-m", "deployments.cli", "simulate", *self._world(), "--speed", f"{self.plan.speed:.0f}"]
        with self._timed("live"), self._programs.running("live", arguments) as live:
            time.sleep(self.plan.live_s + _START_S)
            stop(live)
            _until_scored(settings)
        if live.returncode != 0:
            raise FraudError(f"live payments ended with {live.returncode}; see {self._programs.log('live')}")

    def _command(self, name: str, *arguments: str) -> None:
        self._program(name, "-m", "deployments.cli", *arguments)

    def _program(self, name: str, *arguments: str) -> None:
        with self._timed(name):
            self._programs.run(name, list(arguments), lambda line: None)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        print(f"{name} ...", flush=True)
        started = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - started
        print(f"{name}: {self._seconds[name]:.0f} s", flush=True)


def _add_viewer(settings: Settings, password: str) -> None:
    """Not as an admin does it: the user need not change the password."""
    with closing(Store(database_of(settings))) as store:
        open_accounts(settings, store).add(_USER, "viewer", password)


def _until_scored(settings: Settings) -> None:
    """Wait until serving has answered everything; it may not have joined its group yet."""
    deadline = Deadline(_TIMEOUT_S)
    while group_lag(settings, settings.serving.group_id, settings.topics.transactions):
        if deadline.is_over:
            raise FraudError(f"serving did not catch up; see {settings.home / 'logs'}")
        time.sleep(1.0)


def _open_alerts(home: Path, password: str) -> int:
    """The queue that the dashboard shows, once it no longer changes."""
    status = LocalDashboard(home).status()
    if status is None or status.state != "ready":
        raise FraudError(f"the dashboard does not answer; see {home / 'logs'}")
    with httpx.Client(base_url=status.address, timeout=30.0) as client:
        login = {"name": _USER, "password": password}
        client.post("/api/login", json=login, headers={"Origin": status.address}).raise_for_status()
        seen, before = _read_queue(client), (-1, -1)
        while seen != before:
            time.sleep(_SETTLED_S)
            before, seen = seen, _read_queue(client)
    return seen[0]


def _read_queue(client: httpx.Client) -> tuple[int, int]:
    """Open alerts of the queue, and its cases."""
    queue = client.get("/api/cases", params={"state": "open"}).raise_for_status().json()
    return int(queue["open_alerts"]), int(queue["total"])
