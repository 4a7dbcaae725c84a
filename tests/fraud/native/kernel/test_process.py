"""The kernel against an interpreter of the definitions, with v1 and with generated ones."""

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, HOUR_MS
from fraud.definitions.fields import FieldType
from fraud.definitions.loading import parse_definitions
from fraud.features.daily import _square_halves
from fraud.features.events import Events
from fraud.features.store import CardStore
from fraud.native.id_index import ACCEPTED, REPEATED
from fraud.native.kernel.groups import square_halves
from fraud.native.kernel.process import process
from tests.definitions import EXTENDED, V1
from tests.fraud.definitions.files import with_features
from tests.fraud.definitions.strategies import START, event_streams, kernel_definitions
from tests.fraud.features.reference import reference_features

NAMES = [feature.name for feature in V1.kernel_features]
DEFINITIONS = st.one_of(st.just(V1), kernel_definitions(), kernel_definitions(), kernel_definitions())


@st.composite
def cases(draw: st.DrawFn) -> tuple[Definitions, Events]:
    definitions = draw(DEFINITIONS)
    return definitions, draw(event_streams(definitions))


@settings(deadline=None)  # the first example waits for the compiler
@given(st.integers(-(2**46) + 1, 2**46 - 1))
def test_squares_of_any_amount_are_exact(amount: int) -> None:
    high, low = square_halves(amount)
    assert (high << 32) + low == amount**2
    if amount >= 0:
        daily_high, daily_low = _square_halves(pa.chunked_array([[amount]], pa.int64()))
        assert (daily_high[0].as_py() << 31) + daily_low[0].as_py() == amount**2


def make_events(*rows: Mapping[str, int]) -> Events:
    """Payments of v1 with these heads; what is not given is one card, one merchant and `START`."""
    events = Events.empty(len(rows), V1)
    events.heads["card"], events.heads["timestamp"] = 1, START
    events.heads["transaction"] = np.arange(len(rows)) + 1
    for number, row in enumerate(rows):
        for name, value in row.items():
            events.heads[name][number] = value
    return with_values(events)


def make_stream(count: int, begin: int = START) -> Events:
    """One card that pays every second, at a new merchant each time."""
    events = Events.empty(count, V1)
    events.heads["card"], events.heads["amount"] = 1, 100
    events.heads["transaction"] = np.arange(1, count + 1)
    events.heads["timestamp"] = begin + 1_000 * np.arange(count)
    with_values(events)
    events.values[:, V1.field_index["merchant_id"]] = np.arange(1, count + 1)
    return events


def with_values(events: Events) -> Events:
    """Set the values that heads have, and one merchant and country for all."""
    for head, name in (("timestamp", "timestamp"), ("amount", "amount")):
        events.values[:, V1.field_index[name]] = events.heads[head]
    for name in ("merchant_id", "country"):
        events.values[:, V1.field_index[name]] = 1
    for column, field in enumerate(V1.fields):
        if field.type is FieldType.NUMBER:
            events.values[:, column] = np.float64(np.nan).view(np.int64)
    return events


@settings(max_examples=400, deadline=None)
@given(case=cases(), batch=st.integers(1, 20))
def test_kernel_equals_the_reference_in_batches_of_any_size(
    case: tuple[Definitions, Events], batch: int
) -> None:
    # given a stream with late, repeated and simultaneous events, and a store that must grow
    definitions, events = case
    store = CardStore(definitions, cards=1, events=4)
    # when it is fed in batches
    parts = [store.process(events[begin : begin + batch]) for begin in range(0, len(events), batch)]
    # then every feature of every event is what its definition says
    features = np.concatenate([part[0] for part in parts])
    expected, outcomes = reference_features(definitions, events)
    assert np.concatenate([part[1] for part in parts]).tolist() == outcomes
    for column, feature in enumerate(definitions.kernel_features):
        np.testing.assert_allclose(features[:, column], expected[:, column], rtol=2e-6, err_msg=str(feature))


def identities(events: Events) -> set[int]:
    return set(events.heads["transaction"].tolist())


@settings(max_examples=100, deadline=None)
@given(case=cases(), cut=st.integers(0, 40))
def test_state_is_a_function_of_the_longest_window(case: tuple[Definitions, Events], cut: int) -> None:
    # given a store that saw everything, and one that saw only what the cards' windows still hold
    definitions, events = case
    cut = min(cut, len(events))
    past, whole, replayed = events[:cut], CardStore(definitions), CardStore(definitions)
    whole.process(past)
    is_held = (
        past.heads["timestamp"]
        > events.heads["timestamp"][cut:].min(initial=2**62) - definitions.longest_window_ms
    )
    # (and no transaction that was repeated at a later time, of which the windows hold the repetition only)
    assume(not identities(past[is_held]) & identities(past[~is_held]))
    replayed.process(past[is_held])
    # when both go on
    one, other = whole.process(events[cut:]), replayed.process(events[cut:])
    # then they agree to the bit
    assert one[0].tobytes() == other[0].tobytes()
    assert one[1].tolist() == other[1].tolist()


@settings(max_examples=100, deadline=None)
@given(case=cases(), cut=st.integers(0, 40))
def test_a_dumped_store_goes_on_where_it_was(case: tuple[Definitions, Events], cut: int) -> None:
    # given a store and its copy through arrays
    definitions, events = case
    store = CardStore(definitions, cards=1, events=4)
    store.process(events[:cut])
    dumped = store.dump()

    def fill(arrays: dict[str, npt.NDArray[Any]]) -> None:
        for name, array in arrays.items():
            array[:] = dumped[name]

    copy = CardStore.restore(
        definitions,
        len(dumped["cards"]),
        len(dumped["events"]),
        len(dumped["ids"]),
        fill,
        is_wide=store.is_wide,
    )
    # when both go on
    one, other = store.process(events[cut:]), copy.process(events[cut:])
    # then they agree to the bit
    assert one[0].tobytes() == other[0].tobytes()
    assert one[1].tolist() == other[1].tolist()


@settings(max_examples=200, deadline=None)
@given(case=cases(), batch=st.integers(1, 20), large=st.integers(0, 12))
def test_an_indexed_card_has_the_same_features(
    case: tuple[Definitions, Events], batch: int, large: int
) -> None:
    # given a store that indexes its cards early, and one that never does
    definitions, events = case
    early, never = CardStore(definitions, cards=1, events=4, large=large), CardStore(definitions)
    # when both are fed the same
    parts = [early.process(events[begin : begin + batch]) for begin in range(0, len(events), batch)]
    features, accepted = never.process(events)
    # then they agree to the bit
    assert np.concatenate([part[0] for part in parts]).tobytes() == features.tobytes()
    assert np.concatenate([part[1] for part in parts]).tolist() == accepted.tolist()


def test_amounts_that_do_not_fit_are_given_more_bits() -> None:
    # given cards with payments, one of them large enough to be indexed
    events = make_stream(40)
    events.values[:, V1.field_index["amount"]] = np.arange(40)
    events.values[35, V1.field_index["amount"]] = 2**40 + 1
    small = CardStore(V1, large=10)
    small.process(events[:35])
    # when an amount comes that does not fit into 31 bits
    assert not small.is_wide
    features, _ = small.process(events[35:])
    # then from there on events are larger, and features are those of the reference
    assert (small.is_wide, small.bytes_per_event) == (True, CardStore(V1).bytes_per_event + 4)
    expected, _ = reference_features(V1, events)
    np.testing.assert_allclose(features, expected[35:], rtol=2e-6)


def test_a_card_of_a_hundred_thousand_events_costs_what_a_small_one_costs() -> None:
    # given a card with 100,000 events in the window, each at a new merchant
    events = make_stream(110_000)
    store = CardStore(V1)
    store.process(events[:100_000])
    begun = time.process_time()
    # when it goes on
    features, accepted = store.process(events[100_000:])
    # then nothing is scanned: 100,000 comparisons an event took 0.2 ms and more
    seconds = time.process_time() - begun
    assert (accepted == ACCEPTED).all()
    assert features[-1, NAMES.index("merchant_is_new")] == 1.0
    assert seconds / 10_000 < 0.1e-3


def test_repeats_within_a_large_card_are_found() -> None:
    # given a card far beyond the size at which it is indexed
    events = make_stream(5_000)
    store = CardStore(V1)
    store.process(events)
    # when the last thousand come again
    _, accepted = store.process(events[4_000:])
    # then
    assert (accepted == REPEATED).all()


def test_idle_cards_make_room_before_memory_grows() -> None:
    # given a flood of cards that are seen once, over a year
    store, sizes = CardStore(V1), []
    for day in range(360):
        events = make_stream(1_000, begin=START + day * DAY_MS)
        events.heads["card"] = events.heads["transaction"] = np.arange(1, 1_001) + day * 1_000
        # when the store knows how old a transaction can be
        store.process(events, low_watermark=START + (day - 1) * DAY_MS)
        sizes.append(store.nbytes)
    # then memory is that of a month or two, not of a year; tables are made again at slightly different sizes
    assert max(sizes[180:]) <= 1.05 * max(sizes[:90])


def test_windows_are_half_open() -> None:
    # given two payments exactly one hour apart
    events = make_events({"amount": 100}, {"amount": 50, "timestamp": START + HOUR_MS})
    # when
    features, _ = CardStore(V1).process(events)
    # then the first is outside of the hour and inside of the day
    assert features[1, NAMES.index("card_sum_1h")] == 50
    assert features[1, NAMES.index("card_sum_24h")] == 150


def test_forgetting_idle_cards_changes_nothing_for_the_others() -> None:
    # given a card of 40 days ago and one of today
    today = START + 40 * DAY_MS
    events = make_events({"card": 1}, {"card": 2, "timestamp": today}, {"card": 2, "timestamp": today + 1})
    store, whole = CardStore(V1), CardStore(V1)
    store.process(events[:2])
    whole.process(events[:2])
    # when the idle one is forgotten
    idle = store.remove_idle(today)
    # then
    assert (idle, len(store)) == (1, 1)
    assert store.process(events[2:])[0].tobytes() == whole.process(events[2:])[0].tobytes()


def test_retain_only_keeps_one_card() -> None:
    # given
    store = CardStore(V1)
    store.process(make_events({"card": 1}, {"card": 2}, {"card": 3}))
    # when
    store.retain_only(2)
    # then a known card goes on and a removed one starts again
    features, _ = store.process(make_events({"card": 2, "transaction": 8}, {"card": 3, "transaction": 9}))
    assert features[:, NAMES.index("card_count_30d")].tolist() == [2, 1]


def test_sums_of_huge_amounts_stay_exact() -> None:
    # given amounts whose squares exceed 63 bits in sum
    amounts = [1_000_000_000 * (1 + step % 3) for step in range(20)]
    events = make_events(*({"amount": one, "timestamp": START + at} for at, one in enumerate(amounts)))
    # when
    features, _ = CardStore(V1).process(events)
    # then sum and deviation are those of whole numbers
    prior = amounts[:19]
    variance = (19 * sum(one * one for one in prior) - sum(prior) ** 2) / 19**2
    expected = (amounts[19] - sum(prior) / 19) / math.sqrt(variance)
    assert features[19, NAMES.index("amount_zscore_30d")] == pytest.approx(expected, rel=1e-6)
    assert features[19, NAMES.index("card_sum_30d")] == np.float32(sum(amounts))


def test_memory_per_card_at_sixty_events_a_month() -> None:
    # given ten thousand cards with about sixty events within thirty days
    generator = np.random.default_rng(3)
    events = Events.empty(600_000, V1)
    cards = generator.integers(0, 10_000, len(events)).astype(np.uint64)
    events.heads["card"] = cards * np.uint64(2654435761) + np.uint64(1)
    events.heads["transaction"] = np.arange(len(events))
    events.heads["timestamp"] = START + np.sort(generator.integers(0, 30 * DAY_MS, len(events)))
    # when
    store = CardStore(V1)
    store.process(with_values(events))
    # then what is alive takes at most 2.5 KiB a card, 0.7 of which are its ids
    alive = sum(array.nbytes for array in store.dump().values())
    assert alive / len(store) <= 2_560


@settings(max_examples=20, deadline=None)
@given(definitions=kernel_definitions())
def test_other_definitions_compile_nothing(definitions: Definitions) -> None:
    # given a store that has computed what one file says
    CardStore(V1).process(make_events({"amount": 100}))
    assert len(process.signatures) == 1
    # when another computes what another file says
    CardStore(definitions).process(Events.empty(1, definitions))
    # then it was done by the same code
    assert len(process.signatures) == 1


def test_events_of_other_definitions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not \(1, 11\)"):
        CardStore(V1).process(Events.empty(1, EXTENDED))


@pytest.mark.parametrize(("ages", "expected"), [((2.0, 1e300), (2.0, 2.0)), ((1e300, 3e38), (3e38, 3e38))])
def test_a_number_that_no_float32_holds_is_unknown(
    ages: tuple[float, float], expected: tuple[float, float]
) -> None:
    definitions = parse_definitions(
        with_features(
            "{name: value, transform: value, of: age}",
            "{name: most, aggregate: max, of: age, window: 1h}",
            "{name: least, aggregate: min, of: age, window: 1h}",
            "{name: payments, aggregate: count, window: 1h}",
            "{name: minus, subtract: [least, value]}",
            "{name: over, divide: [least, minus]}",
        )
    )
    events = Events.empty(2, definitions)
    events.heads["card"], events.heads["transaction"], events.heads["timestamp"] = 1, (1, 2), START
    events.values[:, definitions.field_index["age"]] = np.array(ages).view(np.int64)

    features, _ = CardStore(definitions).process(events)

    assert not np.isinf(features).any()
    assert np.array_equal(features[-1, 1:3], np.array(expected, dtype=np.float32))
