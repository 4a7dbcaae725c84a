"""The two work pools: `local` runs flows as processes, `kubernetes` as Jobs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate

from fraud.errors import ConfigurationError

TEMPLATE = Path(__file__).with_name("kubernetes-pool.json")
TYPES = {"local": "process", "kubernetes": "kubernetes"}


def apply_pool(client: SyncPrefectClient, name: str, defaults: Mapping[str, Any]) -> None:
    """Make the pool, or bring it to the template; deployments and queues of an existing one stay.

    Raises:
        ConfigurationError: no such pool, or a default that its template does not know.
    """
    if name not in TYPES:
        raise ConfigurationError(f"the work pool {name!r} is not one of {', '.join(TYPES)}")
    template = kubernetes_template(defaults) if TYPES[name] == "kubernetes" else {}
    pool = WorkPoolCreate(name=name, type=TYPES[name], base_job_template=template)
    client.create_work_pool(pool, overwrite=True)


def kubernetes_template(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The base job template, with values of the cluster's chart as the variables' defaults.

    Raises:
        ConfigurationError: the template has no such variable.
    """
    template: dict[str, Any] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    variables = template["variables"]["properties"]
    unknown = sorted(defaults.keys() - variables.keys())
    if unknown:
        raise ConfigurationError(
            f"the job template has no variable {', '.join(unknown)}; see {TEMPLATE.name}"
        )
    for name, value in defaults.items():
        variables[name]["default"] = value
    return template


def read_defaults(path: Path | None) -> dict[str, Any]:
    """The defaults that a JSON file gives; none without a file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--defaults {path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"--defaults {path} must hold one JSON object, variable to value")
    return found
