"""A refused message keeps its own headers in the dead letters and when it is redriven."""

import pytest
from confluent_kafka import Producer

from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.messages.admission import TRUNCATED, dead_letter_headers
from fraud.settings import Settings
from producer.redrive import RedriveRequest, redrive
from tests.conftest import SettingsFactory
from tests.fraud.signing.signed import save_champion
from tests.serving.conftest import SERVING
from tests.serving.world import BASE_MS, read_all, running, tiny_bundle, wait_for

pytestmark = pytest.mark.broker

Headers = list[tuple[str, bytes | None]]

# Names come twice, are without a value, or are those that a dead letter adds.
ORIGINAL: Headers = [
    ("trace", b"\xff1"),
    ("trace", b"2"),
    ("empty", None),
    ("error", b"mine"),
    (TRUNCATED, b""),
]
ADDED = list(dead_letter_headers("", "", 0, 0, 0))


@pytest.fixture
def scoring(make_settings: SettingsFactory, broker: str) -> Settings:
    """Settings of an engine with a model on disk and no registry."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 1},
        serving=SERVING,
        registry={"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0},
    )
    create_topics(made)
    save_champion(made, tiny_bundle(made))
    return made


def refuse(settings: Settings, value: bytes, headers: Headers) -> Headers:
    """Send a message that is refused; returns the headers of its dead letter."""
    producer = Producer(producer_config(settings))
    producer.produce(settings.topics.transactions, value, b"card", timestamp=BASE_MS, headers=headers)
    flush(producer, 10)
    with running(settings):
        (letter,) = wait_for(lambda: read_all(settings, settings.topics.dead_letters))
    found: Headers = letter.headers()
    return found


def test_a_dead_letter_has_the_message_s_headers_and_then_the_added_ones(scoring: Settings) -> None:
    # given a message that is refused, with headers
    found = refuse(scoring, b"not json", ORIGINAL)
    # then its dead letter has them all, in order, before the added ones
    assert found[: len(ORIGINAL)] == ORIGINAL
    assert [name for name, _ in found[len(ORIGINAL) :]] == ADDED
    # and redriven it is the same message
    assert redrive(scoring, RedriveRequest()).redriven == 1
    first, again = read_all(scoring, scoring.topics.transactions)
    assert first.headers() == again.headers() == ORIGINAL
    assert (again.key(), again.value(), again.timestamp()) == (first.key(), first.value(), first.timestamp())


def test_a_letter_too_large_with_its_added_headers_is_truncated_and_marked(scoring: Settings) -> None:
    found = refuse(scoring, b"x" * 999_500, [("trace", b"1" * 380)])
    assert [name for name, _ in found] == [*ADDED, TRUNCATED]
    assert redrive(scoring, RedriveRequest()).left == 1
