"""Programs of earlier versions: `verdict` and `campaign` are read and answered beside today's names."""

import uuid

from fraud.schema import Label
from serving.dashboard.feed.payment_key import key_of
from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import DashboardServer, now_ms, payment, prediction_for


def test_former_names_are_read_and_answered(offline_dashboard: DashboardServer) -> None:
    # given an alert with a label that names the kind of fraud
    paid = payment(1)
    label = Label("t1", paid.card_id, is_fraud=True, reported_at=now_ms(), source="customer")
    batch = Batch([paid], [prediction_for(paid)], [label], {key_of(paid): "card_testing"})
    recorder_for(offline_dashboard).write(batch)
    # when a program asks and reviews by the former names
    anna = offline_dashboard.browser("anna")
    assert anna.get("alerts", campaign="other").json()["alerts"] == []
    answer = anna.get("alerts", campaign="card_testing").json()
    review = {"id": str(uuid.uuid4()), "transaction_id": "t1", "verdict": "unsure"}
    assert anna.post("verdict", review).status_code == 201
    # then it is understood and finds them in the answers
    assert answer["campaigns"] == ["card_testing"]
    assert answer["alerts"][0]["campaign"] == "card_testing"
    case = anna.get("case", transaction_id="t1").json()
    assert case["alert"]["verdict"] == case["alert"]["outcome"] == "unsure"
    assert [one["verdict"] for one in case["verdicts"]] == ["unsure"]
    # and a review takes one name of the two
    assert anna.post("reviews", review | {"outcome": "fraud"}).status_code == 422
