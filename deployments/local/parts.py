"""What the system has beside its servers: workers that score, workers of Prefect's pool, the champion."""

import base64
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployments.local.servers import http_ok
from deployments.local.stack import State
from fraud.errors import ConfigurationError, FraudError
from fraud.machine.moments import minute_text
from fraud.settings import Settings

POOL = "local"
_TIMEOUT_S = 2.0
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class PartStatus:
    """The status of a part; `remedy` says what to do where it does not run."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def parts(settings: Settings) -> list[PartStatus]:
    """Scoring, Prefect's work pool and the champion, in this order; asks each with a short timeout."""
    return [scoring(settings), work_pool(settings), champion(settings)]


def scoring(settings: Settings) -> PartStatus:
    """The workers of serving that have written down their address in the home."""
    from deployments.watch.figures import worker_addresses, worker_status

    start = "start one with `python flows/serve.py`"
    try:
        addresses = worker_addresses(settings.home, [])
    except ConfigurationError:
        return PartStatus("Scoring", "stopped", "no worker scores", start)
    states = [(url, *worker_status(url)) for url in addresses]
    ready = sum(is_ready for _, is_ready, _ in states)
    text = f"{ready} of {len(states)} workers ready: {', '.join(addresses)}"
    silent = [f"{url}: {status}" for url, is_ready, status in states if not is_ready]
    if silent:
        return PartStatus("Scoring", "silent", f"{text}; {'; '.join(silent)}", start)
    return PartStatus("Scoring", "ready", text)


def work_pool(settings: Settings) -> PartStatus:
    """The workers that poll the pool `local` of the Prefect server."""
    name, start = "Work pool", f"start one with `prefect worker start --pool {POOL}`"
    if not settings.prefect_api_url:
        return PartStatus(name, "stopped", "no Prefect server is named", "start it with `fraud up`")
    url = f"{settings.prefect_api_url.rstrip('/')}/work_pools/{POOL}/workers/filter"
    try:
        workers = _post(url)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return PartStatus(name, "stopped", f"there is no pool {POOL}", "make it with `fraud orchestrate`")
        return PartStatus(name, "silent", f"Prefect answers {error.code}")
    except (OSError, ValueError):
        return PartStatus(name, "silent", "Prefect does not answer", "start it with `fraud up`")
    online = [one["name"] for one in workers if one["status"] == "ONLINE"]
    if not online:
        return PartStatus(name, "stopped", f"no worker polls {POOL}, so planned runs wait", start)
    return PartStatus(name, "ready", f"{POOL}, polled by {', '.join(online)}")


def champion(settings: Settings) -> PartStatus:
    """The version that decides, and since when."""
    train = "make one with `python flows/retrain.py`"
    model = settings.registry.model_name
    if not _has_registry(settings.tracking_uri):
        return PartStatus("Champion", "stopped", f"{_without_login(settings.tracking_uri)} does not answer")
    from fraud.registry.aliases import CHAMPION, promoted_at, version_of_alias

    try:
        version = version_of_alias(settings)
        since = promoted_at(settings, version) if version else None
    except FraudError as error:
        return PartStatus("Champion", "silent", str(error))
    if version is None:
        return PartStatus("Champion", "stopped", f"{model} has no version with the alias {CHAMPION}", train)
    moment = f" since {minute_text(round(since.timestamp() * 1_000))}" if since else ""
    return PartStatus("Champion", "ready", f"{model} version {version}{moment}")


def _has_registry(uri: str) -> bool:
    """Whether asking is worth the seconds that MLflow takes to import and to give up."""
    if uri.startswith(_SQLITE):
        return Path(uri.removeprefix(_SQLITE)).exists()
    return not uri.startswith("http") or http_ok(f"{uri.rstrip('/')}/health")


def _without_login(uri: str) -> str:
    parsed = urlsplit(uri)
    return uri if "@" not in parsed.netloc else parsed._replace(netloc=parsed.netloc.split("@")[-1]).geturl()


def _post(url: str) -> list[dict[str, Any]]:
    """Asked over plain HTTP: the client library takes seconds to import."""
    headers = {"Content-Type": "application/json"}
    login = os.environ.get("PREFECT_API_AUTH_STRING")
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    request = urllib.request.Request(url, b"{}", headers)  # noqa: S310 - an address of the settings
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT_S) as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found
