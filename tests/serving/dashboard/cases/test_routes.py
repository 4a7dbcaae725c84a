"""Cases over the API: who has them, reviews of all their alerts, refusals, undo."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fraud.settings import Settings
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.tables import reviews
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import (
    Browser,
    DashboardServer,
    labels_on,
    now_ms,
    open_stream,
    payment,
    prediction_for,
    produce_alert,
    run_dashboard,
    wait_for,
)

HOUR = 3_600_000


@pytest.fixture
def campaign(offline_settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard with a case of three alerts, one of another card, and an old one of the first card."""
    with run_dashboard(offline_settings, undo_s=5) as dashboard:
        now = now_ms()
        times = [("t1", "card-a", 3), ("t2", "card-a", 2), ("t3", "card-a", 1), ("t4", "card-b", 1)]
        old = [("t0", "card-a", 24 * 9)]
        paid = [
            payment(number, transaction_id=name, card_id=card, timestamp=now - hours * HOUR)
            for number, (name, card, hours) in enumerate(old + times)
        ]
        recorder_for(dashboard).write(Batch(paid, [prediction_for(one) for one in paid]))
        yield dashboard


def case_of(browser: Browser, name: str) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("case", transaction_id=name).json()["case"]
    return found


def names(case: dict[str, Any]) -> list[str]:
    return [one["transaction_id"] for one in case["members"]]


def act(browser: Browser, action: str, name: str, **fields: Any) -> httpx.Response:
    card = browser.get("case", transaction_id=name).json()["alert"]["card_ref"]
    return browser.post("case-actions", {"action": action, "transaction_id": name, "card_ref": card} | fields)


def review_all(browser: Browser, case: dict[str, Any], outcome: str, **fields: Any) -> httpx.Response:
    body = {
        "id": str(uuid.uuid4()), "transaction_ids": names(case), "card_ref": case["card_ref"],
        "outcome": outcome,
    }  # fmt: skip
    return browser.post("case-reviews", body | fields)


def queue(browser: Browser, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("cases", state="open", order="risk", **query).json()
    return found


def test_the_alerts_of_a_card_within_a_campaign_are_one_case(campaign: DashboardServer) -> None:
    # when an analyst looks at the queue
    anna = campaign.browser("anna")
    found = queue(anna)
    # then there are three cases, with their money at risk, most first
    assert [(one["alerts"], one["open"], one["status"]) for one in found["cases"]] == [
        (3, 3, "open"), (1, 1, "open"), (1, 1, "open"),
    ]  # fmt: skip
    assert (found["total"], found["open_alerts"]) == (3, 5)
    risks = [one["at_risk"][0]["amount"] for one in found["cases"]]
    assert risks == sorted(risks, reverse=True)
    assert found["at_risk"][0]["amount"] == pytest.approx(sum(risks), abs=0.02)
    # and each alert leads to its case
    assert names(case_of(anna, "t2")) == ["t1", "t2", "t3"]
    assert names(case_of(anna, "t0")) == ["t0"]
    assert case_of(anna, "t1")["id"] == case_of(anna, "t3")["id"] == found["cases"][0]["id"]


def test_a_late_alert_joins_two_cases_with_what_was_done(campaign: DashboardServer) -> None:
    # given a claim of the old case, and a later one of the other
    anna, bert = campaign.browser("anna"), campaign.browser("bert")
    assert act(anna, "claim", "t0").status_code == 204
    assert act(bert, "claim", "t3").status_code == 204
    # when alerts between them arrive
    start = case_of(anna, "t0")["last"]
    between = [
        payment(50 + day, transaction_id=f"b{day}", card_id="card-a", timestamp=start + day * 23 * HOUR)
        for day in range(1, 10)
    ]
    recorder_for(campaign).write(Batch(between, [prediction_for(one) for one in between]))
    # then all are one case, which the later claimer has
    case = case_of(anna, "t0")
    assert len(case["members"]) == 13
    assert (case["status"], case["assignee"]) == ("claimed", "bert")
    assert [event["by"] for event in case["history"]] == ["bert", "anna"]


def test_a_case_is_claimed_assigned_and_released(campaign: DashboardServer) -> None:
    anna, bert = campaign.browser("anna"), campaign.browser("bert")
    # when anna claims a case
    assert act(anna, "claim", "t1").status_code == 204
    # then it is hers, for everybody
    assert [one["id"] for one in queue(anna, whose="mine")["cases"]] == [case_of(bert, "t1")["id"]]
    assert queue(bert, whose="mine")["cases"] == []
    assert len(queue(bert, whose="unclaimed")["cases"]) == 2
    # when she assigns it, and the other releases it
    assert act(anna, "assign", "t1", to="bert").status_code == 204
    assert case_of(anna, "t1")["assignee"] == "bert"
    assert act(bert, "release", "t2").status_code == 204
    # then nobody has it, and both the case and the audit have the history
    case = case_of(anna, "t1")
    assert (case["status"], case["assignee"]) == ("open", None)
    assert [event["what"] for event in case["history"]] == ["release", "assign", "claim"]
    lines = campaign.shared.get("audit").json()["entries"]
    assert [(one["who"], one["action"]) for one in lines if one["subject"] == case["id"]] == [
        ("bert", "release"), ("anna", "assign"), ("anna", "claim"),
    ]  # fmt: skip
    assert "card-a" not in str(lines)


def test_who_has_what_another_claims_is_named_and_it_can_be_meant(campaign: DashboardServer) -> None:
    # given a case that bert has
    anna, bert = campaign.browser("anna"), campaign.browser("bert")
    act(bert, "claim", "t1")
    # when anna claims, releases or reviews it
    case = case_of(anna, "t1")
    answers = [act(anna, "claim", "t2"), act(anna, "release", "t3"), review_all(anna, case, "fraud")]
    # then each is refused with who has it, and nothing changed
    for answer in answers:
        assert answer.status_code == 409
        assert answer.json()["detail"].startswith("bert has this case: claimed (")
        assert answer.json()["conflict"]["by"] == "bert"
    assert case_of(anna, "t1") == case
    # and what is repeated with the token is meant
    token = answers[0].json()["conflict"]["token"]
    assert act(anna, "claim", "t1", known=[token]).status_code == 204
    assert case_of(bert, "t1")["assignee"] == "anna"


def test_an_escalated_case_waits_for_an_admin(campaign: DashboardServer) -> None:
    anna, adam = campaign.browser("anna"), campaign.browser("adam")
    # when a case is escalated, which takes a note
    assert act(anna, "escalate", "t1", note=" ").status_code == 422
    assert act(anna, "escalate", "t1", note="a ring of cards").status_code == 204
    # then it is in the filter, and analysts are refused what admins may do
    (listed,) = queue(adam, whose="escalated")["cases"]
    assert (listed["status"], listed["by"], listed["note"]) == ("escalated", "anna", "a ring of cards")
    assert act(anna, "claim", "t1").status_code == 409
    assert act(adam, "claim", "t1").status_code == 204
    assert case_of(anna, "t1")["assignee"] == "adam"


def test_only_those_who_review_can_have_a_case(campaign: DashboardServer) -> None:
    anna, vera = campaign.browser("anna"), campaign.browser("vera")
    assert anna.get("case-assignees").json() == {"names": ["adam", "anna", "bert"]}
    for name in ("vera", "nobody", None):
        assert act(anna, "assign", "t1", to=name).status_code == 422, name
    assert act(vera, "claim", "t1").status_code == 403
    assert vera.get("case-assignees").status_code == 403
    assert queue(vera)["total"] == 3


def test_all_alerts_of_a_case_get_one_outcome(campaign: DashboardServer) -> None:
    # when a case is reviewed
    anna = campaign.browser("anna")
    answer = review_all(anna, case_of(anna, "t2"), "fraud", note="called the customer")
    # then all of its alerts are, and it leaves the queue
    assert answer.status_code == 201
    assert [one["outcome"] for one in answer.json()["alerts"]] == ["fraud"] * 3
    assert queue(anna)["total"] == 2
    case = case_of(anna, "t2")
    assert (case["status"], case["open"]) == ("reviewed", 0)
    assert {(event["by"], event["what"], event["note"]) for event in case["history"]} == {
        ("anna", "fraud", "called the customer")
    }
    assert [one["id"] for one in anna.get("cases", state="reviewed").json()["cases"]] == [case["id"]]


def test_a_review_of_what_another_reviewed_meanwhile_is_refused(campaign: DashboardServer) -> None:
    # given two analysts who have opened a case
    anna, bert = campaign.browser("anna"), campaign.browser("bert")
    seen = case_of(anna, "t1")
    # when one reviews an alert, and then the other the case that they saw
    assert bert.review("t2", "legitimate", "known customer").status_code == 201
    answer = review_all(anna, seen, "fraud", known=seen["known"])
    # then the second is refused with what happened, and no alert is reviewed
    assert answer.status_code == 409
    detail = answer.json()["detail"]
    assert detail.startswith("bert has reviewed this payment as legitimate, with the note “known customer” (")
    assert [one["outcome"] for one in case_of(anna, "t1")["members"]] == [None, "legitimate", None]
    # and can be meant
    known = [*seen["known"], answer.json()["conflict"]["token"]]
    assert review_all(anna, seen, "fraud", known=known).status_code == 201
    assert {one["outcome"] for one in case_of(anna, "t1")["members"]} == {"fraud"}
    # while a review of what is shown needs nothing more
    shown = case_of(bert, "t1")
    assert review_all(bert, shown, "unsure", known=shown["known"]).status_code == 201


def test_a_review_can_be_undone(campaign: DashboardServer) -> None:
    # given a review of a case
    anna, bert = campaign.browser("anna"), campaign.browser("bert")
    answer = review_all(anna, case_of(anna, "t1"), "fraud", note="a mistake").json()
    assert answer["undo_until"] > now_ms()
    # when another undoes it, it is refused
    assert bert.post("reviews/undo", {"ids": answer["ids"]}).status_code == 409
    # when its analyst does, everything is as before, but the audit has both
    undone = anna.post("reviews/undo", {"ids": answer["ids"]})
    assert [one["outcome"] for one in undone.json()["alerts"]] == [None] * 3
    assert queue(anna)["total"] == 3
    with campaign.context.store.reading() as connection:
        assert connection.execute(select(reviews)).all() == []
    actions = [one["action"] for one in campaign.shared.get("audit").json()["entries"]]
    assert actions.count("review") == actions.count("undo review") == 3
    # and it can be reviewed again, but undone once only
    assert anna.post("reviews/undo", {"ids": answer["ids"]}).status_code == 409
    assert review_all(anna, case_of(anna, "t1"), "legitimate").status_code == 201


@pytest.mark.broker
def test_a_label_is_sent_when_its_review_can_no_longer_be_undone(settings: Settings) -> None:
    # given two alerts, one reviewed and undone, the other reviewed
    with run_dashboard(settings, undo_s=3) as dashboard:
        for number in (1, 2):
            produce_alert(settings, number)
        anna = dashboard.browser("anna")
        wait_for(lambda: len(anna.alerts()) == 2)
        undone, kept = (review_all(anna, case_of(anna, name), "fraud").json() for name in ("t1", "t2"))
        assert anna.post("reviews/undo", {"ids": undone["ids"]}).status_code == 200
        assert labels_on(settings) == []
    # when the dashboard ends before the time is over, and starts again
    assert labels_on(settings) == []
    with run_dashboard(settings, undo_s=3) as dashboard:
        # then the label of the other is sent, and can no longer be undone
        found = wait_for(lambda: labels_on(settings))
        assert [(one["transaction_id"], one["is_fraud"]) for one in found] == [("t2", True)]
        anna = dashboard.browser("anna")
        assert anna.post("reviews/undo", {"ids": kept["ids"]}).status_code == 409


def test_who_has_a_case_open_is_shown_at_once(campaign: DashboardServer) -> None:
    # given an analyst at the page
    anna, bert = campaign.browser("anna"), campaign.browser("bert")
    card = case_of(bert, "t1")["card_ref"]
    with open_stream(anna) as event:
        assert event("viewers") == {"viewers": []}
        # when another opens a case, claims it, and leaves
        page = {"page": str(uuid.uuid4()), "card_ref": card}
        assert bert.post("case-viewers", page | {"transaction_id": "t2"}).status_code == 204
        (viewer,) = event("viewers")["viewers"]
        assert (viewer["user"], viewer["card_ref"]) == ("bert", card)
        act(bert, "claim", "t2")
        assert event("cases") == {"cards": [card]}
        assert bert.post("case-viewers", page | {"transaction_id": None}).status_code == 204
        # then each is sent
        assert event("viewers") == {"viewers": []}
