"""An analyst who works on the queue of cases with the keyboard, in a real Chromium."""

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
