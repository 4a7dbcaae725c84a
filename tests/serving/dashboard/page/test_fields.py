"""The page with definitions of the user's own: their fields are shown and searched."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs
from playwright.sync_api import expect

from fraud.messages.transaction import new_transaction
from fraud.schema import Prediction, Reason
from fraud.settings import Settings, load_settings
from serving.dashboard.feed.recorder import Batch
from tests.definitions import EXTENDED, EXTENDED_FILE, PROFILED, PROFILED_FILE
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.page.chromium import BrowserThread, in_browser, launch_browser, log_in_page
from tests.serving.dashboard.support import now_ms, run_dashboard

WITHOUT_COUNTRY = """
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id}
  merchant_id: {type: id}
  amount: {type: money, currency: currency}
  currency: {type: currency}
  timestamp: {type: time}
entities:
  card: {key: card_id}
features:
  - {name: card_count_1h, entity: card, aggregate: count, window: 1h}
"""


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    """One browser for the file."""
    with launch_browser() as one:
        yield one


def _alert() -> Batch:
    moment = now_ms()
    paid = new_transaction(
        EXTENDED,
        {
            "transaction_id": "t1", "card_id": "card-1", "merchant_id": "merchant-1", "amount": "12.50",
            "currency": "EUR", "timestamp": moment - 50, "country": "DE", "merchant_category": "grocery",
            "device_id": "device-7f", "entry_mode": "keyed",
        },
    )  # fmt: skip
    found = Prediction(
        "t1", "card-1", moment - 50, 1_250, "EUR", 0.9, "review", 0.5, "fraud-detector", "3", 1, moment,
        reasons=[Reason("device_is_new", 1.0, 1.5, "device new to this card")], definitions=EXTENDED.digest,
    )  # fmt: skip
    return Batch([paid], [found])


@in_browser
@pytest.mark.broker
def test_a_case_lists_every_declared_field(browser_thread: BrowserThread, settings: Settings) -> None:
    # given a dashboard with the extended definitions, and an alert
    extended = load_settings(**settings.model_dump() | {"definitions": EXTENDED_FILE})
    with run_dashboard(extended) as dashboard:
        recorder_for(dashboard).write(_alert())
        with log_in_page(browser_thread, dashboard.url, "anna") as anna:
            # when it is found by its device and opened
            anna.page.get_by_role("button", name="Filter").click()
            anna.page.get_by_role("searchbox", name="card, merchant, transaction").fill("DEVICE-7F")
            anna.page.get_by_text("device new to this card").first.click()
            # then the page lists the fields, those without a value, too
            facts = anna.page.locator("section", has_text=re.compile("The payment.s fields")).locator("dl")
            expect(facts).to_contain_text("ip country")
            expect(facts).to_contain_text("device-7f")
            expect(facts).to_contain_text("keyed")
            expect(anna.page.locator(".case-head")).to_contain_text("Germany")
            expect(anna.page.locator(".case")).to_contain_text(EXTENDED.digest)
            assert anna.problems == []


@in_browser
@pytest.mark.broker
def test_a_case_shows_what_profiles_said_of_its_fields(
    browser_thread: BrowserThread, settings: Settings
) -> None:
    # given a dashboard with definitions that have profiles, and an alert
    profiled = load_settings(**settings.model_dump() | {"definitions": PROFILED_FILE})
    found = structs.replace(
        _alert().predictions[0],
        definitions=PROFILED.digest,
        profile_moment=1_760_000_400_000,
        profiles={"device_payments_1d": 12.0, "device_frauds_7d": 1.0, "merchant_mean_7d": None},
    )
    with run_dashboard(profiled) as dashboard:
        recorder_for(dashboard).write(Batch(predictions=[found]))
        with log_in_page(browser_thread, dashboard.url, "anna") as anna:
            # when it is opened
            anna.page.get_by_text("device new to this card").first.click()
            # then the page says so, field by field
            facts = anna.page.locator("section", has_text="Known of its fields")
            expect(facts).to_contain_text("payments of the device in 1 day: 12")
            expect(facts).to_contain_text("reported frauds of the device in 7 days: 1")
            expect(facts).to_contain_text("average payment of the merchant in 7 days: unknown")
            expect(facts).to_contain_text("2025")
            assert anna.problems == []


@in_browser
@pytest.mark.broker
def test_without_a_country_there_is_no_filter_for_it(
    browser_thread: BrowserThread, settings: Settings, tmp_path: Path
) -> None:
    # given definitions with the core fields only
    file = tmp_path / "definitions.yaml"
    file.write_text(WITHOUT_COUNTRY)
    extended = load_settings(**settings.model_dump() | {"definitions": file})
    with run_dashboard(extended) as dashboard, log_in_page(browser_thread, dashboard.url, "anna") as anna:
        anna.page.get_by_role("button", name="Filter").click()
        # then the feed has its other filters
        expect(anna.page.locator(".filters")).to_contain_text("probability from")
        expect(anna.page.locator(".filters")).not_to_contain_text("country")
