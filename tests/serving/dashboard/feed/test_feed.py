"""From the topics to the page: the feed, the case, the figures, and what a restart finds."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from fraud.definitions.features import DAY_MS
from fraud.kafka.clients import admin_client
from fraud.schema import Label, MerchantProfile
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.dashboard.feed.writing import value_of
from tests.serving.dashboard.support import (
    DashboardServer,
    now_ms,
    open_stream,
    payment,
    prediction_for,
    produce,
    produce_alert,
    run_dashboard,
    wait_for,
)

pytestmark = pytest.mark.broker


def complete_alert(event: Callable[[str], dict[str, Any]], identifier: str) -> dict[str, Any]:
    """The alert of a transaction that has arrived as well: a prediction may be read before it."""
    while True:
        for one in event("alerts")["alerts"]:
            if one["transaction_id"] == identifier and one["merchant_id"] is not None:
                return dict(one)


def test_an_alert_is_pushed_to_an_open_page_within_two_seconds(dashboard: DashboardServer) -> None:
    # given an open page
    wait_for(lambda: dashboard.context.follower.state.connected)
    with open_stream(dashboard.browser("vera")) as event:
        event("figures")
        # when the engine flags a transaction
        flagged = produce_alert(dashboard.settings, 1, score=0.93)
        sent_at = time.monotonic()
        # then the page receives it, with what an analyst reads first
        alert = complete_alert(event, flagged.transaction_id)
        assert time.monotonic() - sent_at < 2
    assert alert["merchant_id"] == "merchant-1"
    assert alert["reasons"][0]["text"] == "5 payments in 10 minutes"


def test_only_the_flagged_are_listed_and_all_are_counted(dashboard: DashboardServer) -> None:
    # given predictions of which one is flagged
    quiet = [payment(number) for number in range(2, 6)]
    produce(dashboard.settings, *quiet, *(prediction_for(one, score=0.01) for one in quiet))
    produce_alert(dashboard.settings, 1)
    browser = dashboard.browser("vera")
    # then the feed has that one
    assert [one["transaction_id"] for one in wait_for(browser.alerts)] == ["t1"]
    # and the figures have all
    wait_for(lambda: browser.get("live").json()["whole"]["scored"] == 5)
    assert browser.get("live").json()["whole"]["flagged"] == 1
    assert browser.get("live").json()["whole"]["p50"] < 10_000


def test_alerts_can_be_filtered_and_ordered_by_money_at_risk(dashboard: DashboardServer) -> None:
    # given a small alert, a large one and one from abroad
    produce_alert(dashboard.settings, 1, amount=20)
    produce_alert(dashboard.settings, 2, amount=900, score=0.6)
    produce_alert(dashboard.settings, 3, amount=50, country="JP", merchant_id="100%_sure")
    browser = dashboard.browser("vera")
    wait_for(lambda: len(browser.alerts()) == 3)

    def found(**query: object) -> list[str]:
        return [one["transaction_id"] for one in browser.alerts(**query)]

    # then each filter lets the right ones through
    assert found(order="risk") == ["t2", "t3", "t1"]
    assert found(least_amount=100) == ["t2"]
    assert sorted(found(least_score=0.7)) == ["t1", "t3"]
    assert found(country="JP") == ["t3"]
    assert found(text="%_") == ["t3"]
    assert found(state="reviewed") == []


def test_a_case_shows_the_cards_payments_and_the_merchants_risk(dashboard: DashboardServer) -> None:
    # given earlier payments of the card and a profile of the merchant
    started = now_ms() - 3_600_000
    values: list[float | None] = [10.0, 70.0, 140.0, 300.0, 0.0, 0.01, 0.02, 0.03, 4_000.0, 1_000.0]
    produce(
        dashboard.settings,
        MerchantProfile("merchant-1", "2026-01-01", 1, values),
        *(payment(number, card_id="card-1", timestamp=started + number) for number in range(50, 55)),
    )
    produce_alert(dashboard.settings, 1)
    browser = dashboard.browser("vera")
    wait_for(browser.alerts)
    # when the case is opened
    wait_for(lambda: browser.get("case", transaction_id="t1").json()["merchant"]["profile"])
    case = browser.get("case", transaction_id="t1").json()
    # then it has them, oldest first, and not those of other cards
    assert [one["transaction_id"] for one in case["payments"]] == ["t50", "t51", "t52", "t53", "t54", "t1"]
    assert case["merchant"]["profile"]["merchant_fraud_rate_30d"] == 0.03


def test_an_alert_whose_transaction_comes_later_is_completed(dashboard: DashboardServer) -> None:
    # given a prediction whose transaction the dashboard has not seen
    transaction = payment(1)
    produce(dashboard.settings, prediction_for(transaction))
    browser = dashboard.browser("vera")
    assert wait_for(browser.alerts)[0]["merchant_id"] is None
    # when the transaction arrives
    produce(dashboard.settings, transaction)
    # then the alert has its details
    wait_for(lambda: browser.alerts()[0]["merchant_id"] == "merchant-1")
    assert browser.alerts()[0]["country"] == "DE"


def test_a_prediction_that_comes_twice_is_one_alert(dashboard: DashboardServer) -> None:
    transaction = payment(1)
    produce(dashboard.settings, transaction, prediction_for(transaction), prediction_for(transaction))
    browser = dashboard.browser("vera")
    wait_for(browser.alerts)
    produce_alert(dashboard.settings, 8)
    wait_for(lambda: len(browser.alerts()) > 1)
    assert {one["transaction_id"] for one in browser.alerts()} == {"t1", "t8"}
    assert browser.get("live").json()["whole"]["flagged"] == 2


def test_a_chargeback_marks_its_alert(dashboard: DashboardServer) -> None:
    transaction = produce_alert(dashboard.settings, 1)
    browser = dashboard.browser("vera")
    wait_for(browser.alerts)
    produce(dashboard.settings, Label("t1", transaction.card_id, is_fraud=True, reported_at=now_ms()))
    wait_for(lambda: browser.alerts(state="reviewed"))
    assert browser.alerts(state="open") == []


def test_a_restart_keeps_the_history_and_goes_on_where_it_ended(settings: Settings) -> None:
    # given a dashboard that has seen two alerts and ended
    with run_dashboard(settings) as first:
        produce_alert(settings, 1)
        produce_alert(settings, 2)
        browser = first.browser("vera")
        wait_for(lambda: len(browser.alerts()) == 2)
    # when another starts on its store, after a third alert
    produce_alert(settings, 3)
    with run_dashboard(settings) as second:
        browser = second.browser("vera")
        wait_for(lambda: len(browser.alerts()) == 3)
        # then it has all, and nothing was counted twice
        assert browser.get("live").json()["whole"]["scored"] == 3


def test_a_replayed_history_has_its_payments_at_the_first_start(settings: Settings) -> None:
    # given a payment of last year that was scored just now
    produce_alert(settings, 1, timestamp=now_ms() - 365 * DAY_MS)
    # when a dashboard starts for the first time
    with run_dashboard(settings) as dashboard:
        (alert,) = wait_for(dashboard.browser("vera").alerts)
    # then the alert names the merchant, which only the payment knows
    assert alert["merchant_id"] == "merchant-1"


def test_unreadable_messages_are_skipped_and_counted(dashboard: DashboardServer) -> None:
    from confluent_kafka import Producer

    from fraud.kafka.clients import flush, producer_config

    producer = Producer(producer_config(dashboard.settings))
    hostile = ['{"amount": "1e999999"}', "null", "[]", "\x00", '{"transaction_id": "x"}']
    for value in (text.encode() for text in hostile):
        for topic in (dashboard.settings.topics.transactions, dashboard.settings.topics.predictions):
            producer.produce(topic, value)
    flush(producer, 30)
    produce_alert(dashboard.settings, 1)
    browser = dashboard.browser("vera")
    wait_for(browser.alerts)
    wait_for(lambda: dashboard.context.follower.unreadable == 10)
    # and are counted for the page, those of the labels too
    producer.produce(dashboard.settings.topics.labels, b'{"transaction_id": "\xff"}')
    flush(producer, 30)
    refused = {"labels": 1, "payments": 5}
    wait_for(lambda: browser.get("monitoring").json()["refused"] == refused)


def test_the_store_keeps_to_its_size(make_settings: SettingsFactory, broker: str) -> None:
    from fraud.kafka.topics import create_topics

    # given a small store and more payments than it can hold
    small = make_settings(kafka={"bootstrap_servers": broker}, dashboard={"store_mib": 16})
    create_topics(small)
    for first in range(0, 60_000, 10_000):
        numbers = range(first, first + 10_000)
        produce(
            small,
            *(
                payment(one, merchant_id="m" * 60, merchant_category="c" * 60, card_id="k" * 60)
                for one in numbers
            ),
        )
    produce_alert(small, 1_000_000)
    with run_dashboard(small) as dashboard:
        browser = dashboard.browser("vera")
        wait_for(browser.alerts)
        # then the oldest go
        store = dashboard.context.store
        wait_for(lambda: value_of(store, "SELECT min(seq) FROM payments") > 1)
        # and the newest stay, within the size
        used = value_of(store, "PRAGMA page_count") * 4_096
        kept = value_of(store, "SELECT count(*) FROM payments")
    assert used < 24 << 20
    assert 0 < kept < 60_000


def test_an_absent_kafka_is_reported_and_the_history_shown(offline_dashboard: DashboardServer) -> None:
    browser = offline_dashboard.browser("vera")
    with open_stream(browser) as event:
        assert event("kafka")["connected"] is False
    assert browser.alerts() == []


def test_more_partitions_are_noticed(dashboard: DashboardServer) -> None:
    from confluent_kafka.admin import NewPartitions

    wait_for(lambda: dashboard.context.follower.state.connected)
    # when a topic grows
    topic = dashboard.settings.topics.predictions
    admin = admin_client(dashboard.settings)  # lives until the answer is there
    admin.create_partitions([NewPartitions(topic, 8)])[topic].result(30)
    # then alerts on the new partitions come too
    browser = dashboard.browser("vera")
    payments = [payment(number, card_id=f"card-{number}") for number in range(20)]
    produce(dashboard.settings, *payments, *(prediction_for(one) for one in payments))
    wait_for(lambda: len(browser.alerts()) == 20)


def test_alerts_can_be_filtered_by_the_fraud_type_that_a_label_names(dashboard: DashboardServer) -> None:
    # given two frauds that customers report, of which one names the kind
    for number in (1, 2):
        produce_alert(dashboard.settings, number)
    browser = dashboard.browser("vera")
    wait_for(lambda: len(browser.alerts()) == 2)
    assert browser.get("alerts").json()["fraud_types"] == []
    frauds = [Label(f"t{number}", f"card-{number}", True, now_ms(), source="customer") for number in (1, 2)]
    produce(dashboard.settings, frauds[0], headers={"fraud_type": b"card_testing"})
    produce(dashboard.settings, frauds[1])
    wait_for(lambda: len(browser.alerts(state="reviewed")) == 2)
    # then it can be asked for, and is kept when an analyst agrees
    assert [one["transaction_id"] for one in browser.alerts(fraud_type="card_testing")] == ["t1"]
    assert dashboard.browser("anna").review("t1", "fraud").status_code == 201
    wait_for(lambda: browser.alerts(fraud_type="card_testing")[0]["label_source"] == "analyst")
    assert browser.get("alerts").json()["fraud_types"] == ["card_testing"]
    # and forgotten when it was no fraud after all
    assert dashboard.browser("anna").review("t1", "legitimate").status_code == 201
    wait_for(lambda: browser.get("alerts").json()["fraud_types"] == [])


def test_of_several_reports_the_label_is_that_of_training(dashboard: DashboardServer) -> None:
    # given a chargeback on an alert, which an analyst then calls legitimate
    produce_alert(dashboard.settings, 1)
    browser = dashboard.browser("anna")
    wait_for(lambda: len(browser.alerts()) == 1)
    produce(dashboard.settings, Label("t1", "card-1", is_fraud=True, reported_at=now_ms()))
    wait_for(lambda: len(browser.alerts(state="reviewed")) == 1)
    assert browser.review("t1", "legitimate").status_code == 201
    # when a later label of another payment has arrived, so has the analyst's
    produce_alert(dashboard.settings, 2)
    produce(dashboard.settings, Label("t2", "card-2", is_fraud=True, reported_at=now_ms()))
    wait_for(lambda: len(browser.alerts(state="reviewed")) == 2)
    # then the chargeback stands, as by FRAUD_LABELS__PRECEDENCE it does in training
    sources = {one["transaction_id"]: one["label_source"] for one in browser.alerts(state="reviewed")}
    assert sources == {"t1": "chargeback", "t2": "chargeback"}
