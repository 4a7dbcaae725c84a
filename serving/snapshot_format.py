"""A partition's snapshot as bytes: a line of JSON that says what it is, then the arrays.

Arrays are stored in NumPy's own format, without pickle. The checksum covers all of them.
"""

import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_128_hexdigest

from fraud.admission import Door
from fraud.features.spec import FEATURE_VERSION
from fraud.features.store import CardStore
from fraud.settings import AdmissionSettings
from serving.state import PartitionState

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Origin:
    """What a snapshot must have been made of to be of use: state is a function of these and the offset."""

    topic: str
    topic_id: str
    partition: int
    admission: str
    feature_version: int = FEATURE_VERSION


class UnusableSnapshotError(Exception):
    """It is damaged, or of other data; the text says which."""


def encode(origin: Origin, offset: int, newest: int, arrays: Arrays) -> bytes:
    """The snapshot of the state after every message before `offset`."""
    body = io.BytesIO()
    for array in arrays.values():
        np.lib.format.write_array(body, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    content = body.getbuffer()
    told = {
        "origin": asdict(origin),
        "offset": offset,
        "newest": newest,
        "arrays": list(arrays),
        "checksum": xxh3_128_hexdigest(content),
    }
    return b"\n".join((json.dumps(told).encode(), content))


def decode(snapshot: bytes, origin: Origin, admission: AdmissionSettings) -> PartitionState:
    """The state in a snapshot.

    Raises:
        UnusableSnapshotError: it cannot be used.
    """
    begin = snapshot.find(b"\n") + 1
    try:
        told = json.loads(snapshot[:begin])
        found = Origin(**told["origin"])
        offset, newest, checksum, names = (told[key] for key in ("offset", "newest", "checksum", "arrays"))
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableSnapshotError("it does not begin with a snapshot's header") from error
    if found != origin:
        raise UnusableSnapshotError(f"it was made of something else: {_difference(found, origin)}")
    if xxh3_128_hexdigest(memoryview(snapshot)[begin:]) != checksum:
        raise UnusableSnapshotError("its checksum does not match: truncated or altered")
    try:
        cards = CardStore.restore(_arrays(snapshot, begin, names))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableSnapshotError(f"its arrays do not fit this code: {error}") from error
    return PartitionState(origin.partition, offset, Door(admission, newest), cards)


def _arrays(snapshot: bytes, begin: int, names: list[str]) -> Arrays:
    """The arrays where they lie: a month of a million cards would be slow to copy."""
    source = io.BytesIO(snapshot)
    source.seek(begin)
    arrays = {}
    for name in names:
        np.lib.format.read_magic(source)
        shape, _, dtype = np.lib.format.read_array_header_1_0(source)
        count, first = int(np.prod(shape)), source.tell()
        arrays[name] = np.frombuffer(snapshot, dtype, count, first).reshape(shape)
        source.seek(first + count * dtype.itemsize)
    return arrays


def _difference(found: Origin, wanted: Origin) -> str:
    ours = asdict(wanted)
    return ", ".join(f"{key} {value!r}" for key, value in asdict(found).items() if value != ours[key])
