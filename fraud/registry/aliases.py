"""The aliases `champion` and `challenger`: which version has them, and how they move.

An alias moves only to a version whose registered artifact was downloaded and reproduced the scores of its
training. The reason, the time and the version before are tags of the version.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fraud.errors import DataError, FraudError, IncompatibleModelError
from fraud.registry.bundle import check_compatible, describe, read_bundle
from fraud.registry.connection import is_missing, mlflow_client
from fraud.registry.versions import (
    REASON_TAG,
    download_model,
    get_version,
    load_bundle,
    tag_version,
    version_tags,
)
from fraud.settings import Settings

CHAMPION = "champion"
CHALLENGER = "challenger"

_PROMOTED_AT = "promoted_at"
_PREVIOUS = "previous_version"
_PROMOTED_AS = "promoted_as"


@dataclass(frozen=True)
class AliasTarget:
    """The version that an alias points to, without its artifact.

    The number alone does not identify a model: a registry that starts from nothing gives it to another one.
    """

    version: str
    run_id: str
    created_ms: int
    source: str


def alias_target(settings: Settings, alias: str = CHAMPION) -> AliasTarget | None:
    """What the alias points to, or None.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        found = _find(client, settings.registry.model_name, alias)
        if found is None:
            return None
        created = int(found.creation_timestamp)
        return AliasTarget(str(found.version), found.run_id or "", created, str(found.source))


def version_of_alias(settings: Settings, alias: str = CHAMPION) -> str | None:
    """The version that has the alias, or None.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    found = alias_target(settings, alias)
    return found.version if found else None


def promoted_at(settings: Settings, version: str) -> datetime | None:
    """When the version last got an alias; None where that was not recorded.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    found = get_version(settings, version)
    moment = found.tags.get(_PROMOTED_AT) if found else None
    return datetime.fromisoformat(moment) if moment else None


def promote(settings: Settings, version: str, reason: str, alias: str = CHAMPION) -> None:
    """Move the alias to `version` after its registered artifact has passed its check.

    The alias is then resolved and checked once more. When that fails the alias goes back to where it was.

    Raises:
        IncompatibleModelError: the artifact does not pass; the alias is where it was.
        UnreachableError: MLflow does not answer.
    """
    load_bundle(settings, version)
    previous = version_of_alias(settings, alias)
    tags = {REASON_TAG: reason, _PROMOTED_AT: _now(), _PROMOTED_AS: alias}
    if previous is not None and previous != version:
        tags[_PREVIOUS] = previous
    tag_version(settings, version, tags)
    _set_alias(settings, alias, version)
    try:
        _check_alias(settings, alias, version)
    except FraudError:
        _set_alias(settings, alias, previous)
        raise


def rollback(settings: Settings, reason: str, alias: str = CHAMPION) -> str:
    """Give the alias back to the version that had it before; returns that version.

    Raises:
        DataError: there is no version before, or it was deleted.
        IncompatibleModelError: the version before cannot serve this code's features.
        UnreachableError: MLflow does not answer.
    """
    current, previous = _current_and_previous(settings, alias)
    if get_version(settings, previous) is None:
        raise DataError(
            f"version {previous} of model {settings.registry.model_name!r}, the {alias} before, was deleted "
            f"from the registry; version {current} stays, and `python flows/train.py` makes another"
        )
    load_bundle(settings, previous)
    _set_alias(settings, alias, previous)
    why = f"rolled back from version {current}: {reason}"
    tag_version(settings, previous, {REASON_TAG: why, _PROMOTED_AT: _now()})
    return previous


def former_champion(settings: Settings) -> str | None:
    """The version that last became champion, whether or not it still has the alias; None without any.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    moments = {
        version: tags[_PROMOTED_AT]
        for version, tags in version_tags(settings).items()
        # Versions older than the tag `promoted_as` could only become champion.
        if _PROMOTED_AT in tags and tags.get(_PROMOTED_AS, CHAMPION) == CHAMPION
    }
    return max(moments, key=lambda version: (moments[version], int(version)), default=None)


def _current_and_previous(settings: Settings, alias: str) -> tuple[str, str]:
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        current = _find(client, name, alias)
        if current is None:
            raise DataError(f"model {name!r} has no version with the alias {alias!r}; nothing to roll back")
        previous = client.get_model_version(name, current.version).tags.get(_PREVIOUS)
    if previous is None:
        raise DataError(
            f"version {current.version} of model {name!r} was the first {alias}; nothing to go back to"
        )
    return str(current.version), str(previous)


def _find(client: Any, name: str, alias: str) -> Any | None:
    try:
        return client.get_model_version_by_alias(name, alias)
    except Exception as error:
        if is_missing(error):
            return None
        raise


def _set_alias(settings: Settings, alias: str, version: str | None) -> None:
    """Point the alias to the version, or delete it where there is none."""
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        if version is None:
            client.delete_registered_model_alias(name, alias)
        else:
            client.set_registered_model_alias(name, alias, version)


def _check_alias(settings: Settings, alias: str, version: str) -> None:
    with tempfile.TemporaryDirectory(prefix="fraud-model-") as folder:
        path = download_model(settings, f"models:/{settings.registry.model_name}@{alias}", folder)
        bundle = check_compatible(read_bundle(path, version), settings.loaded_definitions).verify()
    if version_of_alias(settings, alias) != version:
        raise IncompatibleModelError(f"{describe(bundle)} lost the alias {alias!r} to another promotion")


def _now() -> str:
    return datetime.now(UTC).isoformat("T", "seconds")
