"""The champion that a candidate is compared with: its bundle, or why it cannot be loaded."""

from dataclasses import dataclass
from datetime import datetime

from xgboost.core import XGBoostError

from fraud.errors import FraudError
from fraud.modelling.bundle import BundleMetadata, ModelBundle
from fraud.registry import check_compatible, fetch_bundle, former_champion, version_of_alias
from fraud.settings import Settings


@dataclass(frozen=True)
class Champion:
    """A version of the registry.

    Attributes:
        version: its number.
        bundle: None where this code cannot score with it.
        metadata: None where they cannot be read.
        fault: why it cannot serve, in words; empty where it can.
    """

    version: str
    bundle: ModelBundle | None
    metadata: BundleMetadata | None
    fault: str = ""

    @property
    def learnt_until(self) -> int:
        """The end of what it learnt from, ms; 0 where nobody knows, which flatters the champion alone."""
        return _milliseconds(self.metadata.train_end) if self.metadata else 0


def find_champion(settings: Settings) -> Champion | None:
    """The version with the alias `champion`, or the last that had it; None where there never was one.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    version = version_of_alias(settings)
    if version is not None:
        return _load(settings, version)
    version = former_champion(settings)
    if version is None:
        return None
    found = _load(settings, version)
    fault = found.fault or f"the alias champion was taken from version {version}"
    return Champion(version, found.bundle, found.metadata, fault)


def _load(settings: Settings, version: str) -> Champion:
    """An artifact that is missing is a fault of the champion as well: MLflow has just answered."""
    try:
        bundle = fetch_bundle(settings, version)
    except FraudError as error:
        return Champion(version, None, None, str(error))
    try:
        return Champion(version, check_compatible(bundle).verify(), bundle.metadata)
    except (FraudError, XGBoostError, ValueError) as error:
        return Champion(version, None, bundle.metadata, str(error))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
