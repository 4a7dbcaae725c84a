"""The model registry: MLflow, seen as versions, aliases and the reasons for their moves.

MLflow retries an unreachable server for minutes unless told otherwise, and can only be told through the
environment; `connect` does that, from the settings, so that an outage is a sentence after seconds.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fraud.errors import DataError, FraudError, IncompatibleModelError, UnreachableError
from fraud.registry.bundle import ModelBundle, check_compatible, describe, flavour_arguments, read_bundle
from fraud.settings import Settings

CHAMPION = "champion"
CHALLENGER = "challenger"

_REASON = "promotion_reason"
_PROMOTED_AT = "promoted_at"
_PREVIOUS = "previous_version"
_DIGEST = "model_digest"
_PROMOTED_AS = "promoted_as"

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "RegisteredVersion",
    "alias_target",
    "check_compatible",
    "connect",
    "fetch_bundle",
    "former_champion",
    "get_version",
    "list_versions",
    "load_bundle",
    "log_and_register",
    "promote",
    "record_reason",
    "require_version",
    "rollback",
    "tag_version",
    "tags_of_versions",
    "version_of_alias",
]


@dataclass(frozen=True)
class AliasTarget:
    """What an alias names, told without fetching it.

    The number alone identifies nothing: a registry that starts again gives it to another model.
    """

    version: str
    run_id: str
    created_ms: int
    source: str


@dataclass(frozen=True)
class RegisteredVersion:
    """A version as `fraud models` lists it."""

    version: str
    aliases: tuple[str, ...]
    run_id: str
    created_at: datetime
    tags: dict[str, str]
    metrics: dict[str, float]

    @property
    def digest(self) -> str:
        """What identifies the model (`ModelBundle.digest`); empty where no digest was noted."""
        return self.tags.get(_DIGEST, "")

    @property
    def reason(self) -> str:
        """Why it was promoted, or was not."""
        return self.tags.get(_REASON, "")


def connect(settings: Settings) -> Any:
    """An `MlflowClient` that gives up after seconds; MLflow's own functions get the same server."""
    import mlflow
    from mlflow import environment_variables as mlflow_environment

    mlflow_environment.MLFLOW_HTTP_REQUEST_TIMEOUT.set(settings.registry.request_timeout_s)
    mlflow_environment.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(settings.registry.request_retries)
    mlflow_environment.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
    mlflow_environment.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    mlflow.set_tracking_uri(settings.tracking_uri)
    return mlflow.MlflowClient(settings.tracking_uri)


@contextmanager
def mlflow_client(settings: Settings) -> Iterator[Any]:
    """A client whose failures are told in one sentence.

    Raises:
        UnreachableError: MLflow does not answer, or refuses.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield connect(settings)
    except FraudError:
        raise
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        raise UnreachableError(
            f"MLflow at {_without_password(settings.tracking_uri)} failed ({_in_brief(error, settings)}); "
            "check FRAUD_REGISTRY__TRACKING_URI or start the embedded stack with `fraud up`"
        ) from error


def experiment_id(settings: Settings) -> str:
    """The id of the settings' experiment, created if need be."""
    with mlflow_client(settings) as client:
        found = client.get_experiment_by_name(settings.registry.experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(settings.registry.experiment, _artifact_location(settings)))


def log_and_register(settings: Settings, bundle: ModelBundle, run_id: str) -> str:
    """Log the bundle to the run and register it; returns the version, READY and without an alias.

    Raises:
        UnreachableError: MLflow does not answer; nothing is registered then.
    """
    import mlflow
    import mlflow.xgboost

    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        active = mlflow.active_run()
        within = active is not None and active.info.run_id == run_id
        with nullcontext() if within else mlflow.start_run(run_id=run_id):
            logged = mlflow.xgboost.log_model(bundle.booster, name="model", **flavour_arguments(bundle))
        _ensure_registered_model(client, name)
        version = client.create_model_version(
            name,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            tags={_DIGEST: bundle.digest},
        )
        return str(version.version)


def version_of_alias(settings: Settings, alias: str = CHAMPION) -> str | None:
    """The version that bears the alias, or None.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        return _version_of_alias(client, settings.registry.model_name, alias)


def alias_target(settings: Settings, alias: str = CHAMPION) -> AliasTarget | None:
    """What bears the alias, or None.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        try:
            found = client.get_model_version_by_alias(settings.registry.model_name, alias)
        except Exception as error:
            if _is_missing(error):
                return None
            raise
        return AliasTarget(
            str(found.version), found.run_id or "", int(found.creation_timestamp), str(found.source)
        )


def load_bundle(settings: Settings, version: str) -> ModelBundle:
    """Download, read and check a version: whole, ours, and for this code's features.

    Raises:
        IncompatibleModelError: it must not serve.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    return check_compatible(fetch_bundle(settings, version)).verify()


def fetch_bundle(settings: Settings, version: str) -> ModelBundle:
    """Download and read a version, also one that could not serve this code's features.

    Raises:
        IncompatibleModelError: it is not one of ours, or it is broken.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="fraud-model-") as folder:
        path = _download(settings, f"models:/{settings.registry.model_name}/{version}", folder)
        return read_bundle(path, version)


def promote(settings: Settings, version: str, reason: str, alias: str = CHAMPION) -> None:
    """Move the alias to `version` after scoring with the very artifact the registry gives out.

    The reason, the time and the version before are kept as tags. When the artifact behind the alias does
    not pass, the alias goes back where it was.

    Raises:
        IncompatibleModelError: the artifact does not pass; the alias stays with, or is back at, the former.
        UnreachableError: MLflow does not answer.
    """
    load_bundle(settings, version)
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        previous = _version_of_alias(client, name, alias)
        _tag(
            client,
            name,
            version,
            {
                _REASON: reason,
                _PROMOTED_AT: datetime.now(UTC).isoformat("T", "seconds"),
                _PROMOTED_AS: alias,
            },
        )
        if previous is not None and previous != version:
            _tag(client, name, version, {_PREVIOUS: previous})
        client.set_registered_model_alias(name, alias, version)
    try:
        _check_alias(settings, alias, version)
    except FraudError:
        with mlflow_client(settings) as client:
            _put_alias(client, name, alias, previous)
        raise


def record_reason(settings: Settings, version: str, reason: str) -> None:
    """Note at the version why it was not promoted.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        _tag(client, settings.registry.model_name, version, {_REASON: reason})


def tag_version(settings: Settings, version: str, tags: dict[str, str]) -> None:
    """Note facts at a version.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        _tag(client, settings.registry.model_name, version, tags)


def tags_of_versions(settings: Settings) -> dict[str, dict[str, str]]:
    """What is noted at every version of the settings' model; empty when there is none.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        found = client.search_model_versions(f"name = '{name}'", max_results=1_000)
        return {str(one.version): dict(one.tags) for one in found}


def former_champion(settings: Settings) -> str | None:
    """The version that last became champion, whether or not it still has the alias; None without any.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    moments = {
        version: tags[_PROMOTED_AT]
        for version, tags in tags_of_versions(settings).items()
        # Versions of before this tag do not say as what they were promoted.
        if _PROMOTED_AT in tags and tags.get(_PROMOTED_AS, CHAMPION) == CHAMPION
    }
    return max(moments, key=lambda version: (moments[version], int(version)), default=None)


def rollback(settings: Settings, reason: str, alias: str = CHAMPION) -> str:
    """Give the alias back to the version that had it before; returns that version.

    Raises:
        DataError: there is no version before, or it was deleted.
        IncompatibleModelError: the version before cannot serve this code's features.
        UnreachableError: MLflow does not answer.
    """
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        current = _version_of_alias(client, name, alias)
        if current is None:
            raise DataError(f"model {name!r} has no version with the alias {alias!r}; nothing to roll back")
        previous = client.get_model_version(name, current).tags.get(_PREVIOUS)
        if previous is None:
            raise DataError(
                f"version {current} of model {name!r} was the first {alias}; nothing to go back to"
            )
    if get_version(settings, previous) is None:
        raise DataError(
            f"version {previous} of model {name!r}, the {alias} before, was deleted from the registry; "
            f"version {current} stays, and `python flows/train.py` makes another"
        )
    load_bundle(settings, previous)
    with mlflow_client(settings) as client:
        _put_alias(client, name, alias, previous)
        told = f"rolled back from version {current}: {reason}"
        _tag(
            client, name, previous, {_REASON: told, _PROMOTED_AT: datetime.now(UTC).isoformat("T", "seconds")}
        )
    return str(previous)


def list_versions(settings: Settings) -> list[RegisteredVersion]:
    """Every version of the settings' model, newest first; empty when there is none.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        try:
            aliases = client.get_registered_model(name).aliases
        except Exception as error:
            if _is_missing(error):
                return []
            raise
        found = client.search_model_versions(f"name = '{name}'", max_results=1_000)
        versions = [_registered(version, aliases, _metrics(client, version)) for version in found]
        return sorted(versions, key=lambda one: -int(one.version))


def get_version(settings: Settings, version: str) -> RegisteredVersion | None:
    """One version of the settings' model, or None when it was deleted.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        try:
            found = client.get_model_version(name, version)
        except Exception as error:
            if _is_missing(error):
                return None
            raise
        aliases = client.get_registered_model(name).aliases
        return _registered(found, aliases, _metrics(client, found))


def require_version(settings: Settings, version: str) -> RegisteredVersion:
    """One version of the settings' model.

    Raises:
        DataError: there is no such version.
        UnreachableError: MLflow does not answer.
    """
    found = get_version(settings, version) if version.isdecimal() else None
    if found is None:
        raise DataError(
            f"model {settings.registry.model_name!r} has no version {version!r}; `fraud models` lists them"
        )
    return found


def _registered(version: Any, aliases: dict[str, str], metrics: dict[str, float]) -> RegisteredVersion:
    return RegisteredVersion(
        version=str(version.version),
        aliases=tuple(
            sorted(alias for alias, owner in aliases.items() if str(owner) == str(version.version))
        ),
        run_id=version.run_id or "",
        created_at=datetime.fromtimestamp(version.creation_timestamp / 1_000, UTC),
        tags=dict(version.tags),
        metrics=metrics,
    )


def _metrics(client: Any, version: Any) -> dict[str, float]:
    """The figures of the version's run; none when the run was deleted."""
    try:
        return dict(client.get_run(version.run_id).data.metrics) if version.run_id else {}
    except Exception as error:
        if _is_missing(error):
            return {}
        raise


def _check_alias(settings: Settings, alias: str, version: str) -> None:
    with tempfile.TemporaryDirectory(prefix="fraud-model-") as folder:
        path = _download(settings, f"models:/{settings.registry.model_name}@{alias}", folder)
        bundle = check_compatible(read_bundle(path, version)).verify()
    if version_of_alias(settings, alias) != version:
        raise IncompatibleModelError(f"{describe(bundle)} lost the alias {alias!r} to another promotion")


def _download(settings: Settings, uri: str, folder: str) -> Path:
    import mlflow.artifacts

    with mlflow_client(settings):
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))


def _version_of_alias(client: Any, name: str, alias: str) -> str | None:
    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except Exception as error:
        if _is_missing(error):
            return None
        raise


def _put_alias(client: Any, name: str, alias: str, version: str | None) -> None:
    if version is None:
        client.delete_registered_model_alias(name, alias)
    else:
        client.set_registered_model_alias(name, alias, version)


def _tag(client: Any, name: str, version: str, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)


def _ensure_registered_model(client: Any, name: str) -> None:
    try:
        client.create_registered_model(name)
    except Exception as error:
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise


def _is_missing(error: Exception) -> bool:
    code = getattr(error, "error_code", None)
    no_such_alias = code == "INVALID_PARAMETER_VALUE" and "alias" in str(error)
    return code == "RESOURCE_DOES_NOT_EXIST" or no_such_alias


def _artifact_location(settings: Settings) -> str | None:
    """On a bare database MLflow would drop artifacts into the working directory; a server knows its place."""
    if settings.tracking_uri.startswith(("http://", "https://")):
        return None
    return (settings.home / "mlartifacts").resolve().as_uri()


def _in_brief(error: Exception, settings: Settings) -> str:
    lines = str(error).replace(settings.tracking_uri, _without_password(settings.tracking_uri)).splitlines()
    if any("Max retries exceeded" in line or "timed out" in line for line in lines):
        return "it does not answer"
    return lines[0][:200] if lines else type(error).__name__


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
