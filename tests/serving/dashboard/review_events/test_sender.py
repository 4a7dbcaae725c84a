"""Reviews as events on their topic."""

import json
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.settings import Settings
from tests.serving.dashboard.support import produce_alert, review_request, run_dashboard, wait_for

pytestmark = pytest.mark.broker


def events_on(settings: Settings) -> list[dict[str, Any]]:
    """Every event on the topic, in the order of their times."""
    topic = settings.topics.reviews
    ends = end_offsets(settings, topic)
    consumer = Consumer(consumer_config(settings, "tests-review-events"))
    found: list[dict[str, Any]] = []
    try:
        consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in ends.items()])
        count = sum(end - low for low, end in ends.values())
        while len(found) < count:
            found += [
                json.loads(one.value()) | {"key": one.key().decode()} for one in consumer.consume(count, 1.0)
            ]
    finally:
        consumer.close()
    return sorted(found, key=lambda one: int(one["at"]))


def test_each_review_becomes_an_event_that_names_payment_outcome_and_analyst(settings: Settings) -> None:
    with run_dashboard(settings, undo_s=0) as dashboard:
        # given two alerts
        anna = dashboard.browser("anna")
        for number in (1, 2):
            produce_alert(settings, number)
        wait_for(lambda: len(anna.alerts()) == 2)

        # when one is reviewed as fraud with a note, the other as unsure
        anna.review("t1", "fraud", note="called the customer")
        anna.review("t2", "unsure")

        # then both are on the topic, under their cards, and without a note where there is none
        first, second = wait_for(lambda: (found := events_on(settings)) and len(found) == 2 and found)
    assert (first["transaction_id"], first["card_id"], first["outcome"]) == ("t1", "card-1", "fraud")
    assert (first["note"], first["analyst"], first["source"]) == (
        "called the customer",
        "anna",
        "dashboard",
    )
    assert first["key"] == "card-1"
    assert (second["outcome"], "note" in second) == ("unsure", False)


def test_a_review_that_is_undone_becomes_no_event(settings: Settings) -> None:
    with run_dashboard(settings, undo_s=10) as dashboard:
        anna = dashboard.browser("anna")
        for number in (1, 2):
            produce_alert(settings, number)
        wait_for(lambda: len(anna.alerts()) == 2)
        # given two reviews, of which the first is undone in time
        undone = review_request("t1", "fraud")
        assert anna.post("reviews", undone).status_code == 201
        anna.review("t2", "legitimate")
        assert anna.post("reviews/undo", {"ids": [undone["id"]]}).status_code == 200
        # then the other one alone is an event
        (event,) = wait_for(lambda: events_on(settings))
    assert event["transaction_id"] == "t2"


def test_what_waits_is_sent_after_a_restart(settings: Settings) -> None:
    # given a review whose dashboard ended before its event was due
    with run_dashboard(settings, undo_s=60) as dashboard:
        anna = dashboard.browser("anna")
        produce_alert(settings, 1)
        wait_for(anna.alerts)
        anna.review("t1", "fraud")
        assert events_on(settings) == []
    # when it starts again
    with run_dashboard(settings, undo_s=0):
        # then the event is sent
        (event,) = wait_for(lambda: events_on(settings))
    assert event["outcome"] == "fraud"
