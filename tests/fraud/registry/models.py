"""Models in a registry, and their files in its artifact store."""

from pathlib import Path

import mlflow

from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.versions import log_and_register
from fraud.settings import Settings


def registered(settings: Settings, bundle: ModelBundle, description: str = "") -> str:
    """The version under which the bundle is registered, logged to a run of its own."""
    experiment = experiment_id(settings)
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment) as run:
        return log_and_register(settings, bundle, run.info.run_id, description)


def artifact_of(settings: Settings, version: str) -> Path:
    """The booster's file in the artifact store."""
    with mlflow_client(settings) as client:
        source = client.get_model_version(settings.registry.model_name, version).source
    model_id = source.rpartition("/")[2]
    return next((settings.home / "mlartifacts").rglob(f"{model_id}/**/model.ubj"))
