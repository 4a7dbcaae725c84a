"""One id is one payment: the index by itself, and what counts as content."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.decoded_batch import decode_batch
from fraud.features.events import HEAD, Events, encode_table, encode_transactions
from fraud.ingest.rows import TransactionRowReader
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native import id_index
from fraud.native.id_index import ACCEPTED, CONFLICT, REPEATED, IdIndex
from fraud.settings import AdmissionSettings
from tests.definitions import EXTENDED, V1
from tests.fraud.definitions.strategies import event_streams
from tests.fraud.features.reference import reference_features
from tests.fraud.lakes import StoredMessage
from tests.fraud.native.kernel.test_process import make_events
from tests.fraud.streams import START_MS, transaction

Heads = npt.NDArray[np.void]
WIRE = transaction(1, START_MS, channel="online", latitude=48.137154, longitude=-11.5761, amount="10.00")


SLOTS = st.sampled_from([1, 1 << 20])
"""Of tables with entries of 12 bytes and of 8."""


def encoded(*texts: str | dict[str, Any]) -> Heads:
    """Records of messages as serving reads them."""
    values = [(text if isinstance(text, str) else json.dumps(text)).encode() for text in texts]
    decoded = decode_batch(
        AdmissionFilter(V1, AdmissionSettings()), values, np.full(len(values), START_MS + DAY_MS)
    )
    assert not decoded.refused
    return decoded.events.heads


def of_one_id(*days: float, contents: tuple[int, ...] = ()) -> Heads:
    """Events of one id on these days, of these contents."""
    events = make_events(
        *({"transaction": 7, "timestamp": START_MS + int(day * DAY_MS)} for day in days)
    ).heads
    events["content"] = contents or np.arange(len(days))
    return events


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "10.01"}, {"currency": "USD"}, {"card_id": "card-2"}, {"merchant_id": "merchant-2"},
        {"timestamp": START_MS + 1}, {"merchant_category": "category-2"}, {"merchant_category": None},
        {"channel": "chip"}, {"channel": None}, {"country": "DE"}, {"country": None},
        {"latitude": 48.13716}, {"latitude": None}, {"longitude": 11.5761}, {"longitude": None},
        {"merchant_category": "Category-1"}, {"amount": "1000", "currency": "JPY"},
    ],
    ids=str,
)  # fmt: skip
def test_every_declared_field_is_content(change: dict[str, Any]) -> None:
    # given a payment and another one with its id, which differs in one declared field
    both = encoded(WIRE, WIRE | change)
    # then the second is a conflict
    assert IdIndex().process(both).tolist() == [ACCEPTED, CONFLICT]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WIRE, indent=2), json.dumps(dict(reversed(WIRE.items()))),
        json.dumps(WIRE | {"amount": "10"}),
        json.dumps(WIRE | {"amount": 10.0}), json.dumps(WIRE | {"device": {"id": "ü"}}),
        json.dumps(WIRE).replace("online", "\\u006fnline"), json.dumps(WIRE | {"amount": "1e1"}),
        json.dumps(WIRE).replace("48.137154", "4.8137154e1"),
    ],
)  # fmt: skip
def test_form_and_unknown_fields_are_not_content(text: str) -> None:
    # given the same payment, written in another way
    both = encoded(WIRE, text)
    # then it is a repetition
    assert IdIndex().process(both).tolist() == [ACCEPTED, REPEATED]


def test_serving_ingest_and_tables_read_the_same_content() -> None:
    # given payments with and without the fields that may be absent
    wires = [WIRE, transaction(2, START_MS), transaction(3, START_MS, country=None, latitude=1, longitude=2)]
    admission = AdmissionFilter(V1, AdmissionSettings())
    admitted = [admission.validate(json.dumps(wire).encode(), START_MS) for wire in wires]
    batch, _ = TransactionRowReader(AdmissionFilter(V1, AdmissionSettings())).read(
        [StoredMessage(wire, (0, place)) for place, wire in enumerate(wires)]
    )
    # when compiled code, the decoder and a table of the lake make records of them
    decoded = encode_transactions(V1, [one for one in admitted if isinstance(one, Admitted)])
    stored = encode_table(V1, pa.Table.from_batches([batch]))
    # then their contents are the same, and no two are alike
    contents = encoded(*wires)["content"].tolist()
    assert decoded.heads["content"].tolist() == stored.heads["content"].tolist() == contents
    assert len(set(contents)) == 3


def test_an_id_is_free_again_after_thirty_days_without_it() -> None:
    # given an id that is used on day 0, 20, 49 and 79
    outcomes = IdIndex().process(of_one_id(0, 20, 49, 79))
    # then a conflict keeps it taken, and thirty days after the last use it is a new payment's
    assert outcomes.tolist() == [ACCEPTED, CONFLICT, CONFLICT, ACCEPTED]


def test_a_repetition_keeps_an_id_taken() -> None:
    # given an id that is used on day 0, delivered again on day 20, and used by another payment on day 49
    outcomes = IdIndex().process(of_one_id(0, 20, 49, contents=(1, 1, 2)))
    # then thirty days count from the repetition
    assert outcomes.tolist() == [ACCEPTED, REPEATED, CONFLICT]


def test_a_late_payment_with_a_taken_id_is_a_conflict() -> None:
    assert IdIndex().process(of_one_id(5, 3)).tolist() == [ACCEPTED, CONFLICT]


def test_the_repetition_of_a_refused_payment_is_refused_too() -> None:
    # given a payment, one with its id, and both again
    outcomes = IdIndex().process(of_one_id(0, 0, 0, 0, contents=(1, 2, 1, 2)))
    # then it is the first that counts, whatever comes after it
    assert outcomes.tolist() == [ACCEPTED, CONFLICT, REPEATED, CONFLICT]


@settings(max_examples=100, deadline=None)
@given(events=event_streams(V1), batch=st.integers(1, 20), slots=SLOTS)
def test_it_decides_as_the_reference_in_batches_of_any_size(events: Events, batch: int, slots: int) -> None:
    index = IdIndex(slots)
    parts = [index.process(events.heads[start : start + batch]) for start in range(0, len(events), batch)]
    assert np.concatenate(parts).tolist() == reference_features(V1, events)[1]


@settings(max_examples=100, deadline=None)
@given(events=event_streams(V1), cut=st.integers(0, 60), slots=SLOTS)
def test_a_dumped_index_goes_on_where_it_was(events: Events, cut: int, slots: int) -> None:
    # given an index and its copy through an array
    index = IdIndex(slots)
    index.process(events.heads[:cut])
    copy = IdIndex.restore(index.dump(), slots)
    assert copy.dump().tobytes() == index.dump().tobytes()
    # when both go on, then they agree
    assert index.process(events.heads[cut:]).tolist() == copy.process(events.heads[cut:]).tolist()


def test_ids_that_are_free_make_room() -> None:
    # given an index that sees a thousand new ids a day, for a year
    index, sizes = IdIndex(), []
    for day in range(360):
        events = np.zeros(1_000, dtype=HEAD)
        events["transaction"] = np.arange(1_000) + day * 1_000
        events["timestamp"] = START_MS + day * DAY_MS
        # when it knows how old a payment can be
        assert (index.process(events, START_MS + (day - 2) * DAY_MS) == ACCEPTED).all()
        sizes.append(len(index.dump(START_MS + (day - 2) * DAY_MS)))
    # then it holds a month and the lateness
    assert max(sizes) <= 32_000


def test_a_million_ids_are_kept_apart() -> None:
    # given a million ids that are near each other, which a weak hash would heap up
    events = np.zeros(1_000_000, dtype=HEAD)
    events["transaction"], events["timestamp"] = np.arange(len(events)), START_MS
    index = IdIndex()
    assert (index.process(events) == ACCEPTED).all()
    # when they come again with other content
    events["content"] = 1
    # then each is known
    assert (index.process(events) == CONFLICT).all()


@pytest.mark.parametrize(
    ("slots", "upper"),
    [
        (1, [0xFFFF_FFFF]),
        (1 << 20, [0xFFFF_FFFF, 0xFFFF_FFFE, 0]),
        (1 << 20, range(0xFFFF_0000, 1 << 32, 997)),
    ],
    ids=["one slot", "three slots", "the last slots"],
)
def test_ids_that_were_made_to_collide_are_kept_apart(slots: int, upper: Sequence[int]) -> None:
    # given ids with the same upper bits of their keys, so that entries are far from home and wrap around
    random, factor = np.random.default_rng(3), pow(int(id_index._FACTOR), -1, 1 << 64)
    lower = random.permutation(1 << 20)[:4_000].tolist()
    keys = [(random.choice(upper).item() << 32) | (bits << 12) for bits in lower]
    events = np.zeros(len(keys), dtype=HEAD)
    events["transaction"] = [key * factor % (1 << 64) for key in keys]
    events["timestamp"], events["content"] = START_MS, np.arange(len(keys))
    index = IdIndex(slots)
    found = [index.process(events[start : start + 100]) for start in range(0, len(events), 100)]
    assert (np.concatenate(found) == ACCEPTED).all()
    # when they come again, in a copy as well, then each is known
    assert (index.process(events) == REPEATED).all()
    events["content"] += 1
    assert (IdIndex.restore(index.dump(), slots).process(events) == CONFLICT).all()
    # and free after a month
    events["timestamp"] += 31 * DAY_MS
    assert (index.process(events) == ACCEPTED).all()


def test_a_large_index_holds_many_days() -> None:
    # given a table of 8 bytes an id, of which the days reach over a year
    events = make_events(
        *({"transaction": day, "timestamp": START_MS + day * DAY_MS} for day in range(400))
    ).heads
    index = IdIndex(1 << 20)
    assert (index.process(events) == ACCEPTED).all()
    # when payments with these ids come on the same days again, then each is known
    assert (index.process(events[::-1]) == REPEATED).all()


def contents_with(definitions: Definitions, *texts: str | dict[str, Any]) -> list[int]:
    values = [(text if isinstance(text, str) else json.dumps(text)).encode() for text in texts]
    admission = AdmissionFilter(definitions, AdmissionSettings())
    decoded = decode_batch(admission, values, np.full(len(values), START_MS + DAY_MS))
    assert not decoded.refused
    contents: list[int] = decoded.events.heads["content"].tolist()
    return contents


def test_content_is_what_it_was_before_there_were_definitions() -> None:
    # given ids that were taken by payments whose digest was made by version 1
    bare = {name: value for name, value in WIRE.items() if name not in ("channel", "latitude", "longitude")}
    assert contents_with(V1, WIRE, bare, WIRE | {"amount": "10.01"}) == [105412774, 267422172, 4125425044]


def test_a_field_counts_as_content_only_where_it_is_present() -> None:
    # given definitions with three fields more, and the same in another order
    other = Definitions("other order", EXTENDED.fields[::-1], EXTENDED.features)
    with_device = WIRE | {"device": {"fingerprint": "d-1"}}
    with_mode = with_device | {"entry_mode": "chip"}
    found = contents_with(EXTENDED, WIRE, with_device, with_mode)
    # then a payment without them has the content of before, and the order does not matter
    assert found[0] == contents_with(V1, WIRE)[0] == contents_with(V1, with_mode)[0]
    assert len(set(found)) == 3
    assert found == contents_with(other, WIRE, with_device, with_mode)
