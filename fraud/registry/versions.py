"""Versions of the registered model: logging, loading, listing, tags and descriptions."""

import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fraud.errors import DataError
from fraud.registry.bundle import ModelBundle, flavour_arguments, parse_bundle
from fraud.registry.bundle_files import DESCRIPTION_FILE, TREES_FILE, BundleFiles, read_files
from fraud.registry.connection import is_missing, mlflow_client
from fraud.registry.trust.sources import artifact_location
from fraud.settings import Settings

REASON_TAG = "promotion_reason"
"""Why the version was promoted, or was not."""

_DIGEST_TAG = "model_digest"
_MOST_VERSIONS = 1_000
_OUTCOME_TAG = "gate"
_RUN_NOTE_TAG = "mlflow.note.content"
"""MLflow's name of a run's description."""
_MODEL_DESCRIPTION = (
    "Scores card payments for fraud. The version with the alias `champion` decides; the one with the alias "
    "`challenger` scores the same payments in shadow. A version's description has its headline metrics and "
    "the gate's decision."
)


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
        """What identifies the model (`ModelBundle.digest`); empty where no digest was recorded."""
        return self.tags.get(_DIGEST_TAG, "")

    @property
    def reason(self) -> str:
        """Why it was promoted, or was not."""
        return self.tags.get(REASON_TAG, "")


def log_and_register(settings: Settings, bundle: ModelBundle, run_id: str, description: str = "") -> str:
    """Log the bundle to the run and register it; returns the version, READY and without an alias.

    Args:
        settings: name the model.
        bundle: the model.
        run_id: MLflow's run, active or not.
        description: Markdown for the version's page.

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
        ensure_registered_model(client, name)
        version = client.create_model_version(
            name,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            tags={_DIGEST_TAG: bundle.digest},
            description=description or None,
        )
        return str(version.version)


def fetch_bundle(settings: Settings, version: str) -> ModelBundle:
    """Download and read a version, also one of features that nothing computes; nobody may have promoted it.

    Raises:
        IncompatibleModelError: this project did not make it, or it is broken.
        UntrustedModelError: its files are not in the configured store.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    return parse_bundle(fetch_files(settings, version), version)


def fetch_files(settings: Settings, version: str) -> BundleFiles:
    """Download a version's files from the configured store, without looking into them.

    Raises:
        IncompatibleModelError: one is missing.
        UntrustedModelError: they are not in the configured store.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    import mlflow.artifacts

    name = settings.registry.model_name
    with tempfile.TemporaryDirectory(prefix="fraud-model-") as folder, mlflow_client(settings) as client:
        location = artifact_location(settings, client, client.get_model_version(name, version))
        for file in (DESCRIPTION_FILE, TREES_FILE):
            mlflow.artifacts.download_artifacts(artifact_uri=f"{location}/{file}", dst_path=folder)
        return read_files(Path(folder), f"version {version} of model {name!r}")


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
            if is_missing(error):
                return []
            raise
        versions = [
            _registered(version, aliases, _metrics(client, version)) for version in _all(client, name)
        ]
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
            if is_missing(error):
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


def tag_version(settings: Settings, version: str, tags: dict[str, str]) -> None:
    """Set tags of a version.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        for key, value in tags.items():
            client.set_model_version_tag(settings.registry.model_name, version, key, value)


def record_decision(settings: Settings, version: str, outcome: str, text: str) -> None:
    """Add the gate's decision to the descriptions of a version and of its run, which gets it as a tag, too.

    Args:
        settings: name the model.
        version: the candidate.
        outcome: in a word, for the table of runs.
        text: a paragraph of Markdown.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    name = settings.registry.model_name
    with mlflow_client(settings) as client:
        found = client.get_model_version(name, version)
        client.update_model_version(name, version, description=_with_paragraph(found.description, text))
        try:
            run = client.get_run(found.run_id)
        except Exception as error:
            if is_missing(error):
                return
            raise
        note = _with_paragraph(run.data.tags.get(_RUN_NOTE_TAG), text)
        for key, value in {_RUN_NOTE_TAG: note, _OUTCOME_TAG: outcome}.items():
            client.set_tag(found.run_id, key, value)


def record_reason(settings: Settings, version: str, reason: str) -> None:
    """Tag a version with the reason why it was not promoted.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    tag_version(settings, version, {REASON_TAG: reason})


def version_tags(settings: Settings) -> dict[str, dict[str, str]]:
    """The tags of every version of the settings' model, by version; empty when there is none.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        found = _all(client, settings.registry.model_name)
        return {str(one.version): dict(one.tags) for one in found}


def _with_paragraph(before: str | None, text: str) -> str:
    return f"{before}\n\n{text}" if before else text


def _all(client: Any, name: str) -> list[Any]:
    return list(client.search_model_versions(f"name = '{name}'", max_results=_MOST_VERSIONS))


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
    """The metrics of the version's run; none when the run was deleted."""
    try:
        return dict(client.get_run(version.run_id).data.metrics) if version.run_id else {}
    except Exception as error:
        if is_missing(error):
            return {}
        raise


def ensure_registered_model(client: Any, name: str) -> None:
    """Make the registered model, if it is not there."""
    try:
        client.create_registered_model(name, description=_MODEL_DESCRIPTION)
    except Exception as error:
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise
