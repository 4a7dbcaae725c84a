"""Policies and lists on the page, in a real Chromium."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from serving.dashboard.api import what_ifs
from tests.fraud.decisions.whatif.results import a_result
from tests.serving.dashboard.decisions.policies import ACME, STRICTER, make_live, propose, wait_until_read
from tests.serving.dashboard.page.chromium import BrowserThread, in_browser, launch_browser, log_in_page
from tests.serving.dashboard.support import DashboardServer, produce_alert, wait_for

HOSTILE = "<img src=x onerror=document.title='taken'>"
KINDS: tuple[dict[str, Any], ...] = (
    {"decision": "review", "policy": "1"},
    {"decision": "decline", "policy": "1", "decided_by": "rule large", "rules": ["large@1"]},
    {"decision": "challenge", "policy": "1"},
    {"decision": "approve", "policy": "1", "is_sample": True},
)


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    """One browser for the file; each test has a context of its own."""
    with launch_browser() as one:
        yield one


def open_page(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name).click()


def confirm(page: Page, first: str, reason: str, second: str) -> None:
    """Press a button that asks for a reason, give it, and press the one that does it."""
    page.get_by_role("button", name=first).click()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=second).click()


@in_browser
@pytest.mark.broker
def test_a_policy_is_tried_proposed_approved_by_another_and_seen_live(
    browser_thread: BrowserThread, dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an analyst at the default policy
    monkeypatch.setattr(what_ifs, "try_policy", lambda *_: a_result())
    wait_until_read(dashboard)
    with log_in_page(browser_thread, dashboard.url, "anna") as anna:
        open_page(anna.page, "Policy")
        expect(anna.page.get_by_text("In force: the default policy")).to_be_visible()
        # when the text is changed, a mistake is shown with its line while it is written
        anna.page.get_by_role("button", name="Change…").click()
        box = anna.page.get_by_label("Policy as YAML")
        box.fill(ACME.replace("amount > 5000", "amout > 5000"))
        expect(anna.page.locator(".findings .error")).to_contain_text("Line 10")
        expect(anna.page.get_by_role("button", name="Propose")).to_be_disabled()
        # and a text without mistakes is proposed, with a reason that is only text
        box.fill(ACME)
        expect(anna.page.get_by_text("No mistakes found.")).to_be_visible()
        # after a look at what it would have done
        anna.page.get_by_role("button", name="Run what-if").click()
        expect(anna.page.get_by_role("heading", name="By list, rule and band")).to_be_visible()
        expect(anna.page.locator(".what-if table").first).to_contain_text("model alone")
        anna.page.get_by_label("Why").fill(HOSTILE)
        anna.page.get_by_role("button", name="Propose").click()
        # then the author sees it, and cannot approve it
        expect(anna.page.get_by_text("somebody else must approve")).to_be_visible()
        assert anna.page.get_by_role("button", name="Approve…").count() == 0
        assert "taken" not in anna.page.title()
        # when another approves it and makes it live
        with log_in_page(browser_thread, dashboard.url, "adam") as adam:
            open_page(adam.page, "Policy")
            adam.page.get_by_role("link", name="1", exact=True).click()
            expect(adam.page.get_by_role("heading", name="By list, rule and band")).to_be_visible()
            confirm(adam.page, "Approve…", "agreed", "Approve version 1")
            confirm(adam.page, "Make live…", "tonight", "Make version 1 live")
            expect(adam.page.get_by_text("In force: version 1")).to_be_visible()
            assert adam.problems == []
        # then the author sees it live without asking
        expect(anna.page.get_by_text("In force: version 1")).to_be_visible()
        assert anna.problems == []


@in_browser
@pytest.mark.broker
def test_a_policy_is_compared_and_rolled_back(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    make_live(dashboard)
    propose(dashboard.browser("anna"), STRICTER)
    with log_in_page(browser_thread, dashboard.url, "adam") as adam:
        # given the version that waits for approval
        open_page(adam.page, "Policy")
        adam.page.get_by_role("link", name="2", exact=True).click()
        # then the page shows what it changes of the live one
        expect(adam.page.locator(".diff .removed")).to_have_text(re.compile(r"amount > 5000"))
        expect(adam.page.locator(".diff .added")).to_have_text(re.compile(r"amount > 500\b"))
        # and the live one is rolled back to the default policy
        confirm(
            adam.page, "Roll back to the default policy…", "too many", "Make the default policy live again"
        )
        expect(adam.page.get_by_text("The default policy is in force.")).to_be_visible()
        assert adam.problems == []


@in_browser
@pytest.mark.broker
def test_a_card_is_blocked_from_its_case_and_is_on_the_list(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    # given an analyst at a case
    wait_until_read(dashboard)
    produce_alert(dashboard.settings, 1, card_id="card-1", merchant_id="merchant-1")
    wait_for(lambda: [one for one in dashboard.shared.alerts() if one["merchant_id"]])
    with log_in_page(browser_thread, dashboard.url, "anna") as anna:
        page = anna.page
        page.get_by_text("5 payments in 10 minutes").click()
        # when the card is blocked
        page.get_by_role("button", name=re.compile("Block this .?card")).click()
        page.get_by_label("Reason").fill("stolen")
        page.get_by_label("For how long").select_option("7")
        page.get_by_role("button", name=re.compile("Block this .?card.? for 7 days")).click()
        # then the case shows the entry, and the list has it
        expect(page.locator(".entries")).to_contain_text("card-1")
        page.locator(".entries").get_by_role("link", name=re.compile("blocked_cards")).click()
        row = page.get_by_role("row", name=re.compile("card-1"))
        expect(row).to_contain_text("stolen")
        expect(row).to_contain_text("anna")
        # when it is undone on the case
        page.go_back()
        page.locator(".entries").get_by_role("button", name="Undo").click()
        # then it is gone
        expect(page.locator(".entries")).to_have_count(0)
        assert anna.problems == []
    assert dashboard.shared.get("lists/blocked_cards/entries").json()["found"] == 0


@in_browser
@pytest.mark.broker
def test_outcomes_are_words_and_only_reviews_and_samples_are_work(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    # given an alert of each kind
    for number, fields in enumerate(KINDS):
        produce_alert(dashboard.settings, number, prediction=fields)
    with log_in_page(browser_thread, dashboard.url, "anna") as anna:
        page = anna.page
        feed = page.locator(".feed li")
        expect(feed).to_have_count(4)
        for word in ("to review", "declined", "challenged", "random sample"):
            expect(feed.get_by_text(word, exact=True)).to_be_visible()
        # then the live page filters by outcome
        page.get_by_role("button", name="Filter").click()
        page.get_by_label("outcome").select_option("decline")
        expect(feed).to_have_count(1)
        expect(feed).to_contain_text("rule large")
        # and the queue has reviews and samples
        open_page(page, "Review")
        expect(feed).to_have_count(2)
        expect(page.locator(".queue .hint")).to_contain_text("2 not reviewed")
        assert anna.problems == []
