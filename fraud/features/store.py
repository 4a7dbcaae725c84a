"""The state of many cards: arrays that grow, shrink and go into snapshots, around the compiled kernel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.features.events import Events
from fraud.features.operations import LARGE, Plan, plan_of
from fraud.features.state_checks import require_sound
from fraud.native import id_index
from fraud.native.kernel import cards as card_blocks
from fraud.native.kernel import value_index
from fraud.native.kernel.process import process
from fraud.native.kernel.tables import (
    CARD,
    DROPPED_PAYMENTS,
    FORGOTTEN_CARDS,
    FOUND,
    IS_FULL_OF_IDS,
    IS_TOO_WIDE,
    LACKING_ENTRIES,
    SMALLEST_BLOCK,
    USED,
    USED_CARDS,
    USED_ENTRIES,
    USED_EVENTS,
    USED_IDS,
    State,
)
from fraud.settings import DEFAULT_MEMORY, MemorySettings

_GROWTH = 1.5
_SLOTS_PER_CARD = 1.5
_SLOTS_PER_ENTRY = 2
_SMALLEST_INDEX = 16


class CardStore:
    """The state of the cards of one partition (or of one Spark task).

    The arena is garbage-collected by copying: a card that outgrows its block moves to a larger one, and when
    the arena is full the live blocks move to a new arena. Memory is therefore bounded by the live events, and
    these by the longest window, once the caller says which cards are idle, and by `memory`
    (`fraud.native.kernel.memory`), once the caller gives offsets.
    """

    def __init__(
        self,
        definitions: Definitions,
        cards: int = 1_024,
        events: int = 16_384,
        large: int = LARGE,
        memory: MemorySettings = DEFAULT_MEMORY,
    ) -> None:
        self._memory = memory
        self._definitions, self._large, self._is_wide = definitions, large, False
        self._plan = plan_of(definitions, large)
        self._fields = len(definitions.fields)
        self._features = len(definitions.kernel_features)
        self._state = self._empty(cards, events)

    def __len__(self) -> int:
        """The number of cards."""
        return int(self._state.used[USED_CARDS])

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        arrays = self._state._asdict()
        ids: id_index.IdTable = arrays.pop("ids")
        return sum(array.nbytes for array in (*arrays.values(), *ids))

    @property
    def bytes_used(self) -> dict[str, int]:
        """Of ids and of events: memory in use, with room between them; not what was never written."""
        ids = sum(array.nbytes for array in self._state.ids)
        return {"ids": ids, "events": int(self._state.used[USED_EVENTS]) * self.bytes_per_event}

    @property
    def bytes_per_event(self) -> int:
        """Size of a remembered event."""
        return int(self._plan.operations.width * self._state.events.itemsize)

    @property
    def is_wide(self) -> bool:
        """Whether its events have bits for large amounts of money: from the first one on."""
        return self._is_wide

    def take_forgotten(self) -> tuple[int, int]:
        """How many cards were forgotten since the last call, and how many payments of cards with too many."""
        used = self._state.used
        cards, payments = int(used[FORGOTTEN_CARDS]), int(used[DROPPED_PAYMENTS])
        used[[FORGOTTEN_CARDS, DROPPED_PAYMENTS]] = 0
        return cards, payments

    def process(
        self,
        events: Events,
        low_watermark: int | None = None,
        offsets: npt.NDArray[np.int64] | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Feed `events` in arrival order.

        Args:
            events: n of them.
            low_watermark: no event time (ms) from now on is before it; cards that are idle then or forgotten,
                and ids that are free again, are removed before memory grows.
            offsets: of the payments in the log of their partition, (n,); None: nothing is forgotten early
                because of them.

        Returns:
            Features of shape (n, len(definitions.kernel_features)), and the outcome of each event, shape
            (n,): `id_index.ACCEPTED`, or `REPEATED` or `CONFLICT` with a row of NaN.

        Raises:
            ValueError: the events are not those of the definitions' fields.
        """
        if events.values.shape != (len(events), self._fields):
            raise ValueError(f"events have values {events.values.shape}, not {(len(events), self._fields)}")
        heads, values = np.ascontiguousarray(events.heads), np.ascontiguousarray(events.values)
        features = np.full((len(events), self._features), np.nan, dtype=np.float32)
        outcomes = np.zeros(len(events), dtype=np.uint8)
        # A copy, since another signature would be compiled for an array that cannot be written.
        found = np.zeros(len(events), dtype=np.int64)
        if offsets is not None:
            found[:] = offsets
        done = 0
        while True:
            done = process(self._plan.operations, self._state, heads, values, found, done, features, outcomes)
            if done == len(events):
                return features, outcomes
            self._make_room(low_watermark, heads[done], int(found[done]))

    def retain_only(self, card_hash: int) -> None:
        """Remove every card but one; not the ids."""
        slot = card_blocks.slot_of(self._state, np.uint64(card_hash))
        keep = np.zeros(len(self), dtype=np.bool_)
        if slot >= 0:
            keep[slot] = True
        self._collect(keep, 1_024, 16_384)

    def clear(self) -> None:
        """Remove every card."""
        self._state = self._empty(1_024, 16_384)

    def remove_idle(self, low_watermark: int) -> int:
        """Remove cards without an event in the longest window before `low_watermark` (ms).

        Returns:
            How many.
        """
        keep = self._alive(low_watermark)
        idle = int(len(keep) - keep.sum())
        if idle:
            self._collect(keep, len(self._state.cards), self._capacity)
        return idle

    def dump(self, low_watermark: int | None = None) -> dict[str, npt.NDArray[Any]]:
        """Copies of the arrays of the state, without the parts that are not in use."""
        everything = np.ones(len(self), dtype=np.bool_)
        copied = self._copied(everything, len(self), 0)
        return self._in_use(copied) | {"ids": id_index.taken_ids(self._state.ids, low_watermark)}

    @classmethod
    def restore(
        cls,
        definitions: Definitions,
        cards: int,
        events: int,
        ids_taken: int,
        fill: Callable[[dict[str, npt.NDArray[Any]]], None],
        *,
        is_wide: bool = False,
        memory: MemorySettings = DEFAULT_MEMORY,
    ) -> "CardStore":
        """The inverse of `dump`.

        Args:
            definitions: those of the dumped store.
            cards: length of the dumped cards.
            events: length of the dumped events.
            ids_taken: length of the dumped ids.
            fill: called once with empty arrays by name; it copies the dumped content into them.
            is_wide: that of the dumped store.
            memory: that of the dumped store.

        Raises:
            ValueError: compiled code could not work on what was filled in.
        """
        store = cls(definitions, 1, 1, memory=memory)
        store._is_wide, store._plan = is_wide, plan_of(definitions, is_wide=is_wide)
        store._state = store._empty(int(cards * _GROWTH) + 1_024, int(events * _GROWTH) + 16_384)
        state, taken = store._state, np.empty(ids_taken, dtype=id_index.ID)
        state.used[[USED_CARDS, USED_EVENTS]] = cards, events
        arrays = store._in_use(state) | {"ids": taken}
        fill(arrays)
        require_sound(arrays, len(store._plan.operations.windows))
        card_blocks.index_cards(state.table, state.cards, cards)
        state.used[USED_IDS] = ids_taken
        store._state = state._replace(ids=id_index.table_of(taken))
        return store

    def _in_use(self, state: State) -> dict[str, npt.NDArray[Any]]:
        cards, events = (int(number) for number in state.used[[USED_CARDS, USED_EVENTS]])
        width = self._plan.operations.width
        return {
            "is_wide": np.array([self._is_wide]),
            "events": state.events[: events * width].reshape(events, width),
            "cards": state.cards[:cards],
            "counts": state.counts[:cards],
            "totals": state.totals[:cards],
        }

    @property
    def _capacity(self) -> int:
        """How many events fit into the arena."""
        return len(self._state.events) // self._plan.operations.width

    def _alive(self, low_watermark: int | None) -> npt.NDArray[np.bool_]:
        if low_watermark is None:
            return np.ones(len(self), dtype=np.bool_)
        times = self._state.cards["watermark"][: len(self)]
        return np.asarray(times > low_watermark - self._plan.operations.windows["length"][-1], dtype=np.bool_)

    def _remembered(self, low_watermark: int | None, offset: int) -> npt.NDArray[np.bool_]:
        """Which cards are not idle, and would not be forgotten if they came at `offset`."""
        keep = self._alive(low_watermark)
        if low_watermark is None:
            return keep
        cards, memory = self._state.cards[: len(self)], self._memory
        is_single = (offset - cards["repeat"] > memory.messages) & (offset - cards["last"] > memory.seen_once)
        is_old = offset // memory.messages > cards["segment"] + 1
        forgotten = keep & (is_single | is_old)
        self._state.used[FORGOTTEN_CARDS] += int(np.count_nonzero(forgotten))
        return np.asarray(keep & ~forgotten)

    def _make_room(self, low_watermark: int | None, head: np.void, offset: int) -> None:
        """Remove idle and forgotten cards; move to arrays with room for half as much again as is left."""
        if self._state.used[LACKING_ENTRIES]:
            self._state = _with_larger_index(self._state)
            return
        if self._state.used[IS_TOO_WIDE]:
            self._widen()
            return
        if self._state.used[IS_FULL_OF_IDS]:
            self._state = _with_room_for_ids(self._state, head, low_watermark)
            return
        keep = self._remembered(low_watermark, offset)
        alive = int(self._capacities()[keep].sum())
        room = int(alive * _GROWTH) + _largest(self._state) * 2 + 16_384
        self._collect(keep, int(keep.sum() * _GROWTH) + 1_024, room)

    def _widen(self) -> None:
        """Give events the bits of large amounts; a card enters the index of values again later."""
        state, plan = self._state, plan_of(self._definitions, self._large, is_wide=True)
        wide = _empty(plan, 1, self._capacity, self._state.limits)
        card_blocks.repack_events(
            self._plan.operations, plan.operations, state.events, wide.events, int(state.used[USED_EVENTS])
        )
        state.used[[USED_ENTRIES, IS_TOO_WIDE]] = 0
        self._state = state._replace(
            events=wide.events, packed=wide.packed, entries=wide.entries, indexed=np.zeros_like(state.indexed)
        )
        self._is_wide, self._plan = True, plan

    def _collect(self, keep: npt.NDArray[np.bool_], cards: int, events: int) -> None:
        fresh = self._copied(keep, cards, events)
        card_blocks.index_cards(fresh.table, fresh.cards, int(fresh.used[USED_CARDS]))
        kept = [USED_IDS, FORGOTTEN_CARDS, DROPPED_PAYMENTS]
        fresh.used[kept] = self._state.used[kept]
        self._state = fresh._replace(ids=self._state.ids)

    def _copied(self, keep: npt.NDArray[np.bool_], cards: int, events: int) -> State:
        """Some of the cards, without outgrown blocks, in arrays with room for at least so many."""
        capacities = self._capacities()
        alive = int(capacities[keep].sum())
        fresh = self._empty(max(cards, int(keep.sum()), 1), max(events, alive))
        card_blocks.copy_cards(self._plan.operations, self._state, fresh, keep, capacities)
        return fresh

    def _empty(self, cards: int, events: int) -> State:
        memory = self._memory
        limits = np.array([memory.seen_once, memory.messages, memory.payments_per_card], dtype=np.int64)
        return _empty(self._plan, cards, events, limits)

    def _capacities(self) -> npt.NDArray[np.int32]:
        """Of each card's block after it is moved: at most a tenth more than what is in it.

        With less, blocks would be outgrown before so many of their events have expired that they can be
        moved within them.
        """
        cards = self._state.cards[: len(self)]
        wanted = np.maximum(SMALLEST_BLOCK, cards["count"] + cards["count"] // 10 + 2)
        return np.asarray(np.minimum(cards["capacity"], wanted), dtype=np.int32)


def _empty(plan: Plan, cards: int, events: int, limits: npt.NDArray[np.int64]) -> State:
    # Zeros cost no more than uninitialised memory, whose content would go into snapshots.
    slots = 1 << int(np.ceil(np.log2(cards * _SLOTS_PER_CARD)))
    operations = plan.operations
    return State(
        events=np.zeros(events * operations.width, dtype=np.uint32),
        cards=np.zeros(cards, dtype=CARD),
        counts=np.zeros((cards, plan.widths.counts), dtype=np.int32),
        totals=np.zeros((cards, plan.widths.totals), dtype=np.int64),
        table=np.full(slots, -1, dtype=np.int32),
        entries=np.zeros(_SMALLEST_INDEX, dtype=value_index.ENTRY),
        indexed=np.zeros(cards, dtype=np.bool_),
        ids=id_index.empty_index(),
        used=np.zeros(USED, dtype=np.int64),
        packed=np.zeros(operations.width, dtype=np.uint32),
        current=np.zeros(len(operations.columns), dtype=np.int64),
        lost=np.zeros(len(operations.updates), dtype=np.bool_),
        found=np.zeros(len(operations.groups), dtype=FOUND),
        limits=limits,
    )


def _with_larger_index(state: State) -> State:
    wanted = _SLOTS_PER_ENTRY * int(state.used[USED_ENTRIES] + state.used[LACKING_ENTRIES])
    entries = np.zeros(1 << wanted.bit_length(), dtype=value_index.ENTRY)
    value_index.copy_entries(state.entries, entries)
    state.used[LACKING_ENTRIES] = 0
    return state._replace(entries=entries)


def _with_room_for_ids(state: State, head: np.void, low_watermark: int | None) -> State:
    table, used = id_index.enlarge(state.ids, head, low_watermark)
    state.used[[USED_IDS, IS_FULL_OF_IDS]] = used, 0
    return state._replace(ids=table)


def _largest(state: State) -> int:
    used = int(state.used[USED_CARDS])
    return int(state.cards["capacity"][:used].max(initial=0))
