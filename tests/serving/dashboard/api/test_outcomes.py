"""Outcomes in the feed, in the queue and in the figures."""

from typing import Any

import pytest

from serving.dashboard.api.alert_list import AlertFilter, list_alerts
from serving.dashboard.api.queries import decided_since, review_figures
from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import DashboardServer, payment, prediction_for

KINDS: dict[str, dict[str, Any]] = {
    "t0": {"decision": "review", "score": 0.6},
    "t1": {"decision": "decline", "score": 0.99, "decided_by": "rule large"},
    "t2": {"decision": "challenge", "score": 0.9},
    "t3": {"decision": "approve", "score": 0.01, "is_sample": True},
    "t4": {"decision": "decline", "score": 0.98},
}


@pytest.fixture
def stored(offline_dashboard: DashboardServer) -> DashboardServer:
    """A dashboard with an alert of each kind."""
    predictions = [prediction_for(payment(number), **fields) for number, fields in enumerate(KINDS.values())]
    recorder_for(offline_dashboard).write(Batch(predictions=predictions))
    return offline_dashboard


def ids(dashboard: DashboardServer, **wanted: Any) -> list[str]:
    with dashboard.context.store.reading() as connection:
        return [one["transaction_id"] for one in list_alerts(connection, AlertFilter(**wanted))]


def test_what_is_open_is_what_analysts_are_given(stored: DashboardServer) -> None:
    assert ids(stored, state="open", order="risk") == ["t0", "t3"]
    with stored.context.store.reading() as connection:
        figures = review_figures(connection, "EUR")
    assert (figures["alerts"], figures["open"]) == (5, 2)
    # and no money is at risk of a payment that was declined or challenged
    (at_risk,) = figures["at_risk"]
    assert at_risk["amount"] == pytest.approx(10 * 0.6 + 13 * 0.01, abs=0.01)


@pytest.mark.parametrize(
    ("shown", "found"),
    [("decline", ["t4", "t1"]), ("challenge", ["t2"]), ("review", ["t0"]), ("sample", ["t3"])],
)
def test_an_outcome_that_is_asked_for_is_listed_whatever_the_state(
    stored: DashboardServer, shown: str, found: list[str]
) -> None:
    assert ids(stored, shown=shown) == found
    assert ids(stored, shown=shown, state="open") == found
    assert ids(stored, shown=shown, state="reviewed") == []


def test_by_risk_reviews_and_samples_come_first(stored: DashboardServer) -> None:
    assert ids(stored, order="risk")[:2] == ["t0", "t3"]
    assert ids(stored, order="newest") == ["t4", "t3", "t2", "t1", "t0"]


def test_a_rules_payments_are_counted_since_a_moment(stored: DashboardServer) -> None:
    with stored.context.store.reading() as connection:
        assert decided_since(connection, 0) == {"rule large": 1}
        assert decided_since(connection, 2**52) == {}
