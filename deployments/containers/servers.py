"""Replaces the process by the server of MLflow or of Prefect, with the container's settings."""

import os
import sys
import tempfile
from pathlib import Path

from deployments.containers.databases import database_uri, for_mlflow, prefect_environment
from deployments.containers.mlflow_users import ADMIN
from deployments.containers.settings import ContainerSettings, load_container_settings
from fraud.errors import ConfigurationError


def become(application: str) -> None:
    """Replace this process by the server: it hears SIGTERM, and its exit code is the container's.

    Raises:
        ConfigurationError: no such server, or a setting that it needs is missing.
    """
    commands = {"prefect": _prefect, "mlflow": _mlflow}
    if application not in commands:
        raise ConfigurationError(f"{application!r} is not one of {', '.join(commands)}")
    arguments, environment = commands[application](load_container_settings(), database_uri())
    os.execve(sys.executable, [sys.executable, *arguments], dict(os.environ) | environment)  # noqa: S606


def mlflow_login(settings: ContainerSettings, uri: str) -> dict[str, str]:
    """The variables by which MLflow asks for users and passwords; users are in its own database.

    Raises:
        ConfigurationError: a secret is missing.
    """
    password, secret = settings.mlflow_admin_password, settings.mlflow_secret_key
    if password is None or secret is None:
        raise ConfigurationError(
            "FRAUD_CONTAINER_MLFLOW_ADMIN_PASSWORD and FRAUD_CONTAINER_MLFLOW_SECRET_KEY are needed together"
        )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(_write_login_file(for_mlflow(uri))),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": password.get_secret_value(),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secret.get_secret_value(),
    }


def _write_login_file(uri: str) -> Path:
    """MLflow takes the database of its users from a file alone; it is this user's."""
    descriptor, name = tempfile.mkstemp(prefix="mlflow-login-", suffix=".ini")
    escaped = uri.replace("%", "%%")
    lines = ("[mlflow]", "default_permission = READ", f"database_uri = {escaped}", "")
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write("\n".join(lines))
    return Path(name)


def _prefect(settings: ContainerSettings, uri: str) -> tuple[list[str], dict[str, str]]:
    port = str(settings.port or 4200)
    arguments = ["-m", "prefect", "server", "start", "--host", settings.host, "--port", port]
    return arguments, prefect_environment(uri) | {
        # Migrations are a job's: several servers that start at once must not race for them.
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
        # Its pages are unpacked at the start; the installed package cannot be written.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(Path(tempfile.gettempdir()) / "prefect-ui"),
    }


def _mlflow(settings: ContainerSettings, uri: str) -> tuple[list[str], dict[str, str]]:
    if settings.artifact_root is None:
        raise ConfigurationError(
            "FRAUD_CONTAINER_ARTIFACT_ROOT is not set; give a place such as s3://bucket/mlflow"
        )
    # Runs write their artifacts themselves, with permissions of their own; so serving cannot create models.
    arguments = ["-m", "mlflow", "server", "--host", settings.host, "--port", str(settings.port or 5000)]
    arguments += ["--workers", str(settings.workers), "--no-serve-artifacts"]
    arguments += ["--default-artifact-root", settings.artifact_root]
    arguments += ["--allowed-hosts", settings.allowed_hosts]
    environment = {
        "MLFLOW_BACKEND_STORE_URI": for_mlflow(uri),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    if settings.mlflow_admin_password is None:
        return arguments, environment
    return [*arguments, "--app-name", "basic-auth"], environment | mlflow_login(settings, uri)
