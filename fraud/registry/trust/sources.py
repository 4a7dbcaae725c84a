"""Where a version's files are, if that is within the configured store.

Anyone who may write to MLflow names the source of a version freely: a file of this machine, another server, a
version of another model. Nothing is downloaded from there.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from fraud.errors import UntrustedModelError
from fraud.settings import Settings

_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})")


def artifact_location(settings: Settings, client: Any, version: Any) -> str:
    """The address of the folder with the files of MLflow's `version`.

    Raises:
        UntrustedModelError: it is not within the configured store.
    """
    source = str(version.source)
    logged = _LOGGED_MODEL.fullmatch(source)
    location = str(client.get_logged_model(logged[1]).artifact_location) if logged else source
    root = artifact_root(settings)
    if not is_inside(root, location):
        raise UntrustedModelError(
            f"version {version.version} of model {settings.registry.model_name!r} has its files at "
            f"{_shown(location)}, outside {_shown(root)}; FRAUD_REGISTRY__ARTIFACT_ROOT names the store of "
            "models, and a version from elsewhere is not loaded"
        )
    return location


def artifact_root(settings: Settings) -> str:
    """The address that all models' files are below."""
    if settings.registry.artifact_root is not None:
        return settings.registry.artifact_root
    if settings.tracking_uri.startswith(("http://", "https://")):
        return "mlflow-artifacts:/"
    return (settings.home / "mlartifacts").resolve().as_uri()


def is_inside(root: str, location: str) -> bool:
    """Whether an address is really below another one, with every step of its path as it is written."""
    if not location.isprintable() or "\\" in location or "%" in unquote(location):
        return False
    try:
        above, below = urlsplit(_as_uri(root)), urlsplit(_as_uri(location))
    except ValueError:
        return False
    if below.query or below.fragment or (above.scheme, above.netloc) != (below.scheme, below.netloc):
        return False
    if above.scheme == "file":
        folder, path = (Path(url2pathname(one.path)).resolve() for one in (above, below))
        return folder in path.parents
    steps, outer = (unquote(one.path).strip("/").split("/") for one in (below, above))
    outer = [step for step in outer if step]
    is_plain = all(step not in ("", ".", "..") for step in steps)
    return is_plain and len(steps) > len(outer) and steps[: len(outer)] == outer


def _as_uri(address: str) -> str:
    return Path(address).as_uri() if address.startswith("/") else address


def _shown(address: str) -> str:
    """Without a login, which some stores have in their addresses."""
    scheme, separator, rest = address.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
