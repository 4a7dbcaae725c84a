"""Entries of lists on the topic, with a real broker."""

import pytest

from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.publishing import publish_entries, read_lists, remove_entries
from fraud.kafka.log import read_topic
from fraud.messages.decoding import header
from fraud.settings import Settings

pytestmark = pytest.mark.broker


def blocked(value: str, reason: str = "stolen", expires: int | None = None) -> ListEntry:
    return ListEntry("blocked_cards", value, "ann", 1_000, reason, expires)


def test_entries_come_change_and_go(settings: Settings) -> None:
    # when
    first = publish_entries(settings, [blocked("c1"), blocked("c2")])
    second = publish_entries(settings, [blocked("c1"), blocked("c2", expires=5_000), blocked("c3/\u00e9")])
    removed = remove_entries(settings, "blocked_cards", ["c1", "c9", "c1"], "bob", "found again")
    # then
    assert (first.added, first.changed, first.unchanged, first.position) == (2, 0, 0, 2)
    assert (second.added, second.changed, second.unchanged, second.position) == (1, 1, 1, 4)
    assert (removed.removed, removed.missing, removed.position) == (1, ("c9",), 5)
    assert list(read_lists(settings)) == [blocked("c2", expires=5_000), blocked("c3/\u00e9")]


def test_a_recorded_position_gives_the_lists_of_then(settings: Settings) -> None:
    early = publish_entries(settings, [blocked("c1")])
    remove_entries(settings, "blocked_cards", ["c1"], "bob")
    lists = read_lists(settings, until=early.position)
    assert list(lists) == [blocked("c1")]
    assert lists.position == early.position
    assert len(read_lists(settings)) == 0


def test_a_removal_says_who_and_why(settings: Settings) -> None:
    publish_entries(settings, [blocked("c1")])
    remove_entries(settings, "blocked_cards", ["c1"], "bob", "found again")
    *_, last = [message for batch in read_topic(settings, settings.topics.lists) for message in batch]
    assert (last.value(), header(last, "by"), header(last, "reason")) == (None, "bob", "found again")


def test_nothing_to_do_writes_nothing(settings: Settings) -> None:
    done = publish_entries(settings, [])
    assert (done.added, done.position) == (0, 0)
    assert remove_entries(settings, "blocked_cards", ["c1"], "bob").missing == ("c1",)


def test_without_a_topic_the_lists_are_empty(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    topics = settings.topics.model_copy(update={"lists": "nowhere"})
    assert len(read_lists(settings.model_copy(update={"topics": topics}))) == 0
    assert "the lists are empty: Kafka has no topic 'nowhere'" in caplog.text
