"""What the kernel forgets, held to a naive account of it; and that memory is bounded whatever comes."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.definitions.definitions import Definitions
from fraud.features.events import Events
from fraud.features.store import CardStore
from fraud.settings import MemorySettings
from tests.definitions import V1
from tests.fraud.definitions.strategies import START, event_streams, kernel_definitions
from tests.fraud.features.reference import reference_with_memory
from tests.fraud.native.kernel.test_process import make_events, with_values

DEFINITIONS = st.one_of(st.just(V1), kernel_definitions(), kernel_definitions())
MEMORIES = st.builds(
    MemorySettings,
    seen_once=st.integers(1, 8),
    messages=st.integers(16, 40),
    payments_per_card=st.integers(2, 8),
)
SMALL = MemorySettings(seen_once=2_000, messages=8_000, payments_per_card=100)


@st.composite
def logs(draw: st.DrawFn) -> tuple[Definitions, Events, list[int]]:
    """Definitions, payments of different ids, and their offsets, between which others' may be."""
    definitions = draw(DEFINITIONS)
    events = draw(event_streams(definitions))
    events.heads["transaction"] = np.arange(len(events)) + 1
    events.values[:, definitions.field_index["transaction_id"]] = np.arange(len(events)) + 1
    steps = draw(st.lists(st.integers(1, 12), min_size=len(events), max_size=len(events)))
    return definitions, events, np.cumsum(steps).tolist()


def small_store(definitions: Definitions, memory: MemorySettings) -> CardStore:
    """One that must make room often."""
    return CardStore(definitions, cards=1, events=4, memory=memory)


@settings(max_examples=300, deadline=None)
@given(log=logs(), memory=MEMORIES, batch=st.integers(1, 20))
def test_the_kernel_forgets_what_the_rules_say_whenever_it_makes_room(
    log: tuple[Definitions, Events, list[int]], memory: MemorySettings, batch: int
) -> None:
    # given a log of which little is remembered, and a store that collects memory between batches
    definitions, events, offsets = log
    store = small_store(definitions, memory)
    # when it is fed in batches of any size
    rows = []
    for begin in range(0, len(events), batch):
        low_watermark = int(events.heads["timestamp"][begin:].min())
        part = slice(begin, begin + batch)
        rows.append(store.process(events[part], low_watermark, np.array(offsets[part]))[0])
        store.remove_idle(int(events.heads["timestamp"][begin + batch :].min(initial=START)))
    # then every feature is that of what should be remembered
    expected = reference_with_memory(definitions, events, offsets, memory)
    np.testing.assert_allclose(np.concatenate(rows), expected, rtol=2e-6)


@settings(max_examples=200, deadline=None)
@given(log=logs(), memory=MEMORIES)
def test_training_which_has_one_card_at_a_time_forgets_the_same(
    log: tuple[Definitions, Events, list[int]], memory: MemorySettings
) -> None:
    # given what serving computes of a log
    definitions, events, offsets = log
    served, _ = small_store(definitions, memory).process(events, None, np.array(offsets))
    # when each card comes alone
    alone = np.full_like(served, np.nan)
    for card in np.unique(events.heads["card"]):
        is_own = events.heads["card"] == card
        store = small_store(definitions, memory)
        alone[is_own], _ = store.process(events[is_own], offsets=np.array(offsets)[is_own])
    # then the features are the same bits
    assert alone.tobytes() == served.tobytes()


@settings(max_examples=300, deadline=None)
@given(log=logs(), memory=MEMORIES, cut=st.integers(1, 39))
def test_a_replay_of_the_window_and_its_reach_gives_the_same_state(
    log: tuple[Definitions, Events, list[int]], memory: MemorySettings, cut: int
) -> None:
    # given a store that saw everything, and one that saw the windows of what comes and the reach before them
    definitions, events, offsets = log
    times, found = events.heads["timestamp"], np.array(offsets)
    oldest = times[cut:].min(initial=2**62) - definitions.longest_window_ms
    matter = np.flatnonzero(times[:cut] > oldest)
    first = int(matter[0]) if len(matter) else min(cut, len(events)) - 1
    start = int(np.searchsorted(found, found[first] - memory.messages - memory.seen_once))
    whole, replayed = small_store(definitions, memory), small_store(definitions, memory)
    whole.process(events[:cut], None, found[:cut])
    replayed.process(events[start:cut], None, found[start:cut])
    # when both go on
    one, _ = whole.process(events[cut:], None, found[cut:])
    other, _ = replayed.process(events[cut:], None, found[cut:])
    # then they agree to the bit
    assert one.tobytes() == other.tobytes()


def flood(count: int, each: int = 1) -> Events:
    """Payments of cards that are seen so often in a row, a millisecond apart."""
    events = Events.empty(count, V1)
    events.heads["card"] = 1_000_000 + np.arange(count) // each
    events.heads["transaction"], events.heads["amount"] = np.arange(count) + 1, 100
    events.heads["timestamp"] = START + np.arange(count)
    return with_values(events)


@pytest.mark.parametrize(("each", "most"), [(1, 2_000), (2, 8_000)], ids=["seen once", "seen twice"])
def test_a_flood_of_cards_fills_memory_to_the_limit_and_no_further(each: int, most: int) -> None:
    # given a store that has seen as many cards as fit
    store, events = CardStore(V1, memory=SMALL), flood(200_000, each)
    sizes, cards = [], []
    # when twenty times as many come
    for begin in range(0, len(events), 1_000):
        part = slice(begin, begin + 1_000)
        store.process(events[part], START - 1, np.arange(begin, begin + 1_000))
        sizes.append(store.nbytes - store.bytes_used["ids"])
        cards.append(len(store))
    # then the state is not larger than after the first of them: alive cards, and room for half as many again
    assert max(cards) <= 1.5 * (most + SMALL.seen_once) + 2_048
    assert max(sizes[100:]) <= max(sizes[:100])
    assert store.take_forgotten()[0] > 150_000 / each


def test_cards_that_come_back_outlive_a_flood_of_cards_that_do_not() -> None:
    # given a card that pays every 1,500 messages among cards that are seen once
    store, events = CardStore(V1, memory=SMALL), flood(30_000)
    events.heads["card"][::1_500] = 7
    rows, _ = store.process(with_values(events), START - 1, np.arange(len(events)))
    # when it pays again
    counts = rows[::1_500, [one.name for one in V1.kernel_features].index("card_count_24h")]
    # then its payments of the last 8,000 to 16,000 messages count, though 12,000 cards have been forgotten
    assert counts[:5].tolist() == [1, 2, 3, 4, 5]
    assert counts[5:].min() >= 8_000 // 1_500
    assert counts.max() <= 16_000 // 1_500 + 1


def test_a_card_that_comes_back_too_late_is_a_new_one() -> None:
    # given two payments with 2,001 messages from one to the other, and one 2,000 after them
    offsets = np.array([0, 2_001, 4_001])
    rows, _ = CardStore(V1, memory=SMALL).process(make_events({}, {}, {}), None, offsets)
    # then the second has forgotten the first, and the third knows the second
    counts = rows[:, [one.name for one in V1.kernel_features].index("card_count_24h")]
    assert counts.tolist() == [1, 1, 2]


def test_a_hot_card_costs_no_more_the_more_it_pays() -> None:
    # given a card that makes every payment
    memory = MemorySettings(payments_per_card=20_000)
    store, count = CardStore(V1, memory=memory), 200_000
    events = flood(count, count)
    seconds = []
    # when it has paid ten times as often as is remembered
    for begin in range(0, count, 20_000):
        part, started = slice(begin, begin + 20_000), time.process_time()
        store.process(events[part], START - 1, np.arange(begin, begin + 20_000))
        seconds.append(time.process_time() - started)
    # then the state holds its newest payments, and each cost what it did at first
    assert store.dump()["cards"]["count"].tolist() == [20_000]
    assert store.take_forgotten() == (0, 180_000)
    assert min(seconds[5:]) < 5 * max(seconds[1:3])
