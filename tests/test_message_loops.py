"""No message stops a loop: each reader of a topic meets every kind of bad message, and then a good one."""

import time
from collections.abc import Sequence
from functools import partial

import msgspec
import pytest
from confluent_kafka import Producer

from deployments.watch.alerts import following
from fraud.definitions.features import FEATURE_VERSION
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.ingest.commits import Dataset, committed_files, read_commits
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.lake import Lake, open_lake
from fraud.lineage.find import find_prediction
from fraud.messages.admission import dead_letter_headers
from fraud.monitoring.predictions import read_predictions
from fraud.preprocess.publish import read_published
from fraud.schema import Label, MerchantProfile, Prediction
from fraud.settings import Settings
from producer.redrive import RedriveRequest, redrive
from tests.conftest import SettingsFactory
from tests.fraud.ingest.test_partition import ingest_all
from tests.fraud.signing.signed import save_champion
from tests.messages import BAD, MOST_BYTES, bad_variants
from tests.raw_headers import produce_with_headers
from tests.serving.conftest import SERVING
from tests.serving.dashboard.support import now_ms, produce_alert, run_dashboard
from tests.serving.world import BASE_MS, predictions, read_all, running, tiny_bundle, transaction, wait_for

pytestmark = pytest.mark.broker

LABEL = msgspec.json.encode(Label("t1", "c1", True, BASE_MS))
PROFILE = msgspec.json.encode(
    MerchantProfile("m1", "2025-01-01", FEATURE_VERSION, [1.0] * len(PROFILE_COLUMNS))
)
PREDICTION = msgspec.json.encode(
    Prediction("t1", "c1", BASE_MS, 5, "EUR", 0.9, "review", 0.5, "m", "1", 1, BASE_MS, "2025-01-01")
)
PAYMENT = msgspec.json.encode({name: value for name, value in transaction(1).items() if value is not None})
KEYS = (None, b"", b"\xff\xfe", b"card-1")
FAR = (b"-1", b"1e400", b"1" * 30, b"1" * 5_000)
"""Numbers that no column, calendar or database holds."""


def bad_messages(valid: bytes, name: str, *numbers: str) -> list[bytes | None]:
    """Every kind of bad message, with those that one could take for `valid`."""
    found = [value for value in BAD.values() if len(value or b"") <= MOST_BYTES]
    found += [value for _, value in bad_variants(valid, name)]
    for field in numbers:
        before, rest = valid.split(f'"{field}":'.encode(), 1)
        after = rest[min(at for at in map(rest.find, (b",", b"}")) if at >= 0) :]
        found += [before + f'"{field}":'.encode() + number + after for number in FAR]
    return found


def send(settings: Settings, topic: str, values: Sequence[bytes | None], time_ms: int = BASE_MS) -> None:
    producer = Producer(producer_config(settings))
    for number, value in enumerate(values):
        # A compacted topic takes no message without a key, and keeps one of each.
        key = b"%d" % number if topic == settings.topics.profiles else KEYS[number % len(KEYS)]
        producer.produce(topic, value, key, timestamp=time_ms)
    flush(producer, 30)


def count_rejected(lake: Lake, dataset: Dataset) -> int:
    paths = [commit.rejected for commit in read_commits(lake, dataset) if commit.rejected]
    return sum(lake.read_table(path).num_rows for path in paths)


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


def test_serving_and_ingest_refuse_the_same_payments_and_go_on(scoring: Settings) -> None:
    # given bad payments and bad profiles, and a good one of each behind them
    topics = scoring.topics
    bad = bad_messages(PAYMENT, "card_id", "timestamp")
    send(scoring, topics.transactions, bad)
    headers = [(b"na\xffme", b"x"), (b"partition", b"x"), (b"offset", b"\xff")]
    produce_with_headers(scoring.kafka.bootstrap_servers, topics.transactions, b"\xff", b"\xff", headers)
    send(scoring, topics.transactions, [PAYMENT])
    send(scoring, topics.profiles, [*bad_messages(PROFILE, "merchant_id", "feature_version"), PROFILE])
    # when they are scored
    with running(scoring) as engine:
        wait_for(lambda: len(predictions(scoring)) == 1)
        wait_for(lambda: len(read_all(scoring, topics.dead_letters)) == len(bad) + 1)
        # then each is a dead letter as it was, and the profile is known
        assert not engine.failures
    letters = read_all(scoring, topics.dead_letters)
    assert [letter.value() for letter in letters] == [*bad, b"\xff"]
    assert b"headers cannot be read" in dict(letters[-1].headers())["error"]
    # and ingest decides alike
    lake = open_lake(scoring)
    ingest_all(scoring)
    assert sum(file.rows for file in committed_files(lake, "transactions")) == 1
    # and the publisher of profiles goes on, too
    assert list(read_published(scoring)) == ["m1"]


def test_ingest_refuses_bad_labels_and_goes_on(settings: Settings) -> None:
    bad = bad_messages(LABEL, "card_id", "reported_at")
    send(settings, settings.topics.labels, [*bad, LABEL])
    ingest_all(settings)
    lake = open_lake(settings)
    assert sum(file.rows for file in committed_files(lake, "labels")) == 1
    assert count_rejected(lake, "labels") == len(bad)


def test_the_dashboard_passes_over_bad_messages(settings: Settings) -> None:
    # given bad messages on every topic that it follows
    topics = settings.topics
    floods = {
        topics.transactions: bad_messages(PAYMENT, "card_id", "timestamp"),
        topics.predictions: bad_messages(PREDICTION, "card_id", *NUMBERS),
        topics.labels: bad_messages(LABEL, "card_id", "reported_at"),
        topics.profiles: bad_messages(PROFILE, "merchant_id", "feature_version"),
    }
    for topic, bad in floods.items():
        send(settings, topic, bad, now_ms())
    produce_with_headers(settings.kafka.bootstrap_servers, topics.labels, LABEL, b"\xff", [(b"\xff", b"x")])
    # when it has read them, and an alert
    with run_dashboard(settings) as dashboard:
        produce_alert(settings, 1)
        # then it shows the alert, and has counted the others
        wait_for(dashboard.browser("vera").alerts)
        wait_for(lambda: dashboard.context.follower.unreadable >= sum(map(len, floods.values())))
        assert dashboard.context.follower.unreadable == sum(map(len, floods.values()))
        assert dashboard.context.follower.state.connected


def test_readers_of_predictions_pass_over_bad_ones(settings: Settings) -> None:
    # given bad predictions and a good one
    bad = bad_messages(PREDICTION, "transaction_id", "timestamp", "feature_version", "score")
    now = int(time.time() * 1_000)
    send(settings, settings.topics.predictions, [*bad, PREDICTION], now)
    # then monitor counts them
    found = read_predictions(settings, now + 60_000)
    assert (len(found), found.unreadable) == (1, len(bad))
    # and explain and watch find the good one
    assert find_prediction(settings, "t1").score == 0.9
    with following(settings, most=10) as alerts:
        wait_for(partial(_follow, alerts))
    assert [one.transaction_id for one in alerts.newest] == ["t1"]


def _follow(alerts: object) -> bool:
    alerts.follow(0.2)  # type: ignore[attr-defined]
    return bool(alerts.newest)  # type: ignore[attr-defined]


NUMBERS = ("timestamp", "scored_at", "feature_version", "score")


@pytest.mark.parametrize("content", [b"x", b"", b"-1", b"\xff", b"1" * 30, b"1" * 5_000, "\u0661".encode()])
def test_redrive_takes_letters_that_others_wrote(settings: Settings, content: bytes) -> None:
    # given a letter whose headers are not ours, one without any, and one of ours
    names = dict.fromkeys(dead_letter_headers("", "", 0, 0, 0), content)
    produce = partial(produce_with_headers, settings.kafka.bootstrap_servers, settings.topics.dead_letters)
    produce(b"theirs", b"\xff", [(name.encode(), value) for name, value in names.items()])
    produce(b"theirs, too", b"k", [(b"na\xffme", content)])
    produce(b"bare", b"k", [])
    # when all go back
    report = redrive(settings, RedriveRequest())
    # then none stops it
    assert report.redriven == 3
    back = {message.value() for message in read_all(settings, settings.topics.transactions)}
    assert back == {b"theirs", b"theirs, too", b"bare"}
