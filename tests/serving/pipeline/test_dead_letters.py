"""A refused message keeps its own headers, to the dead letters and back."""

import pytest
from confluent_kafka import Producer

from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.messages.admission import TRUNCATED, dead_letter_headers
from fraud.registry.cache import save_bundle
from fraud.settings import Settings
from producer.redrive import RedriveRequest, redrive
from tests.conftest import SettingsFactory
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
TOLD = list(dead_letter_headers("", "", 0, 0, 0))


@pytest.fixture
def scoring(make_settings: SettingsFactory, broker: str) -> Settings:
    """Settings of an engine with a model on disk and no registry."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 1},
        serving=SERVING,
        registry={"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0},
    )
    create_topics(made)
    save_bundle(tiny_bundle(made), made.home / "serving" / "model")
    return made


def bury(settings: Settings, value: bytes, headers: Headers) -> Headers:
    """The headers of the dead letter that a message becomes."""
    producer = Producer(producer_config(settings))
    producer.produce(settings.topics.transactions, value, b"card", timestamp=BASE_MS, headers=headers)
    flush(producer, 10)
    with running(settings):
        (letter,) = wait_for(lambda: read_all(settings, settings.topics.dead_letters))
    found: Headers = letter.headers()
    return found


def test_a_dead_letter_has_its_own_headers_and_then_those_that_tell_why(scoring: Settings) -> None:
    # given a message that is refused, with headers
    found = bury(scoring, b"not json", ORIGINAL)
    # then its letter has them all, in order, before the others
    assert found[: len(ORIGINAL)] == ORIGINAL
    assert [name for name, _ in found[len(ORIGINAL) :]] == TOLD
    # and when it is put back, it is what it was
    assert redrive(scoring, RedriveRequest()).redriven == 1
    first, again = read_all(scoring, scoring.topics.transactions)
    assert first.headers() == again.headers() == ORIGINAL
    assert (again.key(), again.value(), again.timestamp()) == (first.key(), first.value(), first.timestamp())


def test_what_is_too_large_with_what_is_told_is_cut_and_says_so(scoring: Settings) -> None:
    found = bury(scoring, b"x" * 999_500, [("trace", b"1" * 380)])
    assert [name for name, _ in found] == [*TOLD, TRUNCATED]
    assert redrive(scoring, RedriveRequest()).left == 1
