"""Policies proposed, approved and moved through the API, by whom it is allowed."""

from tests.conftest import SettingsFactory
from tests.serving.dashboard.decisions.policies import (
    ACME,
    STRICTER,
    actions,
    make_live,
    move,
    propose,
    wait_until_read,
)
from tests.serving.dashboard.support import DashboardServer, open_stream, run_dashboard


def test_a_policy_goes_from_proposal_to_live_and_back(dashboard: DashboardServer) -> None:
    # given a dashboard where the default policy decides
    wait_until_read(dashboard)
    anna, adam = dashboard.browser("anna"), dashboard.shared
    assert anna.get("policies").json()["live"] is None
    # when one proposes, another approves and makes it live
    version = propose(anna)
    assert adam.post(f"policies/{version}/approve", {"reason": "agreed"}).status_code == 200
    assert move(adam, version).status_code == 200
    # then it is in force, with who did what
    policies = anna.get("policies").json()
    (shown,) = policies["versions"]
    assert (policies["live"], shown["status"], shown["author"], shown["is_live"]) == (
        1,
        "approved",
        "anna",
        True,
    )
    assert [(one["by"], one["reason"]) for one in shown["approvals"]] == [("adam", "agreed")]
    assert len(policies["history"]) == 3
    # and it is rolled back to the default
    assert (policies["can_roll_back"], policies["previous"]) == (True, None)
    after = adam.post("policies/rollback", {"reason": "too many declines"}).json()
    assert (after["live"], after["can_roll_back"]) == (None, False)
    assert actions(dashboard) == [
        ("anna", "policy proposed"), ("adam", "policy approved"), ("adam", "policy moved"),
        ("adam", "policy rolled back"),
    ]  # fmt: skip


def test_nobody_approves_their_own_policy(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    adam = dashboard.shared
    version = propose(adam)
    answer = adam.post(f"policies/{version}/approve", {})
    assert (answer.status_code, "somebody else must approve" in answer.text) == (403, True)
    # an admin cannot skip the approval either
    answer = move(adam, version)
    assert (answer.status_code, "0 of 1 approvals" in answer.text) == (409, True)
    assert adam.get("policies").json()["live"] is None
    assert actions(dashboard)[-1] == ("adam", "policy moved: refused")


def test_an_analyst_makes_the_policy_of_another_live_and_not_their_own(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    anna, adam = dashboard.browser("anna"), dashboard.shared
    own, other = propose(anna), propose(adam, STRICTER)
    assert adam.post(f"policies/{own}/approve", {}).status_code == 200
    assert anna.post(f"policies/{other}/approve", {}).status_code == 200
    assert move(anna, own).status_code == 403
    assert move(anna, other).status_code == 200


def test_a_viewer_reads_and_changes_nothing(dashboard: DashboardServer) -> None:
    make_live(dashboard)
    vera = dashboard.browser("vera")
    assert vera.get("policies/1").json()["policy"]["name"] == "acme"
    for path, body in (
        ("policies", {"text": ACME, "reason": "why not"}),
        ("policies/check", {"text": ACME}),
        ("policies/1/approve", {}),
        ("policies/1/reject", {"reason": "why not"}),
        ("policies/aliases", {"alias": "live", "version": None, "reason": "why not"}),
        ("policies/rollback", {"reason": "why not"}),
        ("lists/blocked_cards/entries", {"value": "c", "reason": "why not"}),
        ("lists/blocked_cards/removals", {"value": "c"}),
        ("what-if", {"text": ACME}),
    ):
        assert vera.post(path, body).status_code == 403, path
    assert dashboard.shared.get("policies").json()["live"] == 1


def test_a_version_is_shown_in_the_order_in_which_it_decides(dashboard: DashboardServer) -> None:
    make_live(dashboard)
    detail = dashboard.shared.get("policies/1").json()
    policy = detail["policy"]
    assert [one["outcome"] for one in policy["lists"]] == ["approve", "approve", "decline", "decline"]
    assert [(one["name"], one["decided_today"]) for one in policy["rules"]] == [("large", 0)]
    assert policy["segments"][-1]["bands"] == [
        {"outcome": "review", "lower": "model"},
        {"outcome": "decline", "lower": 0.95},
    ]
    assert detail["text"] == ACME


def test_the_default_policy_is_shown_and_an_unknown_version_is_not(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    detail = dashboard.shared.get("policies/default").json()
    assert (detail["version"], detail["policy"]["name"]) == (None, "default")
    assert dashboard.shared.get("policies/7").status_code == 404


def test_mistakes_have_their_line_and_stop_a_proposal(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    wrong = ACME.replace("amount > 5000", "amout > 5000")
    findings = anna.post("policies/check", {"text": wrong}).json()["findings"]
    assert [(one["line"], one["severity"]) for one in findings] == [(10, "error")]
    assert "amout" in findings[0]["text"]
    assert anna.post("policies", {"text": wrong, "reason": "in a hurry"}).status_code == 409
    assert anna.post("policies/check", {"text": ACME}).json()["findings"] == []


def test_what_must_be_meant_takes_a_reason(dashboard: DashboardServer) -> None:
    # given a policy that lets every fifth card pass
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    wide = f"{ACME}control_group: 0.2\n"
    findings = anna.post("policies/check", {"text": wide}).json()["findings"]
    assert [one["severity"] for one in findings] == ["override"]
    # then it is proposed only with the reason
    request = {"text": wide, "reason": "to learn"}
    assert anna.post("policies", request).status_code == 428
    assert anna.post("policies", request | {"override": "agreed with the board"}).status_code == 201
    (version,) = anna.get("policies").json()["versions"]
    assert version["override_declines"] == "agreed with the board"


def test_the_difference_of_two_versions_has_the_lines_around_it(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    propose(anna)
    propose(anna, STRICTER)
    lines = anna.get("policies/2/changes", since=1).json()["lines"]
    changed = [(one["mark"], one["text"].strip()) for one in lines if one["mark"] != " "]
    assert changed == [("-", "when: amount > 5000"), ("+", "when: amount > 500")]
    assert [one["text"].strip() for one in lines[1:3]] == ["rules:", "- name: large"]


def test_a_rejected_version_cannot_be_live(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    anna, adam = dashboard.browser("anna"), dashboard.shared
    version = propose(anna)
    assert adam.post(f"policies/{version}/reject", {"reason": "too wide"}).status_code == 200
    (shown,) = anna.get("policies").json()["versions"]
    assert (shown["status"], shown["rejection"]["by"]) == ("rejected", "adam")
    assert move(adam, version).status_code == 409


def test_a_change_is_sent_to_open_pages(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    with open_stream(dashboard.browser("vera")) as event:
        event("hello")
        propose(dashboard.browser("anna"))
        assert event("decisions") == {}


def test_without_kafka_policies_are_shown_as_unknown_and_not_changed(
    offline_dashboard: DashboardServer,
) -> None:
    browser = offline_dashboard.shared
    assert browser.get("policies").json()["problem"]
    answer = browser.post("policies", {"text": ACME, "reason": "the attack"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert browser.get("policies/default").status_code == 200


def test_without_topics_the_default_policy_decides(make_settings: SettingsFactory, broker: str) -> None:
    # given an installation from before policies
    settings = make_settings(kafka={"bootstrap_servers": broker})
    with run_dashboard(settings) as dashboard:
        # then nothing is wrong, and a change says what to do
        wait_until_read(dashboard)
        answer = dashboard.shared.post("policies", {"text": ACME, "reason": "the attack"})
        assert (answer.status_code, "fraud topics create" in answer.text) == (503, True)
