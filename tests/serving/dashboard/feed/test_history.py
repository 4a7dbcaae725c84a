"""Alerts of a history that is replayed are no work for analysts; those of an outage are."""

from typing import Any

import pytest
from confluent_kafka import Producer

from fraud.kafka.clients import flush, producer_config
from fraud.messages.decoding import PUBLISHED_AT_HEADER
from fraud.schema import Label
from producer.publisher import Publisher
from producer.wire import OutgoingMessages
from serving.dashboard.api.queries import review_figures
from serving.dashboard.feed.payment_key import key_of
from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import (
    Browser,
    DashboardServer,
    now_ms,
    payment,
    prediction_for,
    produce,
    value_of_payment,
    wait_for,
)

HOUR = 3_600_000


def states(browser: Browser) -> dict[str, list[str]]:
    return {
        state: sorted(one["transaction_id"] for one in browser.alerts(state=state))
        for state in ("open", "history", "all")
    }


@pytest.mark.parametrize("prediction_first", [False, True])
@pytest.mark.parametrize("is_replayed", [False, True])
def test_what_was_published_in_time_stays_work_however_late_it_is_scored(
    offline_dashboard: DashboardServer, prediction_first: bool, is_replayed: bool
) -> None:
    # given a payment of three hours ago that is scored now: after an outage, or because it was replayed now
    old = payment(1, timestamp=now_ms() - 3 * HOUR)
    parts = [
        Batch(transactions=[old], history={key_of(old)} if is_replayed else set()),
        Batch(predictions=[prediction_for(old)]),
    ]
    # when transaction and prediction arrive in either order
    recorder = recorder_for(offline_dashboard)
    for part in reversed(parts) if prediction_first else parts:
        recorder.write(part)
    # then it is open, or history
    found = states(offline_dashboard.browser("vera"))
    assert found == {
        "open": [] if is_replayed else ["t1"],
        "history": ["t1"] if is_replayed else [],
        "all": ["t1"],
    }
    with offline_dashboard.context.store.reading() as connection:
        assert review_figures(connection, None)["open"] == (not is_replayed)


def test_without_its_transaction_an_alert_scored_late_is_history(offline_dashboard: DashboardServer) -> None:
    # given alerts whose transactions are older than what the dashboard reads
    late, in_time = payment(1, timestamp=now_ms() - 3 * HOUR), payment(2)
    recorder_for(offline_dashboard).write(Batch(predictions=[prediction_for(late), prediction_for(in_time)]))
    # then the one of long ago is not offered
    assert states(offline_dashboard.browser("vera")) == {
        "open": ["t2"],
        "history": ["t1"],
        "all": ["t1", "t2"],
    }


@pytest.mark.broker
def test_the_queue_has_the_last_hour_of_a_replayed_history(dashboard: DashboardServer) -> None:
    # given a history that ends now, published as the simulator and the replay do
    ages_h = (24 * 84, 24, 2, 0.5, 0)
    history = [payment(number, timestamp=now_ms() - round(age * HOUR)) for number, age in enumerate(ages_h)]
    messages = OutgoingMessages(
        [one.card_id.encode() for one in history],
        [value_of_payment(one) for one in history],
        [one.timestamp for one in history],
        [None] * len(history),
    )
    with Publisher(dashboard.settings) as publisher:
        publisher.send(dashboard.settings.topics.transactions, messages)
    # when all of it is flagged, and the oldest has its label
    produce(dashboard.settings, *map(prediction_for, history))
    produce(dashboard.settings, Label("t0", "card-0", is_fraud=True, reported_at=now_ms()))
    browser = dashboard.browser("vera")
    wait_for(lambda: browser.alerts(state="reviewed"))
    # then analysts are given what is of the last hour
    expected = {"open": ["t3", "t4"], "history": ["t0", "t1", "t2"]}
    wait_for(lambda: states(browser) == expected | {"all": ["t0", "t1", "t2", "t3", "t4"]})
    # and what the label says of an old one is known
    (closed,) = browser.alerts(state="reviewed")
    assert (closed["transaction_id"], closed["is_history"], closed["is_fraud"]) == ("t0", True, 1)


@pytest.mark.broker
@pytest.mark.parametrize(
    ("header", "shown"), [(b"", "open"), (b"soon", "open"), (b"1", "open"), (None, "history")]
)
def test_the_time_in_kafka_counts_where_no_header_says_more(
    dashboard: DashboardServer, header: bytes | None, shown: str
) -> None:
    # given a payment of a foreign producer, whose Kafka time is that of the payment or of publishing it
    old = payment(1, timestamp=now_ms() - 3 * HOUR)
    extra: dict[str, Any] = {} if header is None else {
        "headers": {PUBLISHED_AT_HEADER: header}, "timestamp": old.timestamp,
    }  # fmt: skip
    producer = Producer(producer_config(dashboard.settings))
    producer.produce(dashboard.settings.topics.transactions, value_of_payment(old), old.card_id, **extra)
    flush(producer, 30)
    produce(dashboard.settings, prediction_for(old))
    browser = dashboard.browser("vera")
    wait_for(lambda: any(one["merchant_id"] for one in browser.alerts()))
    assert states(browser)[shown] == ["t1"]
