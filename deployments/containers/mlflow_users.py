"""The users of an MLflow that asks for passwords, and what each may do: read, unless it says more here.

The one who trains writes runs and versions; the one who promotes sets tags and aliases; who scores reads.
MLflow lets every user make experiments and models of names that are not taken, and gives no right for that.
What is served is decided by signatures all the same (docs/security/signing.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployments.containers.settings import ContainerSettings
from deployments.containers.waiting import poll
from fraud.errors import ConfigurationError
from fraud.registry.connection import experiment_id, is_missing, mlflow_client
from fraud.registry.versions import ensure_registered_model
from fraud.settings import Settings

ADMIN = "admin"
"""MLflow's own user, who makes the others; it is no part's."""


@dataclass(frozen=True)
class UserRole:
    """What a user may change: the registered model, the experiment of trainings."""

    model: bool = False
    experiment: bool = False


USERS = {
    "flows": UserRole(model=True, experiment=True),
    "dashboard": UserRole(model=True),
    "serving": UserRole(),
}
"""By name; the one of a part of the system is that of its service in compose."""


def make_users(
    settings: Settings, container: ContainerSettings, timeout_s: float, report: Callable[[str], None]
) -> None:
    """Make each user with its password, or give it the new one, and grant what it may change.

    The process's own MLflow user must be the admin.

    Raises:
        ConfigurationError: a user has no password.
        UnreachableError: MLflow does not answer within `timeout_s`.
    """
    passwords = {name: one.get_secret_value() for name, one in container.mlflow_users.items()}
    if passwords.keys() != USERS.keys():
        raise ConfigurationError(
            f"FRAUD_CONTAINER_MLFLOW_USERS must have a password for each of {', '.join(USERS)}, as JSON"
        )
    poll(lambda: _apply(settings, passwords), timeout_s, report)
    report(f"MLflow's users are {', '.join(passwords)}")


def _apply(settings: Settings, passwords: dict[str, str]) -> None:
    experiment = experiment_id(settings)
    with mlflow_client(settings) as client:
        ensure_registered_model(client, settings.registry.model_name)
        for name, password in passwords.items():
            _set_password(settings, name, password)
            if USERS[name].model:
                _grant(settings, name, "registered_model", settings.registry.model_name)
            if USERS[name].experiment:
                _grant(settings, name, "experiment", experiment)


def _set_password(settings: Settings, name: str, password: str) -> None:
    try:
        _call(settings, "GET", "2.0/mlflow/users/get", params={"username": name})
    except Exception as error:
        if not is_missing(error):
            raise
        _call(settings, "POST", "2.0/mlflow/users/create", json={"username": name, "password": password})
    else:
        changed = {"username": name, "password": password}
        _call(settings, "PATCH", "2.0/mlflow/users/update-password", json=changed)


def _grant(settings: Settings, name: str, kind: str, resource: str) -> None:
    granted = {"username": name, "resource_type": kind, "resource_id": resource, "permission": "EDIT"}
    try:
        _call(settings, "POST", "3.0/mlflow/users/permissions/grant", json=granted)
    except Exception as error:
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise


def _call(settings: Settings, method: str, path: str, **arguments: Any) -> None:
    """MLflow's own client of its users imports the whole server."""
    from mlflow.tracking._tracking_service.utils import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    endpoint = f"/api/{path}"
    answer = http_request(get_default_host_creds(settings.tracking_uri), endpoint, method, **arguments)
    verify_rest_response(answer, endpoint)
