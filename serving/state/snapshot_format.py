"""A partition's snapshot as bytes: a header that describes it, then the arrays as they are in memory.

The header is a keyed digest (HMAC-SHA-256) and JSON padded with blanks; the JSON has the SHA-256 of the
arrays. So nothing is parsed, and nothing reaches compiled code, that was not written with the key; what was
is checked once more before compiled code follows it (`fraud.features.state_checks`). Arrays are read to where
they will be used: new memory is what restoring a month of a million cards spends its time on.
Keys that earlier versions read and write: "newest", the maximal event time in ms; "door", the admission
state; "trail", the replay points.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from io import BufferedIOBase
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.native import event_clock
from fraud.settings import DEFAULT_MEMORY, AdmissionSettings, MemorySettings
from serving.state.partition_state import AdmissionState, PartitionState, ReplayPoint, ReplayPoints
from serving.state.rates_used import RatesMark, RatesUsed

DIGEST_BYTES = 64
"""Hexadecimal digits."""
_FORMER_CHECKSUM_BYTES = 32
"""Of formats up to 4, which had no key."""
HEADER_BYTES = 4_096
_FORMAT = 5
"""Raised with every change of what the arrays hold. 5: with the offsets of a card's payments; older ones are
made again by replay."""
_SIZES = ("cards", "events", "ids")
_MOST_TIME = 1 << 62
_MOST = 1 << 31
"""Cards, events or ids of one partition: positions are integers of 32 bits."""
_REQUIRED_KEYS = {
    "format", "origin", "offset", "newest", "cards", "events", "ids", "is_wide", "arrays", "checksum"
}  # fmt: skip
ADMISSION_KEY = "door"
_OPTIONAL_KEYS = {ADMISSION_KEY, "trail", "rates"}
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
    *,
    key: bytes,
) -> bytes:
    """The snapshot of the state after every message before `offset`, authenticated with `key`."""
    contents = [_bytes_of(array) for array in arrays.values()]
    checksum = hashlib.sha256()
    for content in contents:
        checksum.update(content)
    header = {
        "format": _FORMAT,
        "origin": _as_header(origin),
        "offset": offset,
        "newest": max_event_time,
        ADMISSION_KEY: admission,
        "trail": replay_points,
        "cards": len(arrays["cards"]),
        "events": len(arrays["events"]),
        "ids": len(arrays["ids"]),
        "is_wide": bool(arrays["is_wide"][0]),
        "arrays": _layout(arrays),
        "checksum": checksum.hexdigest(),
    } | ({"rates": rates.digest()} if rates else {})
    return b"".join((_encode_header(header, key), *contents))


def decode(
    snapshot: BufferedIOBase,
    origin: SnapshotOrigin,
    definitions: Definitions,
    settings: AdmissionSettings,
    card_rule: CardRule | None = None,
    memory: MemorySettings = DEFAULT_MEMORY,
    *,
    key: bytes,
) -> PartitionState:
    """The state in a snapshot; reads no further than its end.

    Raises:
        UnusableSnapshotError: it cannot be used.
    """
    header = _read_header(snapshot, key)
    if header.keys() - _OPTIONAL_KEYS != _REQUIRED_KEYS or header["format"] != _FORMAT:
        raise UnusableSnapshotError("another version of this code has written it")
    if header["origin"] != (wanted := _as_header(origin)):
        raise UnusableSnapshotError(f"it was made of something else: {_difference(header['origin'], wanted)}")
    _require_ranges(header)
    admission = AdmissionFilter(
        definitions,
        settings,
        header["newest"],
        header.get(ADMISSION_KEY, ()),
        origin.partition,
        card_rule or CardRule(),
    )
    rates_used = RatesUsed(definitions)
    _require_rates(header, rates_used.mark(admission))
    read = partial(_read_arrays, snapshot, header)
    cards, events, ids = (header[name] for name in ("cards", "events", "ids"))
    try:
        store = CardStore.restore(
            definitions, cards, events, ids, read, is_wide=header["is_wide"], memory=memory
        )
    except (ValueError, MemoryError) as error:
        raise UnusableSnapshotError(f"its state is not sound: {error}") from None
    replay_points = tuple(ReplayPoint(offset, tuple(state)) for offset, state in header.get("trail", ()))
    state = PartitionState(
        origin.partition, header["offset"], admission, replay_points, memory=memory, restored=store
    )
    state.rates_used = rates_used
    return state


def _require_rates(header: dict[str, Any], wanted: RatesMark | None) -> None:
    if wanted is not None and header.get("rates") != wanted.digest():
        raise UnusableSnapshotError(
            "rates of the days before its payments have changed since, and its amounts with them"
        )


def _require_ranges(header: dict[str, Any]) -> None:
    """Every number of the header that is followed is one that `encode` could have written."""
    sizes, numbers = [header[name] for name in _SIZES], [header[name] for name in ("offset", "newest")]
    if not all(_is_number(size, _MOST) for size in sizes) or type(header["is_wide"]) is not bool:
        raise UnusableSnapshotError(f"its sizes {sizes} are none")
    if not all(_is_number(number, _MOST_TIME) for number in numbers):
        raise UnusableSnapshotError(f"its offset or its event time, {numbers}, is none")
    try:
        offsets, states = zip(*header.get("trail", ()), strict=True) if header.get("trail") else ((), ())
        is_sorted = [0, *offsets, header["offset"]] == sorted([0, *offsets, header["offset"]])
        found = [*states, *([header[ADMISSION_KEY]] if header.get(ADMISSION_KEY) else [])]
        is_sound = is_sorted and all(map(event_clock.is_valid, found))
    except (TypeError, ValueError):
        is_sound = False
    if not is_sound or not all(_is_number(offset, _MOST_TIME) for offset in offsets):
        raise UnusableSnapshotError("its admission state, or one of its replay points, is none")


def _is_number(value: object, end: int) -> bool:
    return type(value) is int and 0 <= value < end


def authenticated(text: bytes, key: bytes) -> bytes:
    """A header's text with its keyed digest before it."""
    return hmac.digest(key, text, "sha256").hex().encode() + text


def _encode_header(header: dict[str, Any], key: bytes) -> bytes:
    text = json.dumps(header).encode().ljust(HEADER_BYTES - DIGEST_BYTES)
    if len(text) > HEADER_BYTES - DIGEST_BYTES:
        raise ValueError(f"a snapshot's header has {len(text)} bytes; HEADER_BYTES must grow")
    return authenticated(text, key)


def _read_header(snapshot: BufferedIOBase, key: bytes) -> dict[str, Any]:
    content = snapshot.read(HEADER_BYTES)
    if not hmac.compare_digest(content, authenticated(content[DIGEST_BYTES:], key)):
        if content[_FORMER_CHECKSUM_BYTES:].startswith(b"{"):
            raise UnusableSnapshotError("an earlier version has written it, without a key")
        raise UnusableSnapshotError("it is not authentic: damaged, or written with another key")
    header: dict[str, Any] = json.loads(content[DIGEST_BYTES:])
    return header


def _read_arrays(snapshot: BufferedIOBase, header: dict[str, Any], arrays: Arrays) -> None:
    if _layout(arrays) != header["arrays"]:
        raise UnusableSnapshotError("its arrays do not fit this code")
    checksum = hashlib.sha256()
    for array in arrays.values():
        for chunk in _chunks(_bytes_of(array)):
            if snapshot.readinto(chunk) < len(chunk):
                raise UnusableSnapshotError("it ends early")
            checksum.update(chunk)
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
