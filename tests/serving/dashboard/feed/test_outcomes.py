"""Which predictions become alerts, and what the store keeps of their decision."""

from typing import Any

from serving.dashboard.api.queries import find_alerts
from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for, rows_of
from tests.serving.dashboard.support import DashboardServer, payment, prediction_for

DECISIONS: dict[str, dict[str, Any]] = {
    "t0": {"decision": "approve"},
    "t1": {"decision": "approve", "is_sample": True},
    "t2": {"decision": "challenge", "segment": "travel"},
    "t3": {"decision": "review"},
    "t4": {"decision": "decline", "decided_by": "rule fast", "rules": ["fast@2"], "lists": ["blocked"]},
    "t5": {"decision": "approve", "would_be": "decline"},
}


def test_all_but_approved_payments_are_alerts_and_so_are_samples(offline_dashboard: DashboardServer) -> None:
    # given a prediction of each outcome, a sample, and a payment of the control group
    policy = {"policy": "2", "policy_digest": "d", "lists_position": 4}
    predictions = [
        prediction_for(payment(number), score=0.1, **policy, **fields)
        for number, fields in enumerate(DECISIONS.values())
    ]
    # when they are written
    recorder_for(offline_dashboard).write(Batch(predictions=predictions))
    # then an alert has what its decision was made of
    store = offline_dashboard.context.store
    with store.reading() as connection:
        found = {name: one for name in DECISIONS for one in find_alerts(connection, name, None)}
    assert {name: one["decision"] for name, one in found.items()} == {
        "t1": "approve", "t2": "challenge", "t3": "review", "t4": "decline",
    }  # fmt: skip
    assert [name for name, one in found.items() if one["is_sample"]] == ["t1"]
    declined = found["t4"]
    assert (declined["decided_by"], declined["rules"], declined["lists"], declined["policy"]) == (
        "rule fast", ["fast@2"], ["blocked"], "2",
    )  # fmt: skip
    assert found["t2"]["segment"] == "travel"
    # and the figures count what was not approved
    (ticks,) = rows_of(store, "SELECT sum(scored) AS scored, sum(flagged) AS flagged FROM ticks")
    assert dict(ticks) == {"scored": 6, "flagged": 3}
