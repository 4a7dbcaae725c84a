"""What a topic of lists holds after some of its messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.lists.entries import ListChange, ListEntries, ListEntry, encode_entry, entry_key

CARD = ListEntry("blocked_cards", "c/17", "ann", 1_000, "stolen", 5_000)


def test_an_entry_counts_from_its_message_to_its_removal() -> None:
    # given
    lists = ListEntries()
    # when
    added = lists.apply(3, *encode_entry(CARD))
    there = lists.entry("blocked_cards", "c/17")
    removed = lists.apply(4, entry_key("blocked_cards", "c/17"), None)
    # then
    assert added == ListChange("blocked_cards", "c/17", CARD)
    assert there == CARD
    assert removed == ListChange("blocked_cards", "c/17", None)
    assert lists.names() == []
    assert (len(lists), lists.position) == (0, 5)


def test_what_changes_nothing_is_no_change() -> None:
    lists = ListEntries()
    lists.apply(0, *encode_entry(CARD))
    assert lists.apply(1, *encode_entry(CARD)) is None
    assert lists.apply(2, b"blocked_cards/other", None) is None
    assert lists.position == 3


def test_an_entry_expires_by_the_time_of_the_payment() -> None:
    assert CARD.holds_at(4_999)
    assert not CARD.holds_at(5_000)
    assert ListEntry("a", "b", "ann", 1).holds_at(1 << 50)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, None),
        (b"blocked_cards", b"{}"),
        (b"Blocked/c", None),
        (b"blocked_cards/", None),
        (b"blocked_cards/c/18", encode_entry(CARD)[1]),
        (b"blocked_cards/c/17", b"{"),
        (b"\xff/c", None),
    ],
)
def test_what_is_no_entry_is_left_out(
    key: bytes | None, value: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    lists = ListEntries()
    assert lists.apply(7, key, value) is None
    assert (lists.refused, len(lists), lists.position) == (1, 0, 8)
    assert "offset 7 of the lists is no entry and is left out" in caplog.text


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans()), max_size=30))
def test_changes_bring_another_index_to_the_same_entries(steps: list[tuple[str, str, bool]]) -> None:
    # given one who only hears of changes
    lists, heard = ListEntries(), dict[tuple[str, str], ListEntry]()
    # when
    for position, (name, value, is_there) in enumerate(steps):
        entry = ListEntry(name, value, "ann", position % 3)
        key, encoded = encode_entry(entry)
        change = lists.apply(position, key, encoded if is_there else None)
        if change is not None and change.entry is not None:
            heard[name, value] = change.entry
        elif change is not None:
            del heard[name, value]
    # then it has the same
    assert {(one.list, one.value): one for one in lists} == heard
    assert len(lists) == len(heard)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"4111111111111111", None),
        (b"Blocked cards/4111111111111111", None),
        (b"blocked_cards/4111111111111111", encode_entry(CARD)[1]),
        (b"blocked_cards/c", encode_entry(ListEntry("blocked_cards", "4111111111111111", "ann", 1))[1]),
    ],
)
def test_no_log_has_the_value_of_a_message_that_is_left_out(
    key: bytes, value: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert ListEntries().apply(7, key, value) is None
    assert "offset 7 of the lists is no entry" in caplog.text
    assert "4111" not in caplog.text
