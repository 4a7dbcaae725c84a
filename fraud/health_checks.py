"""Checks of what the system needs, each with the remedy for a failure."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fraud.errors import FraudError, RefusedError, UnreachableError
from fraud.kafka.key_sample import check_keys
from fraud.kafka.permissions import permissions_of
from fraud.kafka.topic_checks import check_topics
from fraud.kafka.topics import existing_topics, topic_plans
from fraud.lake import open_lake
from fraud.messages.formats.payloads import payloads_of, schema_source
from fraud.registry import versions as model_versions
from fraud.settings import Settings


@dataclass(frozen=True)
class Finding:
    """What one check found; `remedy` is empty when all is well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def check_environment(settings: Settings, identity: str | None = None) -> list[Finding]:
    """Kafka, its topics and their settings, the lake and the registry, in this order.

    With an `identity` of `fraud.kafka.permissions` its topics alone: it sees no others.
    """
    checks: list[tuple[str, Callable[[Settings], str], str]] = [
        ("Kafka", _kafka, "start it with `fraud up`, or set FRAUD_KAFKA__BOOTSTRAP_SERVERS"),
        ("topics", partial(_topics, identity=identity), "run `fraud topics create`"),
        ("keys", check_keys, "let every sender use card_id as key and murmur2, see docs/data/upstream.md"),
        ("lake", _lake, "check FRAUD_LAKE__URL, its credentials and the free space"),
        ("MLflow", _registry, "start it with `fraud up`, or set FRAUD_REGISTRY__TRACKING_URI"),
    ]
    if settings.kafka.payload_format != "json":
        remedy = "check FRAUD_SCHEMA_REGISTRY__*, see docs/data/formats.md"
        checks.append(("schema registry", _schema_registry, remedy))
    kafka, topics, *others = (run_check(name, partial(check, settings), fix) for name, check, fix in checks)
    return [kafka, topics, *(_topic_settings(settings) if kafka.ok else ()), *others]


def run_check(name: str, check: Callable[[], str], remedy: str) -> Finding:
    """The finding of one check: what it returned, or how it failed."""
    try:
        return Finding(name, ok=True, detail=check())
    except RefusedError as error:  # its sentence says what to do
        return Finding(name, ok=False, detail=str(error))
    except FraudError as error:
        return Finding(name, ok=False, detail=str(error), remedy=remedy)
    except Exception as error:
        return Finding(name, ok=False, detail=f"{type(error).__name__}: {error}", remedy=remedy)


def _kafka(settings: Settings) -> str:
    topics = existing_topics(settings)
    return f"{settings.kafka.bootstrap_servers} answers, {len(topics)} topics"


def _topics(settings: Settings, identity: str | None) -> str:
    existing, needed = existing_topics(settings), [plan.name for plan in topic_plans(settings)]
    if identity is not None:
        permitted = {one.name for one in permissions_of(settings, identity) if one.kind == "topic"}
        needed = [name for name in needed if name in permitted]
    missing = [name for name in needed if name not in existing]
    if missing:
        raise UnreachableError(f"missing: {', '.join(missing)}")
    return f"{len(needed)} of {len(needed)} there"


def _topic_settings(settings: Settings) -> list[Finding]:
    """One for each setting of a topic that is not as it should be; advice is no failure."""
    name = "topic settings"
    try:
        found = check_topics(settings)
    except RefusedError as error:  # only who administers topics needs to see their settings
        return [Finding(name, ok=True, detail=f"not checked: {error}")]
    except FraudError as error:
        return [Finding(name, ok=False, detail=f"not checked: {error}")]
    if not found:
        return [Finding(name, ok=True, detail="as the state, the monitor and a training need them")]
    return [Finding(name, one.level == "advice", str(one), one.command(settings)) for one in found]


def _lake(settings: Settings) -> str:
    lake, probe = open_lake(settings), f"_probe/{uuid.uuid4().hex}.json"
    lake.write_json({"probe": True}, probe)
    try:
        lake.read_json(probe)
    finally:
        lake.remove(probe)
    return f"{settings.lake_url} can be written, read and deleted"


def _schema_registry(settings: Settings) -> str:
    payloads_of(settings)
    return schema_source(settings).check()


def _registry(settings: Settings) -> str:
    versions = model_versions.list_versions(settings)
    return f"{settings.tracking_uri} answers, {len(versions)} versions of {settings.registry.model_name}"
