"""Profiles from the lake to a real topic: what a reader of the topic has after each run."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
import pytest
from confluent_kafka.admin import AdminClient

from fraud.definitions.features import DAY_MS, MINUTE_MS
from fraud.errors import UnreachableError
from fraud.kafka.clients import admin_client
from fraud.kafka.log import read_topic
from fraud.kafka.topics import create_topics
from fraud.lake import open_lake
from fraud.profiles.history import NEVER
from fraud.profiles.layout import profile_columns
from fraud.profiles.making import publish
from fraud.profiles.making.figures import empty_figures, figures_at
from fraud.profiles.making.publish import Publication
from fraud.profiles.making.run import make_and_publish
from fraud.profiles.messages import (
    ProfileMarker,
    ProfileMessage,
    message_key,
    profile_topic,
)
from fraud.settings import Settings
from tests.fraud.lakes import GrowingLake
from tests.fraud.profiles.definitions import PROFILED, with_profiled_fields, write_definitions
from tests.fraud.streams import START_MS, accidental_stream, label, transaction

pytestmark = pytest.mark.broker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""Long after the payments."""

Figures = dict[tuple[str, int], list[int]]


@pytest.fixture
def profiled_settings(make_settings: Callable[..., Settings], broker: str, tmp_path: Path) -> Settings:
    kafka = {"bootstrap_servers": broker, "partitions": 2}
    made = make_settings(kafka=kafka, definitions=write_definitions(tmp_path))
    create_topics(made)
    return made


@pytest.fixture
def growing(profiled_settings: Settings) -> GrowingLake:
    """A lake with payments of three days."""
    growing = GrowingLake(profiled_settings, open_lake(profiled_settings))
    growing.add(growing.transactions, [with_profiled_fields(one) for one in accidental_stream(300, days=3)])
    return growing


def run(settings: Settings, growing: GrowingLake) -> Publication:
    return make_and_publish(settings, growing.lake, NOW)


def messages_of(settings: Settings) -> list[ProfileMessage | ProfileMarker]:
    found: list[ProfileMessage | ProfileMarker] = []
    for message in chain.from_iterable(read_topic(settings, profile_topic(settings))):
        value = message.value()
        if value is None:
            continue
        read = msgspec.json.decode(value, type=ProfileMessage | ProfileMarker)
        assert message.key() == message_key(read)
        found.append(read)
    return found


def removed_keys(settings: Settings) -> list[bytes | None]:
    messages = chain.from_iterable(read_topic(settings, profile_topic(settings)))
    return [message.key() for message in messages if message.value() is None]


def topic_figures(settings: Settings) -> Figures:
    """The newest figures of each key, without the empty ones."""
    rows = [one for one in messages_of(settings) if isinstance(one, ProfileMessage)]
    newest = {(one.field, one.key): one.figures for one in rows}
    empty = {field: empty_figures(PROFILED, field).tolist() for field in PROFILED.profile_fields}
    return {key: figures for key, figures in newest.items() if figures != empty[key[0]]}


def wanted_figures(settings: Settings, growing: GrowingLake, moment_ms: int) -> Figures:
    found = figures_at(PROFILED, growing.lake, moment_ms // PROFILED.profile_every_ms, settings.labels)
    return {
        (field, key): figures
        for field, one in found.items()
        for key, figures in zip(one.keys.tolist(), one.figures.tolist(), strict=True)
    }


def payments_on(day: int) -> list[dict[str, object]]:
    """Payments of one device with many cards, so that the lake believes their time."""
    numbers = range(1_000 * day + 1, 1_000 * day + 100)
    paid = [transaction(number, START_MS + day * DAY_MS) for number in numbers]
    same = {"device_id": "device-1", "entry_mode": "keyed"}
    return [with_profiled_fields(one) | same for one in paid]


def report_one(growing: GrowingLake, wire: dict[str, object], reported_at: int) -> None:
    number = int(str(wire["transaction_id"])[1:])
    growing.add(growing.labels, [label(number, reported_at) | {"card_id": wire["card_id"]}])


def test_all_keys_are_published_and_then_a_marker_in_each_partition(
    profiled_settings: Settings, growing: GrowingLake
) -> None:
    # when
    published = run(profiled_settings, growing)
    # then every key has its profile as of the moment after the last payment
    found = topic_figures(profiled_settings)
    assert found == wanted_figures(profiled_settings, growing, published.moment_ms)
    assert len(found) == published.rows == 13 + 2
    assert START_MS + 3 * DAY_MS - 60 * MINUTE_MS < published.moment_ms <= START_MS + 3 * DAY_MS
    # and each partition ends with a marker
    messages = messages_of(profiled_settings)
    markers = [number for number, one in enumerate(messages) if isinstance(one, ProfileMarker)]
    moment = published.moment_ms // PROFILED.profile_every_ms
    assert [messages[number] for number in markers] == [ProfileMarker(moment)] * 2
    assert markers[-1] == len(messages) - 1


def test_nothing_is_published_when_nothing_changed(profiled_settings: Settings, growing: GrowingLake) -> None:
    # given
    first = run(profiled_settings, growing)
    before = messages_of(profiled_settings)
    # when
    again = run(profiled_settings, growing)
    # then
    assert again == Publication(first.moment_ms, 0, 0)
    assert messages_of(profiled_settings) == before
    assert str(again) == "nothing to publish of 2023-11-17 23:45 UTC"


def test_a_later_moment_publishes_what_changed(profiled_settings: Settings, growing: GrowingLake) -> None:
    # given profiles of the first days
    first = run(profiled_settings, growing)
    # when a device pays six days later
    growing.add(growing.transactions, payments_on(9))
    second = run(profiled_settings, growing)
    # then the topic has what is known at the later moment
    found = topic_figures(profiled_settings)
    assert second.moment_ms == START_MS + 9 * DAY_MS + 15 * MINUTE_MS > first.moment_ms
    assert found == wanted_figures(profiled_settings, growing, second.moment_ms)


def test_a_key_of_which_nothing_is_known_any_more_is_published_once(
    profiled_settings: Settings, growing: GrowingLake
) -> None:
    # given profiles, and a payment long after their windows
    run(profiled_settings, growing)
    growing.add(growing.transactions, payments_on(30))
    # when
    second = run(profiled_settings, growing)
    # then the device and the mode of the payment are known, all others are empty
    assert len(topic_figures(profiled_settings)) == 2
    assert second.rows == 13 + 2
    columns = profile_columns(PROFILED, "device_id")
    rows = [one for one in messages_of(profiled_settings) if isinstance(one, ProfileMessage)]
    emptied = [one for one in rows if one.field == "device_id" and one.moment > rows[0].moment]
    assert [one.figures.count(NEVER) for one in emptied].count(1) == 12
    assert {len(one.figures) for one in emptied} == {len(columns)}
    # and the next run that publishes lets compaction remove them, once
    assert run(profiled_settings, growing).rows == 0
    assert removed_keys(profiled_settings) == []
    growing.add(growing.transactions, payments_on(31))
    run(profiled_settings, growing)
    assert len(removed_keys(profiled_settings)) == 12 + 1
    growing.add(growing.transactions, payments_on(32))
    run(profiled_settings, growing)
    assert len(removed_keys(profiled_settings)) == 12 + 1


def test_late_labels_are_published(profiled_settings: Settings, growing: GrowingLake) -> None:
    # given profiles
    run(profiled_settings, growing)
    # when a payment of the first day is reported before the moment
    wire = with_profiled_fields(transaction(2_001, START_MS + DAY_MS))
    growing.add(growing.transactions, [wire])
    run(profiled_settings, growing)
    report_one(growing, wire, START_MS + 2 * DAY_MS)
    published = run(profiled_settings, growing)
    # then its device and its mode have one more
    assert published.rows == 2
    found = topic_figures(profiled_settings)
    assert found == wanted_figures(profiled_settings, growing, published.moment_ms)


@pytest.mark.parametrize("step", ["send_rows", "send_markers"])
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    profiled_settings: Settings, growing: GrowingLake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    # given a run that ends after its rows were sent, with what a report said
    wire = add_payment(growing)
    run(profiled_settings, growing)
    report_one(growing, wire, START_MS + 2 * DAY_MS)
    cut_off(monkeypatch, step)
    with pytest.raises(UnreachableError):
        run(profiled_settings, growing)
    monkeypatch.undo()
    # when the report turns out to be wrong, so that all is as before it, and another run is made
    dispute(growing, wire)
    published = run(profiled_settings, growing)
    # then the topic has what is right, and the run is complete
    assert published == Publication(published.moment_ms, 2, 2)
    found = topic_figures(profiled_settings)
    assert found == wanted_figures(profiled_settings, growing, published.moment_ms)
    assert run(profiled_settings, growing).rows == 0


def add_payment(growing: GrowingLake) -> dict[str, object]:
    """A payment of the second day."""
    wire = with_profiled_fields(transaction(2_001, START_MS + DAY_MS))
    growing.add(growing.transactions, [wire])
    return wire


def dispute(growing: GrowingLake, wire: dict[str, object]) -> None:
    """The report of the payment of `add_payment` was wrong from the start."""
    wrong = label(2_001, START_MS + 2 * DAY_MS + 1, is_fraud=False) | {"card_id": wire["card_id"]}
    growing.add(growing.labels, [wrong])


def cut_off(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The next run ends in this step, after it has sent what it should."""
    whole = getattr(publish._Sender, step)

    def ending(self: publish._Sender, *arguments: object) -> None:
        whole(self, *arguments)
        raise UnreachableError("the process was killed")

    monkeypatch.setattr(publish._Sender, step, ending)


def test_a_topic_that_was_deleted_gets_everything_again(
    profiled_settings: Settings, growing: GrowingLake
) -> None:
    # given profiles whose topic is made again
    first, topic = run(profiled_settings, growing), profile_topic(profiled_settings)
    admin: AdminClient = admin_client(profiled_settings)
    admin.delete_topics([topic])[topic].result()
    create_again(profiled_settings, topic)
    # when
    again = run(profiled_settings, growing)
    # then
    assert again == first
    assert topic_figures(profiled_settings) == wanted_figures(profiled_settings, growing, again.moment_ms)


def create_again(settings: Settings, topic: str) -> None:
    """A broker removes a topic a moment after it has said so."""
    while topic not in create_topics(settings):
        pass


def test_two_runs_at_once_leave_nothing_certain(
    profiled_settings: Settings, growing: GrowingLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a run that another one overtakes, which has read a report more
    wire, whole = add_payment(growing), publish._Sender.send_markers

    def overtaken(self: publish._Sender, *arguments: object) -> None:
        monkeypatch.undo()
        report_one(growing, wire, START_MS + 2 * DAY_MS)
        run(profiled_settings, growing)
        whole(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publish._Sender, "send_markers", overtaken)
    run(profiled_settings, growing)
    # when the report turns out to be wrong, and a run follows
    dispute(growing, wire)
    published = run(profiled_settings, growing)
    # then the last row of every key is right
    found = topic_figures(profiled_settings)
    assert found == wanted_figures(profiled_settings, growing, published.moment_ms)
    assert run(profiled_settings, growing).rows == 0


def test_of_a_key_that_is_not_known_all_is_zero() -> None:
    assert np.count_nonzero(empty_figures(PROFILED, "device_id") == NEVER) == 1
    assert set(empty_figures(PROFILED, "entry_mode").tolist()) == {0}
