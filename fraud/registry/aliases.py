"""The aliases `champion` and `challenger`: which version has them, and how they move.

An alias moves only to a version whose registered artifact was downloaded and reproduced the scores of its
training. The reason, the time, the version before and the signed record of the promotion are tags of the
version. Engines follow the record: an alias that is moved by MLflow alone changes nothing.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fraud.errors import ConfigurationError, DataError, FraudError, IncompatibleModelError
from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import is_missing, mlflow_client
from fraud.registry.trust.loading import check_bundle, fetch_once_promoted, load_bundle, load_promoted
from fraud.registry.trust.proposals import proposal_tag, require_second_person
from fraud.registry.trust.records import (
    PromotionStatement,
    newest_sequence,
    record_tag,
    signed_record,
)
from fraud.registry.versions import REASON_TAG, get_version, tag_version, version_tags
from fraud.settings import Settings
from fraud.signing.keys import trusted_keys
from fraud.signing.signers import find_signer

CHAMPION = "champion"
CHALLENGER = "challenger"

_PROMOTED_AT = "promoted_at"
_PREVIOUS = "previous_version"
_PROMOTED_AS = "promoted_as"


@dataclass(frozen=True)
class AliasTarget:
    """The version that an alias points to, without its artifact.

    The number alone does not identify a model: a registry that starts from nothing gives it to another one.
    `record` is the signed record of the version's promotion to the alias; empty without one.
    """

    version: str
    run_id: str
    created_ms: int
    source: str
    record: str = ""


def alias_target(settings: Settings, alias: str = CHAMPION) -> AliasTarget | None:
    """What the alias points to, or None.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        found = _find(client, settings.registry.model_name, alias)
        if found is None:
            return None
        created, record = int(found.creation_timestamp), found.tags.get(record_tag(alias), "")
        return AliasTarget(str(found.version), found.run_id or "", created, str(found.source), record)


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


def load_alias(settings: Settings, alias: str = CHAMPION) -> ModelBundle | None:
    """Load the version that the alias names, by the record of its promotion; None where it names none.

    Raises:
        IncompatibleModelError: it must not serve.
        UnreachableError: MLflow does not answer.
    """
    target = alias_target(settings, alias)
    return None if target is None else load_promoted(settings, alias, target.version, target.record)


def promote(settings: Settings, version: str, reason: str, alias: str = CHAMPION, by: str = "") -> bool:
    """Move the alias to `version` after its registered artifact has passed its check.

    The alias is then resolved and checked once more. When that fails the alias goes back to where it was.

    Args:
        settings: of the registry, and of the key that signs.
        version: that gets the alias.
        reason: kept with the version.
        alias: champion or challenger.
        by: who promotes; needed where two people must.

    Returns:
        Whether the alias has moved: False where another person must promote the same version, too.

    Raises:
        ConfigurationError: signatures are required and there is no key, or nobody says who promotes.
        IncompatibleModelError: the artifact does not pass; the alias is where it was.
        UnreachableError: MLflow does not answer.
    """
    bundle = load_bundle(settings, version)
    tags, proposed_by = {REASON_TAG: reason, _PROMOTED_AT: _now(), _PROMOTED_AS: alias}, ""
    if settings.registry.approvals:
        first = require_second_person(settings, bundle, alias, by)
        if first is None:
            why = f"{by} asks for it as {alias}: {reason}; another person must promote it, too"
            tag_version(settings, version, {REASON_TAG: why})
            return False
        proposed_by = first
        tags[proposal_tag(alias)] = ""
    previous = version_of_alias(settings, alias)
    if previous is not None and previous != version:
        tags[_PREVIOUS] = previous
    _give(settings, alias, bundle, tags, by, proposed_by)
    try:
        _check_alias(settings, alias, version)
    except FraudError:
        _take_back(settings, alias, previous)
        raise
    return True


def rollback(settings: Settings, reason: str, alias: str = CHAMPION, by: str = "") -> str:
    """Give the alias back to the version that had it before; returns that version.

    It takes one person: what was promoted once may be again.

    Raises:
        DataError: there is no version before, or it was deleted.
        IncompatibleModelError: the version before cannot serve this code's features, or was never signed.
        UnreachableError: MLflow does not answer.
    """
    current, previous = _current_and_previous(settings, alias)
    if get_version(settings, previous) is None:
        raise DataError(
            f"version {previous} of model {settings.registry.model_name!r}, the {alias} before, was deleted "
            f"from the registry; version {current} stays, and `python flows/train.py` makes another"
        )
    why = f"rolled back from version {current}: {reason}"
    # Which version was before is a tag that anybody may write who reaches MLflow.
    bundle = check_bundle(settings, fetch_once_promoted(settings, previous, alias))
    _give(settings, alias, bundle, {REASON_TAG: why, _PROMOTED_AT: _now()}, by)
    return previous


def sign_current(settings: Settings, by: str = "") -> dict[str, str]:
    """Sign what has the aliases now, as after the first key was made; returns the versions by alias.

    Raises:
        ConfigurationError: there is no key to sign with.
        IncompatibleModelError: a version cannot serve.
        UnreachableError: MLflow does not answer.
    """
    if find_signer(settings) is None:
        raise ConfigurationError(
            "there is no key to sign with: set FRAUD_SIGNING__PRIVATE_KEY to its file; `fraud up` makes one"
        )
    named = {alias: version_of_alias(settings, alias) for alias in (CHAMPION, CHALLENGER)}
    found = {alias: version for alias, version in named.items() if version is not None}
    for alias, version in found.items():
        _give(settings, alias, load_bundle(settings, version), {}, by)
    return found


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


def _give(
    settings: Settings, alias: str, bundle: ModelBundle, tags: dict[str, str], by: str, proposed_by: str = ""
) -> None:
    """Sign the promotion and move the alias; the record is there first, since engines look at both."""
    record = _record_of(settings, alias, bundle, by, proposed_by)
    tag_version(settings, bundle.version, tags | record)
    _set_alias(settings, alias, bundle.version)


def _record_of(
    settings: Settings, alias: str, bundle: ModelBundle, by: str, proposed_by: str
) -> dict[str, str]:
    """The tag with the signed record; none where nobody signs."""
    signer = find_signer(settings)
    if signer is None or bundle.files is None:
        return {}
    model, keys = settings.registry.model_name, trusted_keys(settings)
    newest = newest_sequence(keys, model, alias, version_tags(settings).values()) if keys else 0
    statement = PromotionStatement(
        model=model,
        alias=alias,
        version=bundle.version,
        files=bundle.files.digest,
        digest=bundle.digest,
        sequence=max(time.time_ns() // 1_000_000, newest + 1),
        by=by,
        proposed_by=proposed_by,
    )
    return {record_tag(alias): signed_record(signer, statement)}


def _take_back(settings: Settings, alias: str, previous: str | None) -> None:
    """Put the alias back after a failed promotion; its newer record would keep engines from following."""
    if previous is None:
        _set_alias(settings, alias, None)
        return
    try:
        _give(settings, alias, fetch_once_promoted(settings, previous, alias), {}, "")
    except IncompatibleModelError:
        # Nobody had promoted it: it gets the alias that it had, and no signature.
        _set_alias(settings, alias, previous)


def _check_alias(settings: Settings, alias: str, version: str) -> None:
    bundle = load_alias(settings, alias)
    if bundle is None or bundle.version != version:
        raise IncompatibleModelError(
            f"version {version} of model {settings.registry.model_name!r} lost the alias {alias!r} to "
            "another promotion"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat("T", "seconds")
