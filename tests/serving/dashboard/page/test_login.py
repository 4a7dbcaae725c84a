"""Logging in, choosing a password and being logged out, in a real browser."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.dashboard.page.chromium import BrowserThread, in_browser, launch_browser, log_in_page
from tests.serving.dashboard.support import DashboardServer, run_dashboard

NEW, GIVEN = "chosen by herself", "given by an admin"


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    with launch_browser() as one:
        yield one


@pytest.fixture
def settings(make_settings: SettingsFactory) -> Settings:
    """A dashboard whose Kafka is away."""
    return make_settings(kafka={"request_timeout_s": 0.2})


def log_in(page: Page, name: str, password: str) -> None:
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


@in_browser
def test_a_given_password_must_be_changed_before_anything_is_shown(
    browser_thread: BrowserThread, settings: Settings
) -> None:
    with run_dashboard(settings) as dashboard:
        dashboard.context.accounts.add("dora", "analyst", GIVEN, must_change=True)
        page = browser_thread.browser.new_page()
        page.goto(dashboard.url)
        log_in(page, "dora", GIVEN)
        # the page asks for another password, and refuses one that will not do
        expect(page.locator("h1")).to_have_text("Choose a password")
        for new, again, said in ((NEW, "something else", "differs"), (GIVEN, GIVEN, "is the present one")):
            page.fill("input[name=present]", GIVEN)
            page.fill("input[name=next]", new)
            page.fill("input[name=again]", again)
            page.click("button[type=submit]")
            expect(page.locator(".problem")).to_contain_text(said)
        # it stays after the page is loaded again, and no page is behind it
        page.goto(f"{dashboard.url}/#/audit")
        page.reload()
        expect(page.locator("h1")).to_have_text("Choose a password")
        assert page.locator("nav").count() == 0
        # and with a new one the dashboard opens
        page.fill("input[name=present]", GIVEN)
        page.fill("input[name=next]", NEW)
        page.fill("input[name=again]", NEW)
        page.click("button[type=submit]")
        expect(page.locator("nav")).to_be_visible()
        page.close()


@in_browser
def test_a_page_that_is_left_open_is_logged_out_and_says_so(
    browser_thread: BrowserThread, settings: Settings
) -> None:
    section = settings.dashboard.model_copy(update={"session_idle": timedelta(seconds=4)})
    with (
        run_dashboard(settings.model_copy(update={"dashboard": section})) as dashboard,
        log_in_page(browser_thread, dashboard.url, "vera", wait_live=False) as vera,
    ):
        # when nobody touches the page, which goes on asking
        vera.page.evaluate("location.hash = '#/monitoring'")
        # then the login comes by itself, and says why
        expect(vera.page.locator("form")).to_contain_text("Your session has ended")
        expect(vera.page.locator("nav")).to_have_count(0)


@in_browser
def test_moving_the_mouse_keeps_the_session_open(browser_thread: BrowserThread, settings: Settings) -> None:
    section = settings.dashboard.model_copy(update={"session_idle": timedelta(seconds=40)})
    with (
        run_dashboard(settings.model_copy(update={"dashboard": section})) as dashboard,
        log_in_page(browser_thread, dashboard.url, "vera", wait_live=False) as vera,
    ):
        asked: list[str] = []
        vera.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        asked.clear()
        with vera.page.expect_request("**/api/me", timeout=40_000) as request:
            vera.page.wait_for_timeout(1_000)
            vera.page.mouse.move(50, 60)
            vera.page.mouse.move(80, 90)
        assert int(request.value.headers["x-idle-ms"]) < 35_000


@in_browser
def test_with_the_companys_login_alone_no_password_is_asked_for(
    browser_thread: BrowserThread, make_settings: SettingsFactory
) -> None:
    oidc = {"issuer": "https://login.example.org", "client_id": "x"}
    settings = make_settings(
        kafka={"request_timeout_s": 0.2}, dashboard={"oidc": oidc, "password_login": False}
    )
    with run_dashboard(settings) as dashboard:
        page = browser_thread.browser.new_page()
        page.goto(dashboard.url)
        expect(page.locator("a.primary")).to_have_text("Log in with your company")
        assert page.locator("input").count() == 0
        page.close()


@in_browser
def test_the_audit_leaves_views_out_until_they_are_asked_for(
    browser_thread: BrowserThread, settings: Settings
) -> None:
    with run_dashboard(settings) as dashboard:
        look_around(dashboard)
        with log_in_page(browser_thread, dashboard.url, "adam", wait_live=False) as adam:
            adam.page.evaluate("location.hash = '#/audit'")
            table = adam.page.locator("tbody")
            expect(table).to_contain_text("login")
            expect(table).not_to_contain_text("search")
            adam.page.get_by_label("views too").check()
            expect(table).to_contain_text("search")
            assert adam.problems == []


def look_around(dashboard: DashboardServer) -> None:
    assert dashboard.browser("vera").post("search", {"text": "card-1"}).status_code == 200
