"""The queue of cases: those with an alert that passes the filter."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal

from sqlalchemy import Connection

from serving.dashboard.api.alert_list import AlertFilter, matching_alerts
from serving.dashboard.cases.case_rows import StoredCase, cases_of_cards
from serving.dashboard.cases.summaries import main_alerts, summarize, sums_at_risk

Whose = Literal["mine", "unclaimed", "escalated"]
_MOST_MATCHES = 20_000
"""Alerts; of more than these nobody looks at the end of the list."""
_MOST_ENTRIES = 64
_SHORTEST_S = 0.3
_PAUSE_FACTOR = 5


@dataclass(frozen=True)
class CaseFilter:
    """Which cases to list: with an alert that passes `alerts`; `whose` is as `user` sees it."""

    alerts: AlertFilter
    whose: Whose | None
    user: str

    def passes(self, stored: StoredCase) -> bool:
        """Whether a case has the wanted state and is whose it should be."""
        is_open = bool(stored.case.open_alerts)
        if self.alerts.state == "reviewed" and is_open:
            return False
        match self.whose:
            case "mine":
                return stored.state.assignee == self.user
            case "unclaimed":
                return stored.state.status(is_open) == "open"
            case "escalated":
                return stored.state.is_escalated
            case None:
                return True


class CaseQueue:
    """Lists cases; what was read is used again by others who ask within a moment.

    Routes call it from any thread; one of them reads at a time.
    """

    def __init__(self, gap_ms: int, base: str | None) -> None:
        self._gap_ms = gap_ms
        self._base = base
        self._lock = Lock()
        self._read: dict[Hashable, tuple[float, list[StoredCase]]] = {}

    def forget(self) -> None:
        """Read again: somebody did something here."""
        with self._lock:
            self._read.clear()

    def list_cases(self, connection: Connection, wanted: CaseFilter) -> dict[str, Any]:
        """The first cases of a filter in its order, and figures of all of them."""
        found = [one for one in self._matching(connection, wanted.alerts) if wanted.passes(one)]
        found.sort(key=_newest if wanted.alerts.order == "newest" else _most_at_risk)
        listed = found[: wanted.alerts.limit]
        main = main_alerts(connection, listed)
        open_alerts = [alert for one in found for alert in one.case.open_alerts]
        return {
            # An alert may have been removed since the cases were read.
            "cases": [
                summarize(one, main[seq], self._base)
                for one in listed
                for seq in [one.case.main_alert.seq]
                if seq in main
            ],
            "total": len(found),
            "open_alerts": len(open_alerts),
            "at_risk": sums_at_risk(open_alerts, self._base),
        }

    def _matching(self, connection: Connection, wanted: AlertFilter) -> list[StoredCase]:
        key = replace(
            wanted, limit=_MOST_MATCHES, state="all" if wanted.state == "reviewed" else wanted.state
        )
        return self._once(key, lambda: _read_cases(connection, key, self._gap_ms))

    def _once(self, key: Hashable, read: Callable[[], list[StoredCase]]) -> list[StoredCase]:
        with self._lock:
            until, found = self._read.get(key, (0.0, []))
            started = time.monotonic()
            if started >= until:
                found = read()
                took_s = time.monotonic() - started
                if len(self._read) >= _MOST_ENTRIES:
                    self._read.clear()
                self._read[key] = (started + max(_SHORTEST_S, _PAUSE_FACTOR * took_s), found)
            return found


def _read_cases(connection: Connection, wanted: AlertFilter, gap_ms: int) -> list[StoredCase]:
    matches = matching_alerts(connection, wanted)
    cases = cases_of_cards(connection, set(matches.values()), gap_ms)
    return [one for one in cases if any(alert.seq in matches for alert in one.case.alerts)]


def _newest(stored: StoredCase) -> tuple[Any, ...]:
    return (-max(one.seq for one in stored.case.alerts), stored.case.id)


def _most_at_risk(stored: StoredCase) -> tuple[Any, ...]:
    return (-stored.case.at_risk, *_newest(stored))
