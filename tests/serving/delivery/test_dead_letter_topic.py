"""The dead-letter topic is missing, or refuses what it gets: it is said, and nothing is lost."""

import random
import re
import threading
from collections import Counter

import pytest

from fraud.errors import MissingTopicError
from fraud.kafka.topics import create_topics, topic_config
from fraud.messages.admission import TRUNCATED
from fraud.settings import Settings
from serving.run import run
from tests.conftest import SettingsFactory
from tests.fraud.kafka.topic_changes import alter_topic, delete_topic
from tests.fraud.signing.signed import save_champion
from tests.serving.conftest import SERVING
from tests.serving.offline import mismatches, wrong_dead_letters
from tests.serving.world import (
    read_all,
    running,
    send,
    tiny_bundle,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(200)]

PATIENCE_S = 90.0
TAKES_BYTES = 20_000
MARKERS_BYTES = 150
"""More than the end of a transaction takes in a partition, less than a letter's headers."""


@pytest.fixture(params=["exactly_once", "at_least_once"])
def scoring(request: pytest.FixtureRequest, make_settings: SettingsFactory, broker: str) -> Settings:
    """Settings of an engine with either delivery, a model on disk and no registry."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 1, "retention_days": -1},
        serving=SERVING | {"delivery": request.param, "transaction_timeout_s": 6.0},
        registry={"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0},
    )
    create_topics(made)
    save_champion(made, tiny_bundle(made))
    return made


def send_payments(settings: Settings, first: int, *poison: bytes) -> None:
    """Twenty payments with poison in the middle."""
    made = [transaction(number) for number in range(first, first + 20)]
    send(settings, [*made[:10], *poison, *made[10:]])


def letters(settings: Settings) -> Counter[bytes]:
    """The content of the dead letters that are there."""
    return Counter(one.value() for one in read_all(settings, settings.topics.dead_letters))


def missing(topic: str) -> str:
    """The sentence of a topic that is not there, as a pattern."""
    return f"has no topic '{re.escape(topic)}'; run `fraud topics create`"


def doubling_is_allowed(settings: Settings) -> bool:
    return settings.serving.delivery == "at_least_once"


def differences(settings: Settings, payments: int) -> list[str]:
    """Which predictions and dead letters are lost, doubled or not as recomputed, once all have come."""
    found = mismatches(settings, wait_for_predictions(settings, payments, PATIENCE_S))
    found += wrong_dead_letters(settings)
    return [one for one in found if one != "doubled"] if doubling_is_allowed(settings) else found


def test_without_the_topic_the_engine_does_not_start_and_names_it(scoring: Settings) -> None:
    topic = scoring.topics.dead_letters
    delete_topic(scoring, topic)
    with pytest.raises(MissingTopicError, match=missing(topic)):
        run(scoring, threading.Event())


def run_until_the_topic_is_missed(scoring: Settings, before: tuple[bytes, ...]) -> None:
    """Score payments and poison, then delete the topic and send more of both."""
    with running(scoring) as engine:
        send_payments(scoring, 0, *before)
        wait_for_predictions(scoring, 20)
        wait_for(lambda: letters(scoring).total() == len(before))
        delete_topic(scoring, scoring.topics.dead_letters)
        send_payments(scoring, 20, b"poison")
        wait_for(lambda: engine.failures, PATIENCE_S)


@pytest.mark.parametrize("before", [(), (b"of the topic before",)], ids=["not used yet", "in use"])
def test_an_engine_whose_topic_is_deleted_gives_up_and_the_next_one_loses_nothing(
    scoring: Settings, before: tuple[bytes, ...]
) -> None:
    # when the topic is deleted while an engine scores, and poison comes, then the engine ends by itself
    with pytest.raises(MissingTopicError, match=missing(scoring.topics.dead_letters)):
        run_until_the_topic_is_missed(scoring, before)
    # and when the topic is made again, then the next one goes on where that one ended
    create_topics(scoring)
    with running(scoring):
        send_payments(scoring, 40, b"later poison")
        wait_for(lambda: letters(scoring).keys() == {b"poison", b"later poison"}, PATIENCE_S)
    lost = [f"missing dead letter of (0, {number})" for number in range(10, 10 + len(before))]
    assert differences(scoring, 60) == lost
    assert doubling_is_allowed(scoring) or set(letters(scoring).values()) == {1}


def test_letters_come_to_a_topic_that_was_made_again(scoring: Settings) -> None:
    with running(scoring):
        # given an engine that has written a letter
        send_payments(scoring, 0, b"of the topic before")
        wait_for(lambda: letters(scoring).total() == 1)
        # when its topic is deleted and made again, and poison comes
        delete_topic(scoring, scoring.topics.dead_letters)
        create_topics(scoring)
        send_payments(scoring, 20, b"poison")
        # then its letter is there, and the engine goes on
        wait_for(lambda: letters(scoring).keys() == {b"poison"}, PATIENCE_S)
        send_payments(scoring, 40, b"later poison")
        wait_for(lambda: letters(scoring).keys() == {b"poison", b"later poison"}, PATIENCE_S)
    assert differences(scoring, 60) == ["missing dead letter of (0, 10)"]


def test_letters_wait_for_a_topic_that_takes_nothing(
    scoring: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    topic = scoring.topics.dead_letters
    with running(scoring):
        # given a topic that has no room for any letter, only for the markers of transactions
        send_payments(scoring, 0)
        wait_for_predictions(scoring, 20)
        whole = topic_config(scoring, topic)["max.message.bytes"]
        alter_topic(scoring, topic, "max.message.bytes", str(MARKERS_BYTES))
        # when poison comes, then its letter and what was scored with it are sent again, and that is said
        send_payments(scoring, 20, b"poison")
        wait_for(lambda: caplog.text.count("sent again") >= 2, PATIENCE_S)
        assert letters(scoring).total() == 0
        # and they come when the topic takes them again
        alter_topic(scoring, topic, "max.message.bytes", whole)
        wait_for(lambda: letters(scoring).total(), PATIENCE_S)
        send_payments(scoring, 40, b"later poison")
        wait_for(lambda: letters(scoring).total() >= 2, PATIENCE_S)
    assert differences(scoring, 60) == []


def test_a_topic_that_takes_less_than_a_message_has_gets_it_truncated(scoring: Settings) -> None:
    # given a topic that refuses batches above a size, and a message above it that no compression makes small
    large = random.Random(1).randbytes(10 * TAKES_BYTES)
    with running(scoring):
        send_payments(scoring, 0)
        wait_for_predictions(scoring, 20)
        alter_topic(scoring, scoring.topics.dead_letters, "max.message.bytes", str(TAKES_BYTES))
        # when it comes among small ones
        send_payments(scoring, 20, b"small", large, b"small too")
        wait_for(lambda: letters(scoring).total() >= 3, PATIENCE_S)
    # then all are there, the large one as far as it fits and marked
    assert differences(scoring, 40) == []
    found = {one.value(): dict(one.headers()) for one in read_all(scoring, scoring.topics.dead_letters)}
    (start,) = found.keys() - {b"small", b"small too"}
    assert large.startswith(start)
    assert [TRUNCATED in headers for headers in (found[start], found[b"small"])] == [True, False]
