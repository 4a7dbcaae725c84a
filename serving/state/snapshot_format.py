"""A partition's snapshot as bytes: a head that says what it is, then the arrays as they lie in memory.

The head is JSON behind its checksum, filled up with blanks; in it is the checksum of the arrays. They are
read to where they will be used: fresh memory is what restoring a month of a million cards spends its time on.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from io import BufferedIOBase
from typing import Any

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_128, xxh3_128_hexdigest

from fraud.features.spec import FEATURE_VERSION
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.settings import AdmissionSettings
from serving.state.partition_state import AdmissionState, PartitionState, ReplayPoint, ReplayPoints

CHECKSUM_BYTES = 32
HEAD_BYTES = 4_096
_FORMAT = 2
"""Raised with every change of what the arrays hold. 2: transaction_ids are an index of their own."""
_TOLD = {"format", "origin", "offset", "newest", "cards", "events", "ids", "arrays", "checksum"}
_TOLD_SINCE = {"door", "trail"}
"""What a snapshot may be without."""

_AT_ONCE = 4 << 20
"""Bytes: what was read is still in the processor's cache when it is summed."""

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


def encode(
    origin: Origin,
    offset: int,
    newest: int,
    arrays: Arrays,
    admission: AdmissionState = (),
    replay_points: ReplayPoints = (),
) -> bytes:
    """The snapshot of the state after every message before `offset`, with admission there and its trail."""
    contents = [_bytes_of(array) for array in arrays.values()]
    checksum = xxh3_128()
    for content in contents:
        checksum.update(content)
    told = {
        "format": _FORMAT,
        "origin": asdict(origin),
        "offset": offset,
        "newest": newest,
        "door": admission,
        "trail": replay_points,
        "cards": len(arrays["cards"]),
        "events": len(arrays["events"]),
        "ids": len(arrays["ids"]),
        "arrays": _described(arrays),
        "checksum": checksum.hexdigest(),
    }
    return b"".join((_head(told), *contents))


def decode(snapshot: BufferedIOBase, origin: Origin, settings: AdmissionSettings) -> PartitionState:
    """The state in a snapshot, of which only what is its own is read.

    Raises:
        UnusableSnapshotError: it cannot be used.
    """
    told = _read_head(snapshot)
    if told.keys() - _TOLD_SINCE != _TOLD or told["format"] != _FORMAT:
        raise UnusableSnapshotError("another version of this code has written it")
    if told["origin"] != (wanted := asdict(origin)):
        raise UnusableSnapshotError(f"it was made of something else: {_difference(told['origin'], wanted)}")
    cards = CardStore.restore(told["cards"], told["events"], told["ids"], partial(_fill, snapshot, told))
    admission = AdmissionFilter(settings, told["newest"], told.get("door", ()), origin.partition)
    replay_points = tuple(ReplayPoint(offset, tuple(state)) for offset, state in told.get("trail", ()))
    return PartitionState(origin.partition, told["offset"], admission, cards, replay_points)


def _head(told: dict[str, Any]) -> bytes:
    text = json.dumps(told).encode().ljust(HEAD_BYTES - CHECKSUM_BYTES)
    if len(text) > HEAD_BYTES - CHECKSUM_BYTES:
        raise ValueError(f"a snapshot's head has {len(text)} bytes; HEAD_BYTES must grow")
    return xxh3_128_hexdigest(text).encode() + text


def _read_head(snapshot: BufferedIOBase) -> dict[str, Any]:
    head = snapshot.read(HEAD_BYTES)
    checksum, text = head[:CHECKSUM_BYTES], head[CHECKSUM_BYTES:]
    if xxh3_128_hexdigest(text).encode() != checksum:
        raise UnusableSnapshotError("it does not begin with a snapshot's head")
    told: dict[str, Any] = json.loads(text)
    return told


def _fill(snapshot: BufferedIOBase, told: dict[str, Any], arrays: Arrays) -> None:
    if _described(arrays) != told["arrays"]:
        raise UnusableSnapshotError("its arrays do not fit this code")
    checksum = xxh3_128()
    for array in arrays.values():
        for piece in _pieces(_bytes_of(array)):
            read = snapshot.readinto(piece)
            checksum.update(piece[:read])
    if checksum.hexdigest() != told["checksum"] or snapshot.read(1):
        raise UnusableSnapshotError("its checksum does not match: truncated or altered")


def _pieces(content: memoryview) -> Iterator[memoryview]:
    for first in range(0, len(content), _AT_ONCE):
        yield content[first : first + _AT_ONCE]


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _described(arrays: Arrays) -> dict[str, list[Any]]:
    return {name: [str(array.dtype), list(array.shape)] for name, array in arrays.items()}


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    differing = [key for key in wanted | found if found.get(key) != wanted.get(key)]
    return ", ".join(f"{key} {found.get(key)!r}" for key in differing)
