"""The services that a container depends on, each with a check and what to do if it fails."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from deployments.containers.settings import load_container_settings
from deployments.containers.waiting import poll
from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.permissions import permissions_of
from fraud.kafka.topics import existing_topics, topic_plans
from fraud.lake import open_lake
from fraud.settings import Settings

_REQUEST_TIMEOUT_S = 5.0


def wait_for(
    settings: Settings, needs: Sequence[str], timeout_s: float, report: Callable[[str], None]
) -> None:
    """Wait for each need in turn.

    Raises:
        ConfigurationError: there is no such need.
        UnreachableError: one of them is still missing after `timeout_s`; says how to bring it.
    """
    for need in needs:
        kind, _, name = need.partition(":")
        if kind not in _CHECKS:
            raise ConfigurationError(f"{need!r} is not one of {', '.join(_CHECKS)}")
        poll(lambda kind=kind, name=name: _CHECKS[kind](settings, name), timeout_s, report)  # type: ignore[misc]
        report(f"{need} is there")


def _kafka(settings: Settings, _: str) -> None:
    existing_topics(settings)


def _topics(settings: Settings, identity: str) -> None:
    """Those that the identity uses, for a cluster shows it no others; without a name all."""
    existing = existing_topics(settings)
    used = {one.name for one in permissions_of(settings, identity)} if identity else None
    wanted = [plan.name for plan in topic_plans(settings) if used is None or plan.name in used]
    missing = [name for name in wanted if name not in existing]
    if missing:
        raise UnreachableError(
            f"Kafka lacks the topics {', '.join(missing)}, or does not let this client see them; the job "
            "`topics` of the chart or `fraud topics create` makes them, and `fraud acl grant` lets it"
        )


def _lake(settings: Settings, _: str) -> None:
    """Asks for one name only, which every role may: write permissions differ by workload."""
    lake = open_lake(settings, _REQUEST_TIMEOUT_S)
    if not settings.lake_url.startswith("s3://"):
        return
    bucket, _, prefix = settings.lake_url.removeprefix("s3://").partition("/")
    try:
        lake.filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
    except FileNotFoundError:
        raise UnreachableError(
            f"there is no bucket {bucket!r}; create it, or correct FRAUD_LAKE__URL"
        ) from None
    except PermissionError as error:
        raise UnreachableError(f"the bucket {bucket!r} refuses these credentials: {error}") from None
    except Exception as error:
        # Whatever the S3 client raises when nobody answers.
        raise UnreachableError(
            f"the S3 server of {settings.lake_url} does not answer: {type(error).__name__}"
        ) from None


def _registry(settings: Settings, _: str) -> None:
    if not settings.tracking_uri.startswith("http"):
        return
    _get(f"{settings.tracking_uri}/health", "MLflow", {})


def _prefect(settings: Settings, _: str) -> None:
    _get(f"{_prefect_url(settings)}/health", "Prefect", _credentials())


def _pool(settings: Settings, name: str) -> None:
    """Asked over plain HTTP: the client library takes seconds to import."""
    url = f"{_prefect_url(settings)}/work_pools/{name}"
    try:
        answer = json.loads(_get(url, "Prefect", _credentials()))
    except FileNotFoundError:
        raise UnreachableError(
            f"Prefect has no work pool {name!r}; "
            "the job `orchestration` of the chart or `fraud orchestrate` makes it"
        ) from None
    if answer.get("type") != "kubernetes":
        raise UnreachableError(f"the work pool {name!r} is of type {answer.get('type')}, not kubernetes")


def _prefect_url(settings: Settings) -> str:
    if not settings.prefect_api_url:
        raise ConfigurationError("PREFECT_API_URL is not set")
    return settings.prefect_api_url.rstrip("/")


def _get(url: str, server: str, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - an address of ours
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_REQUEST_TIMEOUT_S) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise FileNotFoundError(url) from None
        hint = "; is PREFECT_API_AUTH_STRING the server's?" if error.code in (401, 403) else ""
        raise UnreachableError(f"{server} at {url} answers {error.code}{hint}") from None
    except (urllib.error.URLError, OSError) as error:
        raise UnreachableError(f"{server} at {url} does not answer: {error}") from None


def _credentials() -> dict[str, str]:
    auth = load_container_settings().prefect_api_auth_string
    if auth is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(auth.get_secret_value().encode()).decode()}


_CHECKS: dict[str, Callable[[Settings, str], None]] = {
    "kafka": _kafka,
    "topics": _topics,
    "lake": _lake,
    "registry": _registry,
    "prefect": _prefect,
    "pool": _pool,
}
