"""The index of large cards against plain counters, in tables so small that entries collide."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.native.kernel import value_index
from fraud.native.kernel.tables import USED_ENTRIES
from fraud.native.kernel.value_index import ENTRY

CARDS, GROUPS, VALUES = (1, 2), (0, 1, 2), (0, 1, 2**40)
KEYS = [(card, group, value) for card in CARDS for group in GROUPS for value in VALUES][:15]
Key = tuple[int, int, int]
Index = npt.NDArray[Any]
ADDEND = 7


def apply(index: Index, used: npt.NDArray[np.int64], expected: Counter[Key], step: str, key: Key) -> None:
    card, group, value = np.uint64(key[0]), np.int64(key[1]), np.uint64(key[2])
    addends = (np.int64(ADDEND), np.int64(2 * ADDEND), np.int64(3 * ADDEND))
    if step == "add":
        expected[key] += 1
        assert value_index.add(index, used, card, group, value, *addends) == expected[key]
    elif expected[key] > 0:
        expected[key] -= 1
        assert value_index.remove(index, used, card, group, value, *addends) == expected[key]


def assert_equal(index: Index, expected: Counter[Key]) -> None:
    for key in KEYS:
        found = value_index.find(index, np.uint64(key[0]), np.int64(key[1]), np.uint64(key[2]))
        names = ("count", "sum", "high", "low")
        figures = [int(index[found][name]) for name in names] if found >= 0 else [0] * 4
        assert figures == [expected[key] * factor for factor in (1, ADDEND, 2 * ADDEND, 3 * ADDEND)], key
    assert (index["count"] > 0).sum() == sum(count > 0 for count in expected.values())


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.sampled_from(KEYS)), max_size=200))
def test_it_counts_as_plain_counters_do(steps: list[tuple[str, Key]]) -> None:
    # given a table with one entry more than there are keys
    index, used, expected = np.zeros(16, dtype=ENTRY), np.zeros(6, dtype=np.int64), Counter[Key]()
    # when events come and go
    for step, key in steps:
        apply(index, used, expected, step, key)
    # then every figure is as it should be
    assert_equal(index, expected)
    assert used[USED_ENTRIES] == sum(count > 0 for count in expected.values())
    # and in a table of another size, too
    larger = np.zeros(64, dtype=ENTRY)
    value_index.copy_entries(index, larger)
    assert_equal(larger, expected)
