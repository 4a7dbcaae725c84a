"""A registered model by its MLflow address."""

import re

from fraud.errors import ConfigurationError, DataError
from fraud.registry.aliases import load_alias
from fraud.registry.bundle import ModelBundle
from fraud.registry.trust.loading import load_bundle
from fraud.settings import Settings

_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")


def load_registered(settings: Settings, address: str) -> ModelBundle:
    """The model at `models:/name@alias` or `models:/name/version`.

    Raises:
        ConfigurationError: the address is malformed.
        DataError: no version has the alias.
        IncompatibleModelError: it is not for this code's features.
        UnreachableError: MLflow does not answer.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ConfigurationError(f"{address!r} is no model; give models:/name@alias or models:/name/version")
    registry = settings.registry.model_copy(update={"model_name": found["name"]})
    settings = settings.model_copy(update={"registry": registry})
    if found["version"]:
        return load_bundle(settings, found["version"])
    bundle = load_alias(settings, found["alias"])
    if bundle is None:
        raise DataError(f"no version of the model {found['name']!r} has the alias {found['alias']!r}")
    return bundle
