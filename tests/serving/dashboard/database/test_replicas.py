"""Two dashboards on one PostgreSQL database."""

from collections.abc import Iterator

import pytest

from fraud.settings import Settings
from serving.dashboard.api.reviews import Review
from tests.conftest import SettingsFactory
from tests.serving.dashboard.feed.writing import rows_of, value_of
from tests.serving.dashboard.support import (
    DashboardServer,
    labels_on,
    now_ms,
    open_stream,
    produce_alert,
    run_dashboard,
    wait_for,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def shared_settings(settings: Settings, make_settings: SettingsFactory, shared_database: str) -> Settings:
    section = make_settings(dashboard={"database_url": shared_database}).dashboard
    return settings.model_copy(update={"dashboard": section})


@pytest.fixture
def replicas(shared_settings: Settings) -> Iterator[tuple[DashboardServer, DashboardServer]]:
    with run_dashboard(shared_settings) as first:
        wait_for(lambda: first.context.follower.state.connected)
        with run_dashboard(shared_settings) as second:
            wait_for(lambda: second.context.follower.state.connected)
            yield first, second


def test_both_serve_what_one_follows(replicas: tuple[DashboardServer, DashboardServer]) -> None:
    # given an open page of the replica that does not follow Kafka
    first, second = replicas
    with open_stream(second.browser("vera")) as event:
        event("figures")
        # when the engine flags a payment
        produce_alert(first.settings, 1)
        # then the page receives the alert
        assert event("alerts")["alerts"][0]["transaction_id"] == "t1"
        vera = first.browser("vera")
        wait_for(lambda: vera.alerts()[0]["merchant_id"])
        # and the review at the other replica
        assert first.browser("anna").review("t1", "fraud").json()["delivered"] is True
        while (alert := event("alerts")["alerts"][0])["outcome"] is None:
            pass
        assert alert["analyst"] == "anna"
    # and each message is stored once
    assert value_of(first.context.store, "SELECT sum(scored) FROM ticks") == 1
    assert len(labels_on(first.settings)) == 1


def test_a_session_is_good_at_both_and_ends_at_both(
    replicas: tuple[DashboardServer, DashboardServer],
) -> None:
    first, second = replicas
    browser, other = first.browser("anna"), second.browser()
    other.client.cookies.update(browser.client.cookies)
    other.csrf = browser.csrf
    assert other.get("me").json()["name"] == "anna"
    other.post("logout", {})
    assert browser.get("me").status_code == 401


def test_another_takes_over_where_the_first_ended(shared_settings: Settings) -> None:
    # given two replicas, the first of which follows
    with run_dashboard(shared_settings) as leader, run_dashboard(shared_settings) as third:
        with run_dashboard(shared_settings) as first:
            for number in range(20):
                produce_alert(shared_settings, number)
            vera = first.browser("vera")
            wait_for(lambda: len(vera.alerts()) == 20)
        # when replicas end one after another, also the one that follows
        leader.context.follower.stop()
        for number in range(20, 40):
            produce_alert(shared_settings, number)
        # then each message is stored once
        vera = third.browser("vera")
        wait_for(lambda: len(vera.alerts()) == 40)
        assert value_of(third.context.store, "SELECT sum(scored) FROM ticks") == 40


def test_a_connection_that_breaks_gives_up_its_place_and_its_batch(shared_settings: Settings) -> None:
    with run_dashboard(shared_settings) as dashboard:
        vera = dashboard.browser("vera")
        produce_alert(shared_settings, 1)
        wait_for(vera.alerts)
        # when the server ends every connection
        with dashboard.context.store.write_transaction() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        # then the dashboard goes on by itself, and counts nothing twice
        produce_alert(shared_settings, 2)
        wait_for(lambda: len(vera.alerts()) == 2)
        assert value_of(dashboard.context.store, "SELECT sum(scored) FROM ticks") == 2


def test_a_pending_label_is_sent_by_one(replicas: tuple[DashboardServer, DashboardServer]) -> None:
    # given reviews that are stored while both replicas look for pending ones
    first, second = replicas
    for number in range(20):
        service = (first, second)[number % 2].context.reviews
        service.add([Review(f"v{number}", f"t{number}", "c", "fraud", "", "anna", now_ms())])
    # then each label is on its topic once
    wait_for(lambda: not rows_of(first.context.store, "SELECT 1 FROM reviews WHERE pending = 1"))
    assert sorted(one["transaction_id"] for one in labels_on(first.settings)) == sorted(
        f"t{n}" for n in range(20)
    )
