"""The index of large cards against plain counters, in tables so small that entries collide."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.native import large_cards
from fraud.native.large_cards import CATEGORY, COUNTRY, ENTRY, FREE, MERCHANT, USED_ENTRIES

CARDS, KINDS, VALUES = (1, 2), (MERCHANT, CATEGORY, COUNTRY), (0, 1, 2**40)
KEYS = [(card, kind, value) for card in CARDS for kind in KINDS for value in VALUES][:15]
Key = tuple[int, int, int]


class Reference:
    """What the index should hold: events by card, kind and value, and those of the last 24 hours."""

    def __init__(self) -> None:
        self.events, self.in_day = Counter[Key](), Counter[Key]()

    def apply(self, step: str, key: Key) -> bool:
        """Count an event; whether it was possible."""
        if step in ("add", "add to day"):
            self.events[key] += 1
            self.in_day[key] += step == "add to day"
        elif step == "remove from day" and self.in_day[key] > 0:
            self.in_day[key] -= 1
        elif step == "remove" and self.events[key] > self.in_day[key]:
            self.events[key] -= 1
        else:
            return False
        return True


def apply(index: npt.NDArray[Any], used: npt.NDArray[np.int64], step: str, key: Key) -> None:
    card, kind, value = np.uint64(key[0]), np.int64(key[1]), np.uint64(key[2])
    if step in ("add", "add to day"):
        large_cards.add(index, used, card, kind, value, step == "add to day")
    elif step == "remove":
        large_cards.remove(index, used, card, kind, value)
    else:
        large_cards.remove_from_day(index, card, kind, value)


def assert_equal(index: npt.NDArray[Any], reference: Reference) -> None:
    for key in KEYS:
        found = large_cards.find(index, np.uint64(key[0]), np.int64(key[1]), np.uint64(key[2]))
        counts = (index[found]["count"], index[found]["in_day"]) if found >= 0 else (0, 0)
        assert counts == (reference.events[key], reference.in_day[key]), key
    assert (index["kind"] != FREE).sum() == sum(count > 0 for count in reference.events.values())


STEPS = st.sampled_from(["add", "add to day", "remove", "remove from day"])


@settings(deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from(KEYS)), min_size=20, max_size=200))
def test_it_counts_as_plain_counters_do(steps: list[tuple[str, Key]]) -> None:
    # given a table with one entry more than there are keys
    index, used, reference = np.zeros(16, dtype=ENTRY), np.zeros(6, dtype=np.int64), Reference()
    # when events come and go
    for step, key in steps:
        if reference.apply(step, key):
            apply(index, used, step, key)
    # then every count is as it should be
    assert_equal(index, reference)
    assert used[USED_ENTRIES] == sum(count > 0 for count in reference.events.values())
    # and in a table of another size, too
    larger = np.zeros(64, dtype=ENTRY)
    large_cards.copy_entries(index, larger)
    assert_equal(larger, reference)
