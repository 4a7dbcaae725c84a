"""What is slow to ask, MLflow and the lake, with the last answer at hand when they are away."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fraud.errors import FraudError
from fraud.lake import open_lake
from fraud.settings import Settings

_FRESH_S = 15.0
_REPORTS = 30
_REPORTS_FOLDER = "monitoring"


class Cached:
    """The last answer of a slow source, asked again after a while by one at a time."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answer: dict[str, Any] = {"value": None, "problem": None, "at": 0}
        self._asked = float("-inf")

    def get(self, *, anew: bool = False) -> dict[str, Any]:
        """The value, when it was had, and what hindered a newer one."""
        with self._lock:
            if anew or time.monotonic() - self._asked > _FRESH_S:
                self._refresh()
                self._asked = time.monotonic()
            return self._answer

    def _refresh(self) -> None:
        try:
            value = self._ask()
        except FraudError as error:
            self._answer = self._answer | {"problem": str(error)}
        else:
            self._answer = {"value": value, "problem": None, "at": time.time_ns() // 1_000_000}


class Insights:
    """The slow sources of one dashboard."""

    def __init__(self, settings: Settings) -> None:
        self.models = Cached(lambda: _versions(settings))
        self.reports = Cached(lambda: _reports(settings))


def _versions(settings: Settings) -> list[dict[str, Any]]:
    from fraud.registry.versions import list_versions

    told = []
    for one in list_versions(settings):
        fields = asdict(one)
        fields["created_at"] = round(one.created_at.timestamp() * 1_000)
        fields["reason"] = one.reason
        told.append(fields)
    return told


def _reports(settings: Settings) -> list[dict[str, Any]]:
    lake = open_lake(settings)
    paths = lake.list_files(_REPORTS_FOLDER, suffix=".json")[-_REPORTS:]
    return [lake.read_json(path) for path in reversed(paths)]
