"""What the page gets of policies and entries, without Kafka."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.lists.entries import ListEntry, encode_entry
from fraud.settings import load_settings
from serving.dashboard.decisions.descriptions import changed_lines
from serving.dashboard.decisions.entries import EntryTable
from serving.dashboard.decisions.parsed import PolicyParser
from tests.serving.dashboard.decisions.policies import ACME

LINES = st.lists(st.sampled_from(["a", "b", "-- c", "++ d", "@@ e", ""]), max_size=12)


class FakeMessage:
    """A message of the topic of lists."""

    def __init__(self, offset: int, entry: ListEntry) -> None:
        self._offset, (self._key, self._value) = offset, encode_entry(entry)

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value


def table_of(*entries: ListEntry) -> EntryTable:
    table = EntryTable()
    for offset, entry in enumerate(entries):
        message: Any = FakeMessage(offset, entry)
        table.take(message)
    return table


@given(before=LINES, after=LINES)
def test_changed_lines_are_those_that_one_text_has_and_the_other_has_not(
    before: list[str], after: list[str]
) -> None:
    found = changed_lines("\n".join(before), "\n".join(after))
    gained = [one["text"] for one in found if one["mark"] == "+"]
    lost = [one["text"] for one in found if one["mark"] == "-"]
    texts = ["\n".join(lines).splitlines() for lines in (before, after)]
    assert sorted([*texts[0], *gained]) == sorted([*texts[1], *lost])
    assert (not found) == (texts[0] == texts[1])


def test_the_newest_entries_with_a_text_are_found_and_all_are_counted() -> None:
    # given entries of two lists
    entries = [ListEntry("cards", f"card-{number}", "Anna", number, "stolen") for number in range(5)]
    table = table_of(*entries, ListEntry("shops", "card-x", "Anna", 9, "", 3))
    # then the newest of a list come first, and the text may be in any part
    found, count = table.search("cards", "ANNA", 2)
    assert ([one.value for one in found], count) == (["card-4", "card-3"], 5)
    assert [one.value for one in table.search("cards", "d-1", 9)[0]] == ["card-1"]
    assert table.search("none", "", 9) == ([], 0)
    # and an expired entry is counted apart
    assert table.counts(3) == {"cards": (5, 0), "shops": (0, 1)}


def test_findings_have_the_line_of_what_they_are_about() -> None:
    # given a rule without an owner, and a list that nothing uses
    text = ACME.replace("    owner: jane@example.com\n", "").replace(
        "rules:\n", "  far_shops: {field: merchant_id}\nrules:\n"
    )
    lines = text.splitlines()
    # when it is checked
    findings = PolicyParser(load_settings().loaded_definitions).parse(text).findings
    # then each finding is beside its rule or list
    found = {lines[one["line"] - 1].strip() for one in findings if one["line"] is not None}
    assert found == {"- name: large", "far_shops: {field: merchant_id}"}
