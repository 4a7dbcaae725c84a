"""`python -m benchmarks.definitions memory`: resident memory of cards, with v1 and 60 payments a month each.

A process takes the payments of a month; another one restores its state, as an engine does that starts again.
"""

import ctypes
import gc
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.definitions.options import Options
from benchmarks.pools import process_pool
from benchmarks.results import Section
from fraud.definitions.loading import load_definitions
from fraud.features.cost import made_up_events
from fraud.features.store import CardStore

_CARDS, _CARDS_AT_A_TIME, _TINY = 200_000, 5_000, 10_000
_BATCH = 2_000
_SIZES = "sizes.json"


@dataclass(frozen=True)
class Memory:
    """Bytes a card: all that became resident, and of that the ids and the events; `rest` is what is left."""

    cards: int
    resident: float
    ids: float
    events: float

    @property
    def rest(self) -> float:
        """Rows of the cards, sums, the table that finds cards."""
        return self.resident - self.ids - self.events


def run(options: Options) -> Section:
    """Measure; the bar is that of a store after a restart."""
    cards = _TINY if options.tiny else _CARDS
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder)
        taken = _in_a_process(take_a_month, kept, cards)
        restored = _in_a_process(restore, kept, cards)
    figures = {"after_a_month": asdict(taken), "after_a_restart": asdict(restored)}
    title = f"Resident memory a card: v1, {cards:,} cards of 60 payments a month (Poisson)"
    return Section("definitions_memory", title, figures, _table(taken, restored))


def _table(taken: Memory, restored: Memory) -> list[str]:
    rows = [
        f"| {name} | {one.resident:,.0f} B | {one.ids:,.0f} B | {one.events:,.0f} B | {one.rest:,.0f} B |"
        for name, one in (("after a month of payments", taken), ("after a restart", restored))
    ]
    return ["| | a card | ids | events | rest |", "|---|---|---|---|---|", *rows]


def _in_a_process(measure: Callable[[Path, int], Memory], folder: Path, cards: int) -> Memory:
    context = multiprocessing.get_context("spawn")
    with process_pool(1, context) as pool:
        return pool.submit(measure, folder, cards).result()


def take_a_month(folder: Path, cards: int) -> Memory:
    """Feed a store with a month of so many cards, and keep its arrays in the folder."""
    definitions = load_definitions()
    _warm_up()
    before, store = _resident(), CardStore(definitions)
    for first in range(0, cards, _CARDS_AT_A_TIME):
        events = made_up_events(definitions, _CARDS_AT_A_TIME, seed=first)
        events.heads["card"] ^= np.uint64(first << 40)
        for start in range(0, len(events), _BATCH):
            store.process(events[start : start + _BATCH])
        print(f"{first + _CARDS_AT_A_TIME:,} cards", file=sys.stderr, flush=True)
    del events
    found = _memory_of(store, before)
    for name, array in store.dump().items():
        array.tofile(folder / name)
    sizes = {name: len(array) for name, array in store.dump().items()}
    (folder / _SIZES).write_text(json.dumps(sizes), encoding="utf-8")
    return found


def restore(folder: Path, cards: int) -> Memory:
    """Restore the store that `take_a_month` kept."""
    _warm_up()
    sizes = json.loads((folder / _SIZES).read_text(encoding="utf-8"))

    def fill(arrays: dict[str, npt.NDArray[Any]]) -> None:
        for name, array in arrays.items():
            with (folder / name).open("rb") as source:
                source.readinto(array.reshape(-1).view(np.uint8).data)

    before = _resident()
    store = CardStore.restore(load_definitions(), sizes["cards"], sizes["events"], sizes["ids"], fill)
    found = _memory_of(store, before)
    assert found.cards > cards * 0.99
    return found


def _warm_up() -> None:
    definitions = load_definitions()
    CardStore(definitions).process(made_up_events(definitions, 10))


def _memory_of(store: CardStore, before: int) -> Memory:
    resident, cards = _resident() - before, len(store)
    used = store.bytes_used
    return Memory(cards, resident / cards, used["ids"] / cards, used["events"] / cards)


def _resident() -> int:
    """Resident bytes of this process, without what the allocator keeps for the next batch."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4_096
