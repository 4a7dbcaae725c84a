"""The champion that a candidate is compared with: its bundle, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from xgboost.core import XGBoostError

from fraud.errors import FraudError
from fraud.registry.aliases import CHAMPION, alias_target, former_champion
from fraud.registry.bundle import BundleMetadata, ModelBundle
from fraud.registry.trust.loading import check_bundle, fetch_once_promoted, fetch_promoted
from fraud.registry.versions import get_version
from fraud.settings import Settings


@dataclass(frozen=True)
class Champion:
    """A version of the registry.

    Attributes:
        version: its number.
        bundle: None where this code cannot score with it.
        metadata: None where they cannot be read.
        fault: why it cannot serve, as a sentence; empty where it can.
        digest: what identifies the model, as recorded in the registry; empty where it is not.
    """

    version: str
    bundle: ModelBundle | None
    metadata: BundleMetadata | None
    fault: str = ""
    digest: str = ""

    @property
    def trained_until(self) -> int:
        """The end of its training period, ms; 0 where it is unknown, which can only favour the champion."""
        return _milliseconds(self.metadata.train_end) if self.metadata else 0


def find_champion(settings: Settings) -> Champion | None:
    """The version with the alias `champion`, or the last that had it; None where there never was one.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    target = alias_target(settings)
    if target is not None:
        fetch = partial(fetch_promoted, settings, CHAMPION, target.version, target.record)
        return _load(settings, target.version, fetch)
    version = former_champion(settings)
    if version is None:
        return None
    found = _load(settings, version, partial(fetch_once_promoted, settings, version))
    return replace(found, fault=found.fault or f"the alias champion was taken from version {version}")


def _load(settings: Settings, version: str, fetch: Callable[[], ModelBundle]) -> Champion:
    """The version; a missing artifact is its fault, too, because MLflow has just answered."""
    try:
        bundle = fetch()
    except FraudError as error:
        return Champion(version, None, None, str(error), _recorded_digest(settings, version))
    try:
        check_bundle(settings, bundle)
    except (FraudError, XGBoostError, ValueError) as error:
        return Champion(version, None, bundle.metadata, str(error), bundle.digest)
    return Champion(version, bundle, bundle.metadata, digest=bundle.digest)


def _recorded_digest(settings: Settings, version: str) -> str:
    found = get_version(settings, version)
    return found.digest if found else ""


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
