"""What a snapshot says and holds comes back as it was, or not at all."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.serving.harness.events import events_of
from fraud.features.store import CardStore
from fraud.native import event_clock
from fraud.settings import AdmissionSettings
from serving.state.partition_state import PartitionState
from serving.state.snapshot_format import (
    ADMISSION_KEY,
    DIGEST_BYTES,
    HEADER_BYTES,
    Arrays,
    SnapshotOrigin,
    UnusableSnapshotError,
    authenticated,
    decode,
    encode,
)
from tests.definitions import V1

ADMISSION = AdmissionSettings()
KEY = b"the key of these snapshots"
ORIGIN = SnapshotOrigin("transactions", "an-id", 3, ADMISSION.model_dump_json(), V1.state_digest)


def _store(cards: int) -> CardStore:
    events = events_of(
        V1,
        cards * 3,
        card=np.repeat(np.arange(1, cards + 1), 3),
        transaction=np.arange(1, cards * 3 + 1),
        timestamp=1_700_000_000_000 + np.arange(cards * 3) * 1_000,
    )
    store = CardStore(V1)
    store.process(events)
    return store


def _read(snapshot: bytes, origin: SnapshotOrigin = ORIGIN) -> PartitionState:
    return decode(io.BytesIO(snapshot), origin, V1, ADMISSION, key=KEY)


SNAPSHOT = encode(ORIGIN, 17, 1_700_000_000_000, _store(40).dump(), key=KEY)


@pytest.mark.parametrize("cards", [0, 1, 1_000])
def test_a_snapshot_comes_back_as_it_was(cards: int) -> None:
    # given
    arrays = _store(cards).dump()
    # when
    state = _read(encode(ORIGIN, 17, 1_700_000_000_000, arrays, key=KEY))
    # then
    assert (state.partition, state.position, state.admission.max_event_time) == (3, 17, 1_700_000_000_000)
    assert len(state.cards) == cards
    found = state.cards.dump()
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }


@given(bit=st.integers(0, len(SNAPSHOT) * 8 - 1))
def test_a_bit_that_flipped_anywhere_is_noticed(bit: int) -> None:
    # given
    damaged = bytearray(SNAPSHOT)
    damaged[bit // 8] ^= 1 << bit % 8
    # then
    with pytest.raises(UnusableSnapshotError):
        _read(bytes(damaged))


@given(length=st.integers(0, len(SNAPSHOT) - 1))
def test_a_snapshot_that_ends_early_is_noticed(length: int) -> None:
    with pytest.raises(UnusableSnapshotError):
        _read(SNAPSHOT[:length])


def test_a_snapshot_that_ends_late_is_noticed() -> None:
    with pytest.raises(UnusableSnapshotError, match="altered"):
        _read(SNAPSHOT + b"x")


def test_a_snapshot_of_something_else_says_what_differs() -> None:
    with pytest.raises(UnusableSnapshotError, match="else: topic_id 'an-id'"):
        _read(SNAPSHOT, replace(ORIGIN, topic_id="another"))


@dataclass(frozen=True)
class _LaterOrigin(SnapshotOrigin):
    region: str = "eu"


def test_a_snapshot_of_another_version_is_refused() -> None:
    # given what a version wrote that has one key more, before it was rolled back
    origin = _LaterOrigin(**asdict(ORIGIN))
    # then
    with pytest.raises(UnusableSnapshotError, match="region 'eu'"):
        _read(encode(origin, 17, 0, _store(5).dump(), key=KEY))
    # and of an earlier one, which has one key less
    with pytest.raises(UnusableSnapshotError, match="region None"):
        _read(SNAPSHOT, origin)


def test_arrays_of_another_layout_are_refused() -> None:
    # given a snapshot whose totals were narrower
    arrays = _store(5).dump()
    arrays["totals"] = arrays["totals"].astype(np.int32)
    # then
    with pytest.raises(UnusableSnapshotError, match="do not fit"):
        _read(encode(ORIGIN, 17, 0, arrays, key=KEY))


def forged(snapshot: bytes, change: Callable[[dict[str, Any]], object], key: bytes = KEY) -> bytes:
    """The snapshot with another header, authenticated with a key."""
    header = json.loads(snapshot[DIGEST_BYTES:HEADER_BYTES])
    change(header)
    text = json.dumps(header).encode().ljust(HEADER_BYTES - DIGEST_BYTES)
    return authenticated(text, key) + snapshot[HEADER_BYTES:]


def test_an_attacker_without_the_key_cannot_make_a_snapshot() -> None:
    # given a whole and consistent snapshot of another state, for the same topic and definitions
    theirs = encode(ORIGIN, 17, 1_700_000_000_000, _store(7).dump(), key=b"a key that the attacker has made")
    # then it is refused, as is ours with their header, and one without a digest
    for snapshot in (theirs, forged(SNAPSHOT, lambda header: header.update(offset=3), b"a guess"), b""):
        with pytest.raises(UnusableSnapshotError, match="not authentic"):
            _read(snapshot)


@pytest.mark.parametrize(
    "changed",
    [
        {"cards": -1},
        {"cards": 1 << 40},
        {"events": 1 << 62},
        {"ids": "7"},
        {"ids": 1.5},
        {"offset": -1},
        {"offset": 1 << 64},
        {"newest": -5},
        {"is_wide": 2},
        {ADMISSION_KEY: [0] * (event_clock.LENGTH - 1)},
        {ADMISSION_KEY: [1 << 70] * event_clock.LENGTH},
        {ADMISSION_KEY: [9] * event_clock.LENGTH},
        {"trail": [[1, [0] * event_clock.LENGTH], [0, [0] * event_clock.LENGTH]]},
        {"trail": [[99, [0] * event_clock.LENGTH]]},
        {"trail": [[0.5, [0] * event_clock.LENGTH]]},
        {"trail": [5]},
        {"trail": "x"},
    ],
    ids=str,
)
def test_a_header_with_numbers_that_nobody_writes_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UnusableSnapshotError):
        _read(forged(SNAPSHOT, lambda header: header.update(changed)))


def _spoil(arrays: Arrays, name: str, field: str | None, row: int, value: int) -> None:
    column = arrays[name] if field is None else arrays[name][field]
    column[(row % len(column), *(row % size for size in column.shape[1:]))] = value


@settings(max_examples=500, deadline=None)
@given(
    part=st.sampled_from(
        [
            *(("cards", name) for name in ("block", "capacity", "head", "count", "hash")),
            *(("cards", name) for name in ("watermark", "last", "repeat", "segment", "start", "horizon")),
            ("counts", None),
            ("totals", None),
            ("events", None),
            ("ids", "key"),
            ("ids", "rest"),
        ]
    ),
    row=st.integers(0, 10_000),
    value=st.one_of(st.integers(-(2**31), 2**31 - 1), st.sampled_from([0, 1, 3, 4, 2**31 - 1, -(2**31)])),
)
def test_arrays_of_which_one_number_is_wrong_never_lead_compiled_code_astray(
    part: tuple[str, str | None], row: int, value: int
) -> None:
    # given a snapshot with the right key and checksum, but a position, size or time that somebody chose
    arrays = _store(40).dump()
    name, field = part
    column = arrays[name] if field is None else arrays[name][field]
    _spoil(arrays, name, field, row, value % 2**32 if column.dtype.kind == "u" else value)
    snapshot = encode(ORIGIN, 17, 1_700_000_000_000, arrays, key=KEY)
    # when it is read
    try:
        state = _read(snapshot)
    except UnusableSnapshotError:
        return
    # then what was taken can be worked on: every card pays again, and the state can be dumped
    events = events_of(
        V1,
        80,
        card=np.arange(80) % 45 + 1,
        transaction=np.arange(80) + 5_000,
        timestamp=1_700_000_200_000 + np.arange(80),
    )
    rows, _ = state.cards.process(events, 1_700_000_000_000, np.arange(80) + 17)
    assert len(rows) == 80
    found = state.cards.dump()["cards"]
    assert (found["count"] <= found["capacity"]).all()
