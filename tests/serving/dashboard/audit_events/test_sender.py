"""The audit as events on its topic."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from fraud.settings import Settings
from serving.dashboard.audit_events.sender import AuditEventSender
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store
from tests.serving.dashboard.support import PASSWORDS, run_dashboard, wait_for
from tests.serving.world import read_all


def events_on(settings: Settings) -> list[dict[str, Any]]:
    """Every event on the topic, in the order of the audit."""
    messages = read_all(settings, settings.topics.audit)
    found = [json.loads(one.value()) | {"key": one.key().decode()} for one in messages]
    return sorted(found, key=lambda one: int(one["number"]))


@pytest.mark.broker
def test_each_line_of_the_audit_becomes_an_event(settings: Settings) -> None:
    with run_dashboard(settings) as dashboard:
        # when somebody fails to log in, does, and leaves
        browser = dashboard.browser()
        browser.post("login", {"name": "anna", "password": "not this one"})
        dashboard.browser("anna").post("logout", {})
        # then there is an event of each, in order, under the person's name
        found = wait_for(lambda: (events := events_on(settings)) and len(events) == 3 and events)
    assert [(one["who"], one["action"], one["key"]) for one in found] == [
        ("anna", "login refused", "anna"), ("anna", "login", "anna"), ("anna", "logout", "anna"),
    ]  # fmt: skip
    assert {one["subject"] for one in found} == {"127.0.0.1"}
    assert len({one["id"] for one in found}) == 3
    assert PASSWORDS["anna"] not in json.dumps(found)


@pytest.mark.broker
def test_what_waits_while_kafka_is_away_is_sent_after_a_restart(settings: Settings) -> None:
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with run_dashboard(settings.model_copy(update={"kafka": kafka})) as cut_off:
        cut_off.browser("anna")
    with run_dashboard(settings):
        (event,) = wait_for(lambda: events_on(settings))
    assert (event["who"], event["action"]) == ("anna", "login")


def test_an_event_is_leased_once_and_again_if_it_was_not_sent(store: Store, settings_away: Settings) -> None:
    # given two lines, and two replicas
    with store.write_transaction() as connection:
        for action in ("first", "second"):
            add_audit_entry(connection, "anna", action, "x", {})
    one, other = (AuditEventSender(settings_away, store) for _ in range(2))
    # when one takes them, the other gets none
    leased = one.lease()
    assert [json.loads(message.value)["action"] for message in leased] == ["first", "second"]
    assert other.lease() == []
    # and when one of them was sent, the other replica gets what is left, with the same id
    one.release([leased[0].seq], [leased[1].seq])
    (again,) = other.lease()
    assert json.loads(again.value) == json.loads(leased[1].value)
    # and the audit itself has both
    with store.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit")) == 2


def test_a_line_that_is_rolled_back_is_no_event(store: Store, settings_away: Settings) -> None:
    with store.connect() as connection:
        add_audit_entry(connection, "anna", "review", "t1", {})
        connection.rollback()
    assert AuditEventSender(settings_away, store).lease() == []


@pytest.fixture
def settings_away(offline_settings: Settings) -> Settings:
    """Nothing is sent."""
    return offline_settings
