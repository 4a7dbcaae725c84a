"""The memory of many cards: arrays that grow, shrink and travel, around the compiled kernel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.features.events import EVENT, Events
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
from fraud.native.jit import compiled
from fraud.native.kernel import CARD, STORED, Columns, Rules, State

_GROWTH = 1.5
_SLOTS_PER_CARD = 2
_SLOTS_PER_ENTRY = 2
_SMALLEST_INDEX = 16
_LARGE = 1_024
"""Events from which on a card is indexed; below, a scan within the processor's cache is as fast."""

_WINDOWS = len(CARD_WINDOWS)


class CardStore:
    """What is remembered of the cards of one partition (or of one Spark task).

    The arena is collected by copying: a card that outgrows its block leaves the old one behind, and when the
    arena is full what is alive moves to a new one. Memory is therefore bounded by what is alive, and what is
    alive by the longest window, once the caller says which cards are idle.
    """

    def __init__(self, cards: int = 1_024, events: int = 16_384, large: int = _LARGE) -> None:
        self._rules = rules(large)
        self._state = _empty(cards, events)

    def __len__(self) -> int:
        """How many cards are remembered."""
        return int(self._state.used[0])

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(array.nbytes for array in self._state)

    def process(
        self, events: Events, low_watermark: int | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Feed `events` (records of `EVENT`) in arrival order.

        Args:
            events: n of them.
            low_watermark: no event time (ms) from now on is before it; cards that are idle then, and ids
                that are free again, make room for others before memory grows.

        Returns:
            Features of shape (n, len(KERNEL_FEATURES)), and what becomes of each event, shape (n,):
            `ids.ACCEPTED`, or `ids.REPEATED` or `ids.CONFLICT` with a row of NaN.
        """
        if events.dtype != EVENT:
            raise TypeError(f"events have dtype {events.dtype}, not EVENT")
        features = np.full((len(events), len(KERNEL_FEATURES)), np.nan, dtype=np.float32)
        outcomes = np.zeros(len(events), dtype=np.uint8)
        done = kernel.process(self._rules, self._state, events, 0, features, outcomes)
        while done < len(events):
            self._make_room(low_watermark)
            done = kernel.process(self._rules, self._state, events, done, features, outcomes)
        return features, outcomes

    def retain_only(self, card_hash: int) -> None:
        """Forget every card but one; not the ids."""
        slot = kernel.find(self._state, np.uint64(card_hash))
        keep = np.zeros(len(self), dtype=np.bool_)
        if slot >= 0:
            keep[slot] = True
        self._collect(keep, 1_024, 16_384)

    def clear(self) -> None:
        """Forget every card."""
        self._state = _empty(1_024, 16_384)

    def forget_idle(self, low_watermark: int) -> int:
        """Forget cards whose every event is beyond the longest window before `low_watermark` (ms).

        Returns:
            How many.
        """
        keep = self._alive(low_watermark)
        idle = int(len(keep) - keep.sum())
        if idle:
            self._collect(keep, len(self._state.cards), len(self._state.events))
        return idle

    def dump(self, low_watermark: int | None = None) -> dict[str, npt.NDArray[Any]]:
        """Copies of the arrays that make up the state, trimmed to what is in use."""
        copies = {name: array.copy() for name, array in self._in_use().items()}
        return copies | {"ids": id_index.taken(self._state.ids, low_watermark)}

    @classmethod
    def restore(
        cls, cards: int, events: int, ids_taken: int, fill: Callable[[dict[str, npt.NDArray[Any]]], None]
    ) -> "CardStore":
        """The inverse of `dump`.

        Args:
            cards: length of the dumped cards.
            events: length of the dumped events.
            ids_taken: length of the dumped ids.
            fill: called once with empty arrays by name; it gives them the content of the dumped ones.
        """
        store = cls(int(cards * _GROWTH) + 1_024, int(events * _GROWTH) + 16_384)
        state, taken = store._state, np.empty(ids_taken, dtype=id_index.ID)
        state.used[:2] = cards, events
        fill(store._in_use() | {"ids": taken})
        _index_all(state.table, state.cards, cards)
        state.used[4] = ids_taken
        store._state = state._replace(ids=id_index.filled(taken))
        return store

    def _in_use(self) -> dict[str, npt.NDArray[Any]]:
        state = self._state
        cards, events = (int(number) for number in state.used[:2])
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
        """Forget who is idle, and move to arrays with room for half as much again as is alive."""
        if self._state.used[3]:
            self._state = _with_larger_index(self._state)
            return
        if self._state.used[5]:
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
        _copy_alive(self._state, fresh, keep)
        _index_all(fresh.table, fresh.cards, int(fresh.used[0]))
        fresh.used[4] = self._state.used[4]
        self._state = fresh._replace(ids=self._state.ids)


def rules(large: int = _LARGE) -> Rules:
    """The specification as the kernel takes it."""
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
    # Zeros cost no more than what happens to lie there, and what lies there would go into snapshots.
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
    wanted = _SLOTS_PER_ENTRY * int(state.used[2] + state.used[3])
    entries = np.zeros(1 << wanted.bit_length(), dtype=large_cards.ENTRY)
    large_cards.move(state.entries, entries)
    state.used[3] = 0
    return state._replace(entries=entries)


def _with_room_for_ids(state: State, low_watermark: int | None) -> State:
    table, used = id_index.larger(state.ids, low_watermark)
    state.used[4:] = used, 0
    return state._replace(ids=table)


def _largest(state: State) -> int:
    used = int(state.used[0])
    return int(state.cards["capacity"][:used].max(initial=0))


def _last_times(state: State) -> npt.NDArray[np.int64]:
    cards = state.cards[: int(state.used[0])]
    last = cards["block"] + cards["head"] + cards["count"] - 1
    return np.asarray(np.where(cards["count"] > 0, state.events["timestamp"][last], 0), dtype=np.int64)


@compiled
def _copy_alive(source, target, keep):  # type: ignore[no-untyped-def]
    """Copy the kept cards with their blocks, one after another."""
    for slot in range(len(keep)):
        if not keep[slot]:
            continue
        to, end = target.used[0], target.used[1]
        target.cards[to] = source.cards[slot]
        old, new = source.cards[slot], target.cards[to]
        for step in range(old.count):
            target.events[end + step] = source.events[old.block + old.head + step]
        new.block, new.head = end, 0
        for window in range(source.first.shape[1]):
            target.first[to, window] = source.first[slot, window]
            target.sums[to, window] = source.sums[slot, window]
            target.maxima[to, window] = source.maxima[slot, window]
        target.used[0] = to + 1
        target.used[1] = end + old.capacity


@compiled
def _index_all(table, cards, count):  # type: ignore[no-untyped-def]
    for slot in range(count):
        kernel.index_card(table, cards[slot].hash, slot)
