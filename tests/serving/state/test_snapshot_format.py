"""What a snapshot says and holds comes back as it was, or not at all."""

import io
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.serving.harness.events import events_of
from fraud.features.store import CardStore
from fraud.settings import AdmissionSettings
from serving.state.partition_state import PartitionState
from serving.state.snapshot_format import SnapshotOrigin, UnusableSnapshotError, decode, encode
from tests.definitions import V1

ADMISSION = AdmissionSettings()
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
    return decode(io.BytesIO(snapshot), origin, V1, ADMISSION)


SNAPSHOT = encode(ORIGIN, 17, 1_700_000_000_000, _store(40).dump())


@pytest.mark.parametrize("cards", [0, 1, 1_000])
def test_a_snapshot_comes_back_as_it_was(cards: int) -> None:
    # given
    arrays = _store(cards).dump()
    # when
    state = _read(encode(ORIGIN, 17, 1_700_000_000_000, arrays))
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
        _read(encode(origin, 17, 0, _store(5).dump()))
    # and of an earlier one, which has one key less
    with pytest.raises(UnusableSnapshotError, match="region None"):
        _read(SNAPSHOT, origin)


def test_arrays_of_another_layout_are_refused() -> None:
    # given a snapshot whose totals were narrower
    arrays = _store(5).dump()
    arrays["totals"] = arrays["totals"].astype(np.int32)
    # then
    with pytest.raises(UnusableSnapshotError, match="do not fit"):
        _read(encode(ORIGIN, 17, 0, arrays))
