"""Caches the answers of MLflow and the lake, which are slow or may not answer at all."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fraud.errors import FraudError
from fraud.lake import open_lake
from fraud.settings import Settings

log = logging.getLogger(__name__)
_FRESH_S = 15.0
_REPORTS = 30
_REPORTS_FOLDER = "monitoring"


class CachedSource:
    """The last answer of a slow source, refreshed when it is older than 15 s, by one thread at a time."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._answer: dict[str, Any] = {"value": None, "problem": None, "at": 0}
        self._loaded_at = float("-inf")

    def get(self, *, refresh: bool = False) -> dict[str, Any]:
        """The value, when it was loaded (ms), and the problem that prevented a newer one."""
        with self._lock:
            if refresh or time.monotonic() - self._loaded_at > _FRESH_S:
                self._refresh()
                self._loaded_at = time.monotonic()
            return self._answer

    def _refresh(self) -> None:
        try:
            value = self._load()
        except FraudError as error:
            self._answer = self._answer | {"problem": str(error)}
        else:
            self._answer = {"value": value, "problem": None, "at": time.time_ns() // 1_000_000}


class ModelThresholds:
    """The threshold of each version, from its bundle; a version never changes, so each is loaded once."""

    def __init__(self, load: Callable[[str], float]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}
        self._failed_at: dict[str, float] = {}

    def get(self, version: str) -> float | None:
        """The threshold, or None while the registry does not give it; asked again after 15 s."""
        with self._lock:
            if version not in self._known and self._is_due(version):
                try:
                    self._known[version] = self._load(version)
                except FraudError as error:
                    log.warning("the threshold of version %s is not known: %s", version, error)
                    self._failed_at[version] = time.monotonic()
            return self._known.get(version)

    def _is_due(self, version: str) -> bool:
        return time.monotonic() - self._failed_at.get(version, float("-inf")) > _FRESH_S


class CachedSources:
    """The slow sources of one dashboard."""

    def __init__(self, settings: Settings) -> None:
        self.thresholds = ModelThresholds(lambda version: _threshold(settings, version))
        self.models = CachedSource(lambda: _versions(settings))
        self.reports = CachedSource(lambda: _reports(settings))


def _versions(settings: Settings) -> list[dict[str, Any]]:
    from fraud.registry.versions import list_versions

    versions = []
    for one in list_versions(settings):
        fields = asdict(one)
        fields["created_at"] = round(one.created_at.timestamp() * 1_000)
        fields["reason"] = one.reason
        versions.append(fields)
    return versions


def _threshold(settings: Settings, version: str) -> float:
    from fraud.registry.trust.loading import fetch_once_promoted

    return fetch_once_promoted(settings, version).threshold


def _reports(settings: Settings) -> list[dict[str, Any]]:
    lake = open_lake(settings)
    paths = lake.list_files(_REPORTS_FOLDER, suffix=".json")[-_REPORTS:]
    return [lake.read_json(path) for path in reversed(paths)]
