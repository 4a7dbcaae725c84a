"""Days of derived data in the lake. A day is complete when its manifest exists; it is written last."""

from collections.abc import Sequence
from datetime import date

import msgspec
import numpy as np
import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from fraud.definitions.definitions import Definitions
from fraud.errors import DataError
from fraud.features.profiles import PROFILE_COLUMNS, PROFILE_VERSION
from fraud.lake import Lake

FEATURES = "features"
"""The folder of the training rows of all definitions."""

PROFILES = f"profiles/v{PROFILE_VERSION}"

REUSED_ARROW = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("transaction_id", pa.string()),
        ("card_id", pa.string()),
        ("timestamp", pa.int64()),
        ("reason", pa.string()),
    ]
)
"""Schema of the rejected rows of a day."""


class DayManifest(msgspec.Struct, frozen=True):
    """The files of a day and the fingerprint of their inputs.

    Attributes:
        date: the day (UTC).
        inputs: fingerprint of the inputs.
        files: paths in the lake.
        rows: rows in all files.
        content: digest of the content, where other data depends on it.
        repeats: transactions that were delivered again and are left out.
        reused: transactions that are left out because another payment has their id
            (`fraud.preprocess.reused_ids`).
    """

    date: date
    inputs: str
    files: list[str]
    rows: int
    content: str = ""
    repeats: int = 0
    reused: int = 0


def features_dataset(definitions: Definitions) -> str:
    """The folder of the training rows with these features."""
    return f"{FEATURES}/{definitions.tag}"


def day_folder(dataset: str, day: date) -> str:
    """The folder of a day's files."""
    return f"{dataset}/date={day}"


def rejected_path(definitions: Definitions, day: date) -> str:
    """The path of a day's rejected rows; without such rows the file does not exist."""
    return f"{features_dataset(definitions)}/_rejected/date={day}.parquet"


def write_day(lake: Lake, dataset: str, manifest: DayManifest) -> None:
    """Write a day's manifest, then remove the files that are not in it."""
    lake.write_json(msgspec.to_builtins(manifest), _manifest_path(dataset, manifest.date))
    for path in lake.list_all(day_folder(dataset, manifest.date)):
        if path not in manifest.files:
            lake.remove(path)


def read_days(lake: Lake, dataset: str) -> dict[date, DayManifest]:
    """Read the manifests of all complete days.

    Raises:
        DataError: a manifest cannot be read.
    """
    contents = lake.read_many(lake.list_files(f"{dataset}/_days", ".json"))
    manifests = [_decode(path, content) for path, content in contents.items()]
    return {manifest.date: manifest for manifest in sorted(manifests, key=lambda one: one.date)}


def feature_files(definitions: Definitions, lake: Lake, first: date, last: date) -> list[str]:
    """List the files of the training rows from `first` to `last`, both included, by day.

    Raises:
        DataError: the lake has none.
    """
    days = read_days(lake, features_dataset(definitions))
    files = [path for day, manifest in days.items() if first <= day <= last for path in manifest.files]
    if not files:
        raise DataError(
            f"the lake has no training rows from {first} to {last}; run flows/preprocess.py first"
        )
    return files


def changed(days: Sequence[date], existing: dict[date, DayManifest], inputs: dict[date, str]) -> list[date]:
    """The days that are missing or were computed from other inputs."""
    return [day for day in days if day not in existing or existing[day].inputs != inputs[day]]


def profile_digest(profiles: pa.Table) -> str:
    """Digest of a version of a day's profiles."""
    values = np.column_stack([profiles[name] for name in PROFILE_COLUMNS])
    names = "\0".join(profiles["merchant_id"].to_pylist())
    return xxh3_128_hexdigest(names.encode() + values.tobytes())


def _manifest_path(dataset: str, day: date) -> str:
    return f"{dataset}/_days/{day}.json"


def _decode(path: str, content: bytes) -> DayManifest:
    try:
        return msgspec.json.decode(content, type=DayManifest)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path} in the lake is broken ({error}); delete it and the day is computed again"
        ) from error
