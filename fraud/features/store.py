"""The state of many cards: arrays that grow, shrink and go into snapshots, around the compiled kernel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.features.events import Events, to_records
from fraud.features.spec import (
    CARD_WINDOWS,
    HIGH_RATIO,
    KERNEL_FEATURES,
    LONGEST_WINDOW_MS,
    RECENT_EVENTS,
    SMALL_AMOUNT,
    TRANSACTION_FEATURES,
)
from fraud.native import id_index, kernel, large_cards
from fraud.native.kernel import CARD, STORED, Columns, Rules, State
from fraud.native.large_cards import (
    IS_FULL_OF_IDS,
    LACKING_ENTRIES,
    USED_CARDS,
    USED_ENTRIES,
    USED_EVENTS,
    USED_IDS,
)

_GROWTH = 1.5
_SLOTS_PER_CARD = 2
_SLOTS_PER_ENTRY = 2
_SMALLEST_INDEX = 16
_LARGE = 1_024
"""Events from which on a card is indexed; below, a scan within the processor's cache is as fast."""

_WINDOWS = len(CARD_WINDOWS)


class CardStore:
    """The state of the cards of one partition (or of one Spark task).

    The arena is garbage-collected by copying: a card that outgrows its block moves to a larger one, and when
    the arena is full the live blocks move to a new arena. Memory is therefore bounded by the live events, and
    these by the longest window, once the caller says which cards are idle.
    """

    def __init__(
        self, definitions: Definitions, cards: int = 1_024, events: int = 16_384, large: int = _LARGE
    ) -> None:
        self._definitions = definitions
        self._rules = rules(large)
        self._state = _empty(cards, events)

    def __len__(self) -> int:
        """The number of cards."""
        return int(self._state.used[USED_CARDS])

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(array.nbytes for array in self._state)

    def process(
        self, events: Events, low_watermark: int | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Feed `events` in arrival order.

        Args:
            events: n of them.
            low_watermark: no event time (ms) from now on is before it; cards that are idle then, and ids
                that are free again, are removed before memory grows.

        Returns:
            Features of shape (n, len(KERNEL_FEATURES)), and the outcome of each event, shape (n,):
            `id_index.ACCEPTED`, or `REPEATED` or `CONFLICT` with a row of NaN.
        """
        records = to_records(events)
        features = np.full((len(events), len(KERNEL_FEATURES)), np.nan, dtype=np.float32)
        outcomes = np.zeros(len(events), dtype=np.uint8)
        done = kernel.process(self._rules, self._state, records, 0, features, outcomes)
        while done < len(events):
            self._make_room(low_watermark)
            done = kernel.process(self._rules, self._state, records, done, features, outcomes)
        return features, outcomes

    def retain_only(self, card_hash: int) -> None:
        """Remove every card but one; not the ids."""
        slot = kernel.find(self._state, np.uint64(card_hash))
        keep = np.zeros(len(self), dtype=np.bool_)
        if slot >= 0:
            keep[slot] = True
        self._collect(keep, 1_024, 16_384)

    def clear(self) -> None:
        """Remove every card."""
        self._state = _empty(1_024, 16_384)

    def remove_idle(self, low_watermark: int) -> int:
        """Remove cards without an event in the longest window before `low_watermark` (ms).

        Returns:
            How many.
        """
        keep = self._alive(low_watermark)
        idle = int(len(keep) - keep.sum())
        if idle:
            self._collect(keep, len(self._state.cards), len(self._state.events))
        return idle

    def dump(self, low_watermark: int | None = None) -> dict[str, npt.NDArray[Any]]:
        """Copies of the arrays of the state, without the parts that are not in use."""
        copies = {name: array.copy() for name, array in self._in_use().items()}
        return copies | {"ids": id_index.taken_ids(self._state.ids, low_watermark)}

    @classmethod
    def restore(
        cls,
        definitions: Definitions,
        cards: int,
        events: int,
        ids_taken: int,
        fill: Callable[[dict[str, npt.NDArray[Any]]], None],
    ) -> "CardStore":
        """The inverse of `dump`.

        Args:
            definitions: those of the dumped store.
            cards: length of the dumped cards.
            events: length of the dumped events.
            ids_taken: length of the dumped ids.
            fill: called once with empty arrays by name; it copies the dumped content into them.
        """
        store = cls(definitions, int(cards * _GROWTH) + 1_024, int(events * _GROWTH) + 16_384)
        state, taken = store._state, np.empty(ids_taken, dtype=id_index.ID)
        state.used[[USED_CARDS, USED_EVENTS]] = cards, events
        fill(store._in_use() | {"ids": taken})
        kernel.index_cards(state.table, state.cards, cards)
        state.used[USED_IDS] = ids_taken
        store._state = state._replace(ids=id_index.table_of(taken))
        return store

    def _in_use(self) -> dict[str, npt.NDArray[Any]]:
        state = self._state
        cards, events = (int(number) for number in state.used[[USED_CARDS, USED_EVENTS]])
        return {
            "events": state.events[:events],
            "cards": state.cards[:cards],
            "first": state.first[:cards],
            "sums": state.sums[:cards],
            "maxima": state.maxima[:cards],
        }

    def _alive(self, low_watermark: int | None) -> npt.NDArray[np.bool_]:
        if low_watermark is None:
            return np.ones(len(self), dtype=np.bool_)
        return _last_times(self._state) > low_watermark - LONGEST_WINDOW_MS

    def _make_room(self, low_watermark: int | None) -> None:
        """Remove idle cards, and move to arrays with room for half as much again as is alive."""
        if self._state.used[LACKING_ENTRIES]:
            self._state = _with_larger_index(self._state)
            return
        if self._state.used[IS_FULL_OF_IDS]:
            self._state = _with_room_for_ids(self._state, low_watermark)
            return
        keep = self._alive(low_watermark)
        alive = int(self._state.cards["capacity"][: len(self)][keep].sum())
        self._collect(
            keep, int(keep.sum() * _GROWTH) + 1_024, int(alive * _GROWTH) + _largest(self._state) * 2 + 16_384
        )

    def _collect(self, keep: npt.NDArray[np.bool_], cards: int, events: int) -> None:
        alive = int(self._state.cards["capacity"][: len(self)][keep].sum())
        fresh = _empty(max(cards, int(keep.sum())), max(events, alive))
        kernel.copy_cards(self._state, fresh, keep)
        kernel.index_cards(fresh.table, fresh.cards, int(fresh.used[USED_CARDS]))
        fresh.used[USED_IDS] = self._state.used[USED_IDS]
        self._state = fresh._replace(ids=self._state.ids)


def rules(large: int = _LARGE) -> Rules:
    """The specification as the kernel takes it; cards with `large` events are indexed."""
    names = [feature.name for feature in KERNEL_FEATURES]
    first_window = {"windows": len(TRANSACTION_FEATURES)}
    return Rules(
        windows=np.array(list(CARD_WINDOWS.values()), dtype=np.int64),
        hour=list(CARD_WINDOWS).index("1h"),
        day=list(CARD_WINDOWS).index("24h"),
        small_amount=SMALL_AMOUNT,
        high_ratio=HIGH_RATIO,
        recent_events=RECENT_EVENTS,
        large=large,
        columns=Columns(
            **{
                name: first_window.get(name, names.index(name) if name in names else -1)
                for name in Columns._fields
            }
        ),
    )


def _empty(cards: int, events: int) -> State:
    # Zeros cost no more than uninitialised memory, whose content would go into snapshots.
    slots = 1 << int(np.ceil(np.log2(cards * _SLOTS_PER_CARD)))
    return State(
        events=np.zeros(events, dtype=STORED),
        cards=np.zeros(cards, dtype=CARD),
        first=np.zeros((cards, _WINDOWS), dtype=np.int32),
        sums=np.zeros((cards, _WINDOWS), dtype=np.int64),
        maxima=np.full((cards, _WINDOWS), -1, dtype=np.int64),
        table=np.full(slots, -1, dtype=np.int32),
        entries=np.zeros(_SMALLEST_INDEX, dtype=large_cards.ENTRY),
        indexed=np.zeros(cards, dtype=np.bool_),
        ids=id_index.empty_index(0),
        used=np.zeros(6, dtype=np.int64),
    )


def _with_larger_index(state: State) -> State:
    wanted = _SLOTS_PER_ENTRY * int(state.used[USED_ENTRIES] + state.used[LACKING_ENTRIES])
    entries = np.zeros(1 << wanted.bit_length(), dtype=large_cards.ENTRY)
    large_cards.copy_entries(state.entries, entries)
    state.used[LACKING_ENTRIES] = 0
    return state._replace(entries=entries)


def _with_room_for_ids(state: State, low_watermark: int | None) -> State:
    table, used = id_index.enlarge(state.ids, low_watermark)
    state.used[[USED_IDS, IS_FULL_OF_IDS]] = used, 0
    return state._replace(ids=table)


def _largest(state: State) -> int:
    used = int(state.used[USED_CARDS])
    return int(state.cards["capacity"][:used].max(initial=0))


def _last_times(state: State) -> npt.NDArray[np.int64]:
    cards = state.cards[: int(state.used[USED_CARDS])]
    last = cards["block"] + cards["head"] + cards["count"] - 1
    return np.asarray(np.where(cards["count"] > 0, state.events["timestamp"][last], 0), dtype=np.int64)
