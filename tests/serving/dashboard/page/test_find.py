"""The search, the pages of cards and merchants and the links between them, in a real Chromium."""

import re
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.decisions.policies import wait_until_read
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.page.chromium import BrowserThread, in_browser, launch_browser, log_in_page
from tests.serving.dashboard.support import DashboardServer, now_ms, payment, prediction_for, produce_alert

NAMES = [
    "<img src=x onerror=document.title='taken'>",
    "100%_\\'\"",
    "x" * 64,
    "\u202eevil\u2066",
    "a/../b?c#d",
]


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    """One browser for the file; each test has a context of its own."""
    with launch_browser() as one:
        yield one


def search_for(page: Page, text: str) -> None:
    """Search with the keyboard, from any page."""
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def act_on_list(page: Page, action: str, name: str) -> None:
    """Put the page's card or merchant on a list, until its entry is shown."""
    page.get_by_role("button", name=re.compile(action)).click()
    page.get_by_label("Reason").fill("known for years")
    page.get_by_role("button", name=re.compile(f"{action}.? (for|until)")).click()
    expect(page.locator(".entries")).to_contain_text(name)


@in_browser
def test_a_card_is_found_with_the_keyboard_and_leads_to_all_that_it_touched(
    browser_thread: BrowserThread, offline_dashboard: DashboardServer
) -> None:
    # given a card with an alert, and another card at the same merchant
    alert, usual = payment(1, card_id="4111-7777", merchant_id="shop"), payment(2, card_id="4111-7777")
    other = payment(3, card_id="other-card", merchant_id="shop")
    usual_scores = [prediction_for(one, 0.1) for one in (usual, other)]
    recorder_for(offline_dashboard).write(
        Batch([alert, usual, other], [prediction_for(alert), *usual_scores])
    )
    with log_in_page(browser_thread, offline_dashboard.url, "anna", wait_live=False) as anna:
        page = anna.page
        # when its last digits are searched
        search_for(page, "7777")
        page.get_by_role("link", name="4111-7777").click()
        # then its page has its payments and the other card
        expect(page.get_by_role("heading", name="Card 4111-7777")).to_be_visible()
        expect(page.locator("table.payments tbody tr")).to_have_count(2)
        # and neither the search nor the page has the number in its address
        assert "7777" not in page.url
        # when the other card is followed, to the merchant, to the alert
        page.get_by_role("link", name="other-card").click()
        expect(page.get_by_role("heading", name="Card other-card")).to_be_visible()
        page.get_by_role("link", name="shop").first.click()
        expect(page.get_by_role("heading", name="Merchant shop")).to_be_visible()
        page.locator("table.payments").get_by_role("link", name="t1").click()
        # then its case is open, whose ids are links
        expect(page.locator(".case")).to_contain_text("4111-7777")
        page.locator(".case-head").get_by_role("link", name="4111-7777").click()
        expect(page.get_by_role("heading", name="Card 4111-7777")).to_be_visible()
        assert anna.problems == []


@in_browser
def test_no_match_says_what_was_searched_and_a_filter_is_no_all_clear(
    browser_thread: BrowserThread, offline_dashboard: DashboardServer
) -> None:
    alert = payment(1)
    recorder_for(offline_dashboard).write(Batch([alert], [prediction_for(alert)]))
    with log_in_page(browser_thread, offline_dashboard.url, "anna", wait_live=False) as anna:
        page = anna.page
        search_for(page, "nobody")
        expect(page.locator(".no-match")).to_contain_text(
            "No card, merchant or transaction has nobody in its id"
        )
        expect(page.locator(".no-match")).to_contain_text("1 card, 1 merchant")
        # when a filter leaves nothing of the queue
        page.goto(f"{offline_dashboard.url}/#/review")
        expect(page.locator(".queue .feed li")).to_have_count(1)
        page.get_by_role("button", name="Filter").click()
        page.get_by_label("card, merchant").fill("nobody")
        # then it is not said that there is nothing to review
        expect(page.locator(".queue")).to_contain_text("No alert matches the filter")
        expect(page.locator(".queue > header")).to_contain_text("0 cases")
        assert "nothing to review" not in page.locator(".queue").inner_text()
        page.get_by_role("button", name="Clear the filter").click()
        expect(page.locator(".queue .feed li")).to_have_count(1)
        assert anna.problems == []


@in_browser
def test_days_are_those_of_the_chosen_zone(
    browser_thread: BrowserThread, offline_dashboard: DashboardServer
) -> None:
    # given a payment an hour after midnight in Berlin, which is the day before in UTC
    midnight = 1_767_222_000_000  # 2025-12-31T23:00Z
    night = payment(1, transaction_id="night", timestamp=midnight)
    recorder_for(offline_dashboard).write(Batch([night], [prediction_for(night, 0.1)]))
    zone = {"timezone_id": "Europe/Berlin"}
    with log_in_page(browser_thread, offline_dashboard.url, "vera", wait_live=False, **zone) as vera:
        page = vera.page
        page.goto(f"{offline_dashboard.url}/#/search")
        page.get_by_label("from day").fill("2026-01-01")
        page.get_by_label("to day").fill("2026-01-01")
        expect(page.get_by_role("link", name="night")).to_be_visible()
        # when times are shown in UTC
        page.get_by_role("button", name=re.compile("times in")).first.click()
        # then the day has other payments
        expect(page.locator(".no-match")).to_contain_text("2026-01-01")
        page.get_by_label("from day").fill("2025-12-31")
        expect(page.get_by_role("link", name="night")).to_be_visible()
        assert vera.problems == []


@in_browser
@pytest.mark.parametrize("name", NAMES)
def test_any_id_is_shown_as_text_and_can_be_followed(
    browser_thread: BrowserThread, offline_dashboard: DashboardServer, name: str
) -> None:
    alert = payment(1, transaction_id=name, card_id=name, merchant_id=name)
    recorder_for(offline_dashboard).write(Batch([alert], [prediction_for(alert)]))
    with log_in_page(browser_thread, offline_dashboard.url, "vera", wait_live=False) as vera:
        page = vera.page
        page.goto(f"{offline_dashboard.url}/#/merchant/{quote(name, safe='')}")
        expect(page.locator(".subject h1")).to_contain_text("Merchant")
        row = page.locator("table.payments tbody tr")
        expect(row).to_have_count(1)
        row.get_by_role("link").first.click()  # its card
        expect(page.locator(".subject h1")).to_contain_text("Card")
        page.locator("table.payments tbody tr").get_by_role("link").last.click()  # its case
        expect(page.locator(".case")).to_be_visible()
        search_for(page, name)
        expect(page.locator("main tbody tr")).to_have_count(3)
        assert "taken" not in page.title()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert vera.problems == []


@in_browser
def test_a_card_with_thousands_of_payments_shows_them_a_page_at_a_time(
    browser_thread: BrowserThread, offline_dashboard: DashboardServer
) -> None:
    now = now_ms()
    many = [payment(n, card_id="busy", timestamp=now - n * 60_000) for n in range(3_000)]
    recorder_for(offline_dashboard).write(Batch(many, [prediction_for(one, 0.1) for one in many]))
    ref = offline_dashboard.context.store.card_ref("busy")
    with log_in_page(browser_thread, offline_dashboard.url, "vera", wait_live=False) as vera:
        page = vera.page
        page.goto(f"{offline_dashboard.url}/#/card/{ref}")
        expect(page.locator("table.payments tbody tr")).to_have_count(100)
        expect(page.locator(".headline")).to_contain_text("3,000")
        page.get_by_role("button", name="Show earlier payments").click()
        expect(page.locator("table.payments tbody tr")).to_have_count(200)
        # and a link to an old one opens where it is
        page.goto(f"{offline_dashboard.url}/#/card/{ref}/t2000")
        expect(page.locator("table.payments tr.here")).to_contain_text("t2000")
        assert vera.problems == []


@in_browser
@pytest.mark.broker
def test_a_card_is_blocked_and_a_merchant_trusted_from_their_pages(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    wait_until_read(dashboard)
    produce_alert(dashboard.settings, 1)
    with log_in_page(browser_thread, dashboard.url, "anna") as anna:
        page = anna.page
        page.locator(".feed li").get_by_role("link", name="merchant-1").click()
        act_on_list(page, "Trust this .?merchant", "trusted_merchants")
        page.locator("table.payments").get_by_role("link", name="card-1").click()
        act_on_list(page, "Block this .?card", "blocked_cards")
        assert anna.problems == []
    assert dashboard.shared.get("lists/trusted_merchants/entries").json()["found"] == 1
    assert dashboard.shared.get("lists/blocked_cards/entries").json()["found"] == 1


@in_browser
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_money_of_several_currencies_stays_in_its_column(
    browser_thread: BrowserThread, offline_dashboard: DashboardServer, size: tuple[int, int]
) -> None:
    # given alerts in six currencies, which cannot be added up
    currencies = ("EUR", "GBP", "USD", "JPY", "PLN", "CHF")
    alerts = [
        payment(number, currency=currency, card_id=currency, amount=Decimal(9_999))
        for number, currency in enumerate(currencies)
    ]
    recorder_for(offline_dashboard).write(Batch(alerts, [prediction_for(one) for one in alerts]))
    viewport = {"width": size[0], "height": size[1]}
    with log_in_page(
        browser_thread, offline_dashboard.url, "vera", wait_live=False, viewport=viewport
    ) as vera:
        # when the live page shows the money at risk
        figure = vera.page.locator(".figure.risk")
        expect(figure).to_contain_text("and 5 more currencies")
        # then nothing runs out of its column, or of the page
        wide = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
        assert vera.page.locator(".figure p").evaluate_all(wide) == []
        assert vera.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert vera.problems == []
