"""The page over plain http from another machine, in browsers of any language, with names of any script."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from fraud.settings import Settings
from tests.serving.dashboard.page.chromium import BrowserThread, in_browser, launch_browser, log_in_page
from tests.serving.dashboard.support import (
    PASSWORDS,
    TIMEOUT_S,
    DashboardServer,
    labels_on,
    produce_alert,
    run_dashboard,
)

NAME = "dashboard.example"
RIGHT_TO_LEFT = "\u202egnp.kcatta \u05d7\u05e0\u05d5\u05ea"
STRAY_ENDS = "Café\u2069\u2069\u202e Zwei"


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    """A browser for which the name leads here; as no name of this machine's, it is not a secure context."""
    with launch_browser(f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as one:
        yield one


@pytest.fixture
def remote_dashboard(settings: Settings) -> Iterator[DashboardServer]:
    """A dashboard that browsers reach under the name."""
    section = settings.dashboard.model_copy(update={"allowed_hosts": (NAME,)})
    with run_dashboard(settings.model_copy(update={"dashboard": section})) as dashboard:
        dashboard.url = dashboard.url.replace("127.0.0.1", NAME)
        yield dashboard


@in_browser
@pytest.mark.broker
def test_a_review_can_be_given_over_plain_http_from_another_machine(
    browser_thread: BrowserThread, remote_dashboard: DashboardServer
) -> None:
    # given an analyst whose browser offers what it offers to unsafe pages
    with log_in_page(browser_thread, remote_dashboard.url, "anna") as anna:
        assert anna.page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
        produce_alert(remote_dashboard.settings, 1)
        # when two alerts are reviewed
        for number, key in ((1, "f"), (2, "l")):
            produce_alert(remote_dashboard.settings, number)
            anna.page.locator(".feed li").filter(has_text=f"{number + 10}").first.click()
            anna.page.locator(".case").wait_for()
            anna.page.keyboard.press(key)
            expect(anna.page.locator(".standing")).to_contain_text("label sent")
            anna.page.locator("a.back").click()
        assert anna.problems == []
    # then both are labels
    labels = {one["transaction_id"]: one["is_fraud"] for one in labels_on(remote_dashboard.settings)}
    assert labels == {"t1": True, "t2": False}


@in_browser
@pytest.mark.broker
def test_where_cookies_need_tls_the_login_says_so(browser_thread: BrowserThread, settings: Settings) -> None:
    section = settings.dashboard.model_copy(update={"allowed_hosts": (NAME,), "behind_tls": True})
    with run_dashboard(settings.model_copy(update={"dashboard": section})) as dashboard:
        context = browser_thread.browser.new_context()
        page = context.new_page()
        page.goto(dashboard.url.replace("127.0.0.1", NAME))
        expect(page.locator("form")).to_contain_text("is not encrypted")
        page.fill("input[name=name]", "anna")
        page.fill("input[name=password]", PASSWORDS["anna"])
        page.click("button[type=submit]")
        expect(page.locator(".problem")).to_contain_text(
            "open this page with https://", timeout=TIMEOUT_S * 1_000
        )
        context.close()


LANGUAGES = [
    "C", "", "en-US-u-ca-buddhist-nu-thai", "de_DE", "x-nobody", "tlh", "fa-IR", "ar-EG", "he", "th-TH",
    "hi-IN-u-nu-deva", "ja-JP-u-ca-japanese", "de-DE", "zz-invalid-tag-of-length",
]  # fmt: skip


def _into(errors: list[str]) -> Callable[[object], None]:
    return lambda error: errors.append(str(error))


def with_languages(page: Page, language: str | None) -> None:
    languages = json.dumps([language] if language is not None else None)
    page.add_init_script(
        f"const languages = {languages};"
        "Object.defineProperty(navigator, 'languages', {get: () => languages ?? undefined});"
        "Object.defineProperty(navigator, 'language', {get: () => languages?.[0]});"
    )


@in_browser
@pytest.mark.broker
def test_no_language_of_a_browser_breaks_the_page_or_its_digits(
    browser_thread: BrowserThread, remote_dashboard: DashboardServer
) -> None:
    produce_alert(remote_dashboard.settings, 3)
    context = browser_thread.browser.new_context(timezone_id="Asia/Kathmandu")
    context.set_default_timeout(TIMEOUT_S * 1_000)
    for number, language in enumerate((*LANGUAGES, None)):
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", _into(errors))
        with_languages(page, language)
        page.goto(f"{remote_dashboard.url}/#/case/t3")
        if number == 0:
            page.fill("input[name=name]", "vera")
            page.fill("input[name=password]", PASSWORDS["vera"])
            page.click("button[type=submit]")
        shown = page.locator(".case-head").inner_text()
        # then the amount and the year are of the digits and the calendar that everybody reads
        assert re.search(r"€\s?13[.,]00|13[.,]00\s€", shown), (language, shown)
        assert re.search(r"\b20\d\d\b", shown), (language, shown)
        assert re.fullmatch(r"[0-9]*", "".join(re.findall(r"\d", shown))), (language, shown)
        assert "\u200f" not in shown, language
        assert errors == [], language
        page.close()
    context.close()


@in_browser
@pytest.mark.broker
@pytest.mark.parametrize("name", [RIGHT_TO_LEFT, STRAY_ENDS])
def test_a_name_turns_nothing_but_itself(
    browser_thread: BrowserThread, remote_dashboard: DashboardServer, name: str
) -> None:
    # given a merchant whose name turns the direction
    produce_alert(remote_dashboard.settings, 4, merchant_id=name)
    with log_in_page(browser_thread, remote_dashboard.url, "anna") as anna:
        page = anna.page
        page.locator(".feed li").first.click()
        where = page.locator(".case-head .where")
        where.wait_for()
        expect(where).to_contain_text("card-4")
        # then what stands before it in the text stands to its left, and what stands behind it to its right
        left = page.evaluate(_LEFT_EDGES, [".case-head .where", ["at", "with card", "card-4"]])
        assert left == sorted(left), name
        assert page.locator(".case-head bdi").count() >= 2
        assert anna.problems == []


_LEFT_EDGES = """([selector, texts]) => {
  const place = document.querySelector(selector);
  return texts.map((text) => {
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = node.data.indexOf(text);
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + text.length);
      return range.getBoundingClientRect().left;
    }
    return null;
  });
}"""
