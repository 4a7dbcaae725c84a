"""A model's features among those that definitions compute: found by hash, named where they are missing."""

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.loading import load_definitions

_SHOWN = 5


def recorded_hashes(definitions: Definitions, names: tuple[str, ...]) -> tuple[str, ...]:
    """The hashes of these features; none of the shipped ones, whose names earlier releases read."""
    if definitions.tag == V1_TAG:
        return ()
    return tuple(definitions.feature_by_name[name].hash for name in names)


def hashes_by_name(names: tuple[str, ...], hashes: tuple[str, ...]) -> dict[str, str]:
    """The hash of each feature by the model's name of it.

    Args:
        names: the model's features.
        hashes: theirs; none of a model that was made before there were any, or with the features of v1.yaml.

    Returns:
        The names in their order; the hash of a name that v1.yaml does not have is empty.
    """
    if hashes:
        return dict(zip(names, hashes, strict=True))
    shipped = load_definitions().feature_by_name
    return {name: shipped[name].hash if name in shipped else "" for name in names}


def find_columns(wanted: dict[str, str], definitions: Definitions) -> npt.NDArray[np.int64]:
    """Where the wanted features are among those of the definitions, int64 (F,).

    Raises:
        LookupError: a clause that names the features that nothing computes, or computes differently.
    """
    computed = {feature.hash: index for index, feature in enumerate(definitions.features)}
    missing = [name for name, one in wanted.items() if one not in computed]
    if missing:
        raise LookupError(_describe_missing(missing, definitions))
    return np.array([computed[one] for one in wanted.values()], dtype=np.int64)


def _describe_missing(missing: list[str], definitions: Definitions) -> str:
    other = [name for name in missing if name in definitions.feature_by_name]
    unknown = [name for name in missing if name not in definitions.feature_by_name]
    clauses = (
        f"{_listed(unknown)}, which {definitions.source} does not compute" if unknown else "",
        f"{_listed(other)}, which {definitions.source} computes differently" if other else "",
    )
    return ", and ".join(filter(None, clauses))


def _listed(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
