"""Two analysts who work on the queue at once, with keyboard, undo and refusals, in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from fraud.settings import Settings
from tests.serving.dashboard.page.chromium import BrowserThread, in_browser, launch_browser, log_in_page
from tests.serving.dashboard.support import DashboardServer, produce_alert, run_dashboard, wait_for


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    """One browser for the file; each analyst has a context of their own."""
    with launch_browser() as one:
        yield one


@pytest.fixture
def queue(settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard with a case of three alerts, the most at risk, and two of one alert each."""
    with run_dashboard(settings, undo_s=5) as dashboard:
        for number, card in ((90, "ring"), (91, "ring"), (92, "ring"), (50, "second"), (20, "third")):
            produce_alert(settings, number, card_id=card)
        browser = dashboard.browser("vera")
        wait_for(lambda: len(browser.alerts()) == 5 and all(one["merchant_id"] for one in browser.alerts()))
        yield dashboard


def open_queue(page: Page) -> None:
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".queue .feed li")).to_have_count(3)


def shown(name: str) -> str:
    """A text from outside, as pages set it apart from their own."""
    return f"\u2068{name}\u2069"


@in_browser
@pytest.mark.broker
def test_a_case_is_reviewed_and_the_review_undone_with_the_keyboard(
    browser_thread: BrowserThread, queue: DashboardServer
) -> None:
    with log_in_page(browser_thread, queue.url, "anna", viewport={"width": 1300, "height": 600}) as anna:
        page = anna.page
        open_queue(page)
        expect(page.locator(".queue .hint")).to_contain_text("3 cases, 5 not reviewed")
        # when the first case is opened, read to its end, and all of its alerts are reviewed
        page.keyboard.press("j")
        expect(page.locator(".case-alerts li")).to_have_count(3)
        expect(page.locator(".case-bar")).to_contain_text("3 alerts")
        page.keyboard.press("End")
        page.keyboard.press("Shift+F")
        # then the next case is open, at its top, and has the focus
        expect(page.locator(".case-head")).to_contain_text("second")
        expect(page.locator(".queue .feed li")).to_have_count(2)
        expect(page.locator(".case:focus")).to_have_count(1)
        assert page.evaluate("scrollY") == 0
        # when the review is undone, the case is back
        expect(page.locator(".toast")).to_contain_text("3 alerts")
        page.keyboard.press("z")
        expect(page.locator(".case-head")).to_contain_text("ring")
        expect(page.locator(".standing")).to_contain_text("Not reviewed")
        expect(page.locator(".queue .feed li")).to_have_count(3)
        # when one alert of it is reviewed, the next of the case is open
        shown = page.url
        page.keyboard.press("l")
        expect(page.locator(".case-alerts .tag.legitimate")).to_have_count(1)
        assert page.url != shown
        expect(page.locator(".case-head")).to_contain_text("ring")
        assert anna.problems == []


@in_browser
@pytest.mark.broker
def test_two_analysts_do_not_review_the_same_case_unknowingly(
    browser_thread: BrowserThread, queue: DashboardServer
) -> None:
    with (
        log_in_page(browser_thread, queue.url, "anna") as anna,
        log_in_page(browser_thread, queue.url, "bert") as bert,
    ):
        for one in (anna, bert):
            open_queue(one.page)
        # when anna opens and claims a case
        anna.page.keyboard.press("j")
        expect(anna.page.locator(".case-bar")).to_contain_text("unclaimed")
        # then bert sees it in the queue, and when he opens it
        expect(bert.page.locator(".queue .feed li").first).to_contain_text(f"{shown('anna')} looks")
        bert.page.keyboard.press("j")
        expect(bert.page.locator(".case-viewers")).to_contain_text(f"{shown('anna')} has it open")
        anna.page.keyboard.press("c")
        expect(anna.page.locator(".case-bar")).to_contain_text("yours")
        expect(bert.page.locator(".case-bar")).to_contain_text(f"claimed by {shown('anna')}")
        # when he reviews it all the same, he is refused until he means it
        bert.page.keyboard.press("f")
        expect(bert.page.locator(".conflict")).to_contain_text("anna has this case")
        bert.page.get_by_role("button", name="Review as fraud all the same").click()
        expect(bert.page.locator(".toast")).to_contain_text("fraud")
        # then anna sees his review, in the history too
        expect(anna.page.locator(".history")).to_contain_text("bert reviewed")
        # and her filter has her case
        anna.page.get_by_role("button", name="mine").click()
        expect(anna.page.locator(".queue .feed li")).to_have_count(1)
        assert (anna.problems, bert.problems) == ([], [])


@in_browser
@pytest.mark.broker
def test_a_case_is_assigned_and_escalated(browser_thread: BrowserThread, queue: DashboardServer) -> None:
    with log_in_page(browser_thread, queue.url, "anna") as anna:
        page = anna.page
        open_queue(page)
        page.keyboard.press("j")
        # when the case is assigned
        page.get_by_label("Assign to").select_option("bert")
        expect(page.locator(".case-bar")).to_contain_text(f"claimed by {shown('bert')}")
        # and escalated, which is refused until it is meant
        page.keyboard.press("e")
        page.keyboard.type("a ring of cards")
        page.keyboard.press("Enter")
        expect(page.locator(".conflict")).to_contain_text("bert has this case: assigned by anna")
        page.get_by_role("button", name="Escalate it all the same").click()
        # then it waits for an admin
        expect(page.locator(".case-bar")).to_contain_text("escalated")
        expect(page.locator(".case-bar q")).to_have_text("a ring of cards")
        page.get_by_role("button", name="escalated", exact=True).click()
        expect(page.locator(".queue .feed li")).to_have_count(1)
        assert anna.problems == []


@in_browser
@pytest.mark.broker
def test_the_list_of_keys_opens_everywhere_and_takes_the_keys(
    browser_thread: BrowserThread, queue: DashboardServer
) -> None:
    with log_in_page(browser_thread, queue.url, "anna") as anna:
        page = anna.page
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        expect(dialog).to_contain_text("undo the review")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        # while it is open, no key reviews the case behind it
        open_queue(page)
        page.keyboard.press("j")
        page.locator(".case").wait_for()
        page.keyboard.press("?")
        page.keyboard.press("f")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.locator(".standing")).to_contain_text("Not reviewed")
        assert anna.problems == []
