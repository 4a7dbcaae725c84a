"""The index of lists behaves like sets of entries."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fraud.decisions.list_index import ListIndex
from tests.fraud.native.rules.collisions import ALIKE

NAMES = st.sampled_from(["cards", "countries"])
VALUES = st.sampled_from([*ALIKE, "EUR", "JPY", "", "c1", "ä"]) | st.integers(0, 3_000).map("v{}".format)
EXPIRIES = st.none() | st.integers(0, 5)


class EntriesMachine(RuleBasedStateMachine):
    """Adds and removes entries in an index and in dictionaries."""

    @initialize()
    def start(self) -> None:
        self.index = ListIndex()
        self.expected: dict[tuple[str, str], int | None] = {}

    @rule(name=NAMES, value=VALUES, expires=EXPIRIES)
    def put(self, name: str, value: str, expires: int | None) -> None:
        self.index.put(name, value, expires)
        self.expected[name, value] = expires

    @rule(name=NAMES, count=st.integers(0, 3_000), expires=EXPIRIES)
    def put_many(self, name: str, count: int, expires: int | None) -> None:
        self.index.put_all(name, [(f"v{number}", expires) for number in range(count)])
        self.expected |= {(name, f"v{number}"): expires for number in range(count)}

    @rule(name=NAMES, value=VALUES)
    def remove(self, name: str, value: str) -> None:
        self.index.remove(name, value)
        self.expected.pop((name, value), None)

    @rule(name=NAMES, first=st.integers(0, 3_000))
    def remove_many(self, name: str, first: int) -> None:
        for number in range(first, 3_000, 3):
            self.index.remove(name, f"v{number}")
            self.expected.pop((name, f"v{number}"), None)

    @rule()
    def clear(self) -> None:
        self.index.clear()
        self.expected.clear()

    @rule(name=NAMES, value=VALUES, time=st.integers(0, 6))
    def ask(self, name: str, value: str, time: int) -> None:
        expires = self.expected.get((name, value), -1)
        assert self.index.holds(name, value, time) == (expires is None or time < expires)

    @invariant()
    def counts(self) -> None:
        for name in ("cards", "countries"):
            assert self.index.count(name) == sum(one == name for one, _ in self.expected)


TestEntries = EntriesMachine.TestCase


@given(st.lists(st.tuples(st.integers(0, 9).map("v{}".format), st.booleans()), max_size=60))
def test_nothing_stays_of_what_was_removed(changes: list[tuple[str, bool]]) -> None:
    # given an index in which entries came and went
    index = ListIndex()
    for value, is_added in changes:
        (index.put if is_added else index.remove)("cards", value)
    # when all are removed
    for number in range(10):
        index.remove("cards", f"v{number}")
    # then no slot is in use
    assert index.count("cards") == 0
    assert not index.arrays.slots["owner"].any()
