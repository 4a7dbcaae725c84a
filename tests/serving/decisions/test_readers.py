"""What the threads hand over to the loop."""

import logging

import pytest

from fraud.decisions.lists.entries import ListEntry, encode_entry, entry_key
from fraud.decisions.log.events import encode_event
from fraud.errors import UnreachableError
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.decisions.lists_reader import ListChanges, ListsReader
from serving.ops.metrics import Metrics
from tests.serving.decisions.active import Message
from tests.serving.decisions.support import named_policy, proposed


def entry(offset: int, value: str, expires: int | None = None) -> Message:
    key, content = encode_entry(ListEntry("blocked", value, "jane", 1, "seen", expires))
    return Message(offset, content, key)


def removal(offset: int, value: str) -> Message:
    return Message(offset, None, entry_key("blocked", value))


def handed_over(reader: ListsReader, *messages: Message) -> ListChanges:
    for message in messages:
        reader.take(message)
    reader.reach_end()
    return reader.pending.get_nowait()


def test_changes_since_the_last_end_are_handed_over_with_their_position(local_settings: Settings) -> None:
    reader = ListsReader(local_settings)
    # given all that the topic held at the start, with a value that came and went
    first = handed_over(reader, entry(4, "a"), entry(5, "b", 9), removal(7, "a"))
    assert first == ListChanges(True, {("blocked", "b"): 9}, {("blocked", "a")}, 8)
    # then only what changed
    second = handed_over(reader, removal(8, "b"), entry(9, "b"), entry(10, "a"))
    assert second == ListChanges(False, {("blocked", "b"): None, ("blocked", "a"): None}, set(), 11)
    # and all of it again after an error
    reader.restart(1)
    assert handed_over(reader, entry(10, "a")) == ListChanges(True, {("blocked", "a"): None}, set(), 11)


def test_a_message_that_is_no_entry_is_left_out_and_counts_for_the_position(
    local_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = handed_over(ListsReader(local_settings), Message(3, b"no entry", b"blocked/a"))
    assert found == ListChanges(True, {}, set(), 4)
    assert "offset 3 of the lists is no entry and is left out" in caplog.text


def test_entries_that_are_gone_from_the_topic_are_gone_after_it_was_read_again(
    local_settings: Settings,
) -> None:
    # given two entries, of which one is not there when the topic is read again
    active = ActivePolicies(local_settings, Metrics())
    reader = active._lists_reader
    for messages in ((entry(0, "a"), entry(1, "b")), (entry(1, "b"),)):
        reader.restart(1)
        for message in messages:
            reader.take(message)
        reader.reach_end()
        active.apply_pending()
    # then
    assert (active._index.count("blocked"), active.lists_position) == (1, 2)
    assert not active._index.holds("blocked", "a", 0)


def test_topics_that_give_no_order_are_not_read(local_settings: Settings) -> None:
    active = ActivePolicies(local_settings, Metrics())
    for reader in (active._lists_reader, active._policy_reader):
        with pytest.raises(UnreachableError, match="2 partitions and must have one"):
            reader.restart(2)


def test_a_log_without_its_beginning_is_not_read(local_settings: Settings) -> None:
    reader = ActivePolicies(local_settings, Metrics())._policy_reader
    event = encode_event(proposed(named_policy("one")))
    with pytest.raises(UnreachableError, match="begins at offset 3"):
        reader.take(Message(3, event))
