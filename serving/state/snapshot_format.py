"""A partition's snapshot as bytes: a header that describes it, then the arrays as they are in memory.

The header is a checksum and JSON padded with blanks; the JSON has the checksum of the arrays. They are read
to where they will be used: new memory is what restoring a month of a million cards spends its time on.
Keys that earlier versions read and write: "newest", the maximal event time in ms; "door", the admission
state; "trail", the replay points.
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

from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.settings import AdmissionSettings
from serving.state.partition_state import AdmissionState, PartitionState, ReplayPoint, ReplayPoints
from serving.state.rates_used import RatesMark, RatesUsed

CHECKSUM_BYTES = 32
HEADER_BYTES = 4_096
_FORMAT = 4
"""Raised with every change of what the arrays hold. 4: amounts of 31 bits until there is a large one, and ids
with 56 bits of hash and 16 of content; older ones are made again by replay."""
_REQUIRED_KEYS = {
    "format", "origin", "offset", "newest", "cards", "events", "ids", "is_wide", "arrays", "checksum"
}  # fmt: skip
_OPTIONAL_KEYS = {"door", "trail", "rates"}
"""Snapshots of earlier versions lack them; `rates` is there with a base currency only."""

_CHUNK_BYTES = 4 << 20
"""What was read is still in the processor's cache when it is summed."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class SnapshotOrigin:
    """What a snapshot was made of; it is usable where all of it is the same.

    `admission` are the settings in use, `definitions` is `Definitions.state_digest`, `cards` is
    `CardRule.fingerprint`.
    """

    topic: str
    topic_id: str
    partition: int
    admission: str
    definitions: str
    cards: str = ""


def _as_header(origin: SnapshotOrigin) -> dict[str, Any]:
    """The origin in a header; the default rule of cards is left out, as earlier versions wrote it."""
    return {name: value for name, value in asdict(origin).items() if value or name != "cards"}


class UnusableSnapshotError(Exception):
    """It is damaged, or of other data; the message says which."""


def encode(
    origin: SnapshotOrigin,
    offset: int,
    max_event_time: int,
    arrays: Arrays,
    admission: AdmissionState = (),
    replay_points: ReplayPoints = (),
    rates: RatesMark | None = None,
) -> bytes:
    """The snapshot of the state after every message before `offset`."""
    contents = [_bytes_of(array) for array in arrays.values()]
    checksum = xxh3_128()
    for content in contents:
        checksum.update(content)
    header = {
        "format": _FORMAT,
        "origin": _as_header(origin),
        "offset": offset,
        "newest": max_event_time,
        "door": admission,
        "trail": replay_points,
        "cards": len(arrays["cards"]),
        "events": len(arrays["events"]),
        "ids": len(arrays["ids"]),
        "is_wide": bool(arrays["is_wide"][0]),
        "arrays": _layout(arrays),
        "checksum": checksum.hexdigest(),
    } | ({"rates": rates.digest()} if rates else {})
    return b"".join((_encode_header(header), *contents))


def decode(
    snapshot: BufferedIOBase,
    origin: SnapshotOrigin,
    definitions: Definitions,
    settings: AdmissionSettings,
    card_rule: CardRule | None = None,
) -> PartitionState:
    """The state in a snapshot; reads no further than its end.

    Raises:
        UnusableSnapshotError: it cannot be used.
    """
    header = _read_header(snapshot)
    if header.keys() - _OPTIONAL_KEYS != _REQUIRED_KEYS or header["format"] != _FORMAT:
        raise UnusableSnapshotError("another version of this code has written it")
    if header["origin"] != (wanted := _as_header(origin)):
        raise UnusableSnapshotError(f"it was made of something else: {_difference(header['origin'], wanted)}")
    admission = AdmissionFilter(
        definitions,
        settings,
        header["newest"],
        header.get("door", ()),
        origin.partition,
        card_rule or CardRule(),
    )
    rates_used = RatesUsed(definitions)
    _require_rates(header, rates_used.mark(admission))
    read = partial(_read_arrays, snapshot, header)
    cards, events, ids = (header[name] for name in ("cards", "events", "ids"))
    store = CardStore.restore(definitions, cards, events, ids, read, is_wide=header["is_wide"])
    replay_points = tuple(ReplayPoint(offset, tuple(state)) for offset, state in header.get("trail", ()))
    state = PartitionState(origin.partition, header["offset"], admission, replay_points, restored=store)
    state.rates_used = rates_used
    return state


def _require_rates(header: dict[str, Any], wanted: RatesMark | None) -> None:
    if wanted is not None and header.get("rates") != wanted.digest():
        raise UnusableSnapshotError(
            "rates of the days before its payments have changed since, and its amounts with them"
        )


def _encode_header(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode().ljust(HEADER_BYTES - CHECKSUM_BYTES)
    if len(text) > HEADER_BYTES - CHECKSUM_BYTES:
        raise ValueError(f"a snapshot's header has {len(text)} bytes; HEADER_BYTES must grow")
    return xxh3_128_hexdigest(text).encode() + text


def _read_header(snapshot: BufferedIOBase) -> dict[str, Any]:
    content = snapshot.read(HEADER_BYTES)
    checksum, text = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    if xxh3_128_hexdigest(text).encode() != checksum:
        raise UnusableSnapshotError("it does not start with a snapshot's header")
    header: dict[str, Any] = json.loads(text)
    return header


def _read_arrays(snapshot: BufferedIOBase, header: dict[str, Any], arrays: Arrays) -> None:
    if _layout(arrays) != header["arrays"]:
        raise UnusableSnapshotError("its arrays do not fit this code")
    checksum = xxh3_128()
    for array in arrays.values():
        for chunk in _chunks(_bytes_of(array)):
            read = snapshot.readinto(chunk)
            checksum.update(chunk[:read])
    if checksum.hexdigest() != header["checksum"] or snapshot.read(1):
        raise UnusableSnapshotError("its checksum does not match: truncated or altered")


def _chunks(content: memoryview) -> Iterator[memoryview]:
    for first in range(0, len(content), _CHUNK_BYTES):
        yield content[first : first + _CHUNK_BYTES]


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _layout(arrays: Arrays) -> dict[str, list[Any]]:
    return {name: [str(array.dtype), list(array.shape)] for name, array in arrays.items()}


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    differing = [key for key in wanted | found if found.get(key) != wanted.get(key)]
    return ", ".join(f"{key} {found.get(key)!r}" for key in differing)
