"""A real Chromium for the tests of the page, driven from one thread.

Playwright's synchronous API leaves an event loop running in the thread that uses it, until it is stopped; no
other test of the process could then run one there. So whole tests go to the browser's thread, and the main
thread waits.
"""

import functools
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.serving.dashboard.support import PASSWORDS, TIMEOUT_S

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")


@dataclass(frozen=True)
class BrowserThread:
    """The browser and the only thread that may use it."""

    thread: ThreadPoolExecutor
    browser: Browser


@contextmanager
def launch_browser(*arguments: str) -> Iterator[BrowserThread]:
    """A browser and its thread; both end with the context."""
    with ThreadPoolExecutor(1, "chromium") as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        try:
            launch = playwright.chromium.launch
            options: dict[str, Any] = {
                "executable_path": CHROMIUM,
                "args": ["--no-sandbox", "--disable-gpu", *arguments],
            }
            browser = thread.submit(launch, **options).result()
            yield BrowserThread(thread, browser)
            thread.submit(browser.close).result()
        finally:
            thread.submit(playwright.stop).result()


def in_browser(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test, which takes the fixture `browser_thread`, in the browser's thread, or skip it."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        browser_thread: BrowserThread = fixtures["browser_thread"]
        browser_thread.thread.submit(test, **fixtures).result()

    skippable: Callable[..., None] = needs_chromium(run)
    return skippable


@dataclass
class LoggedInPage:
    """A page after the login; `problems` are errors, and requests of other servers."""

    page: Page
    problems: list[str] = field(default_factory=list)


@contextmanager
def log_in_page(
    browser_thread: BrowserThread,
    url: str,
    name: str,
    password: str = "",
    *,
    wait_live: bool = True,
    **context: Any,
) -> Iterator[LoggedInPage]:
    """Log in as a user, in a new browser context; `wait_live` where the dashboard has a Kafka."""
    made = browser_thread.browser.new_context(**context)
    made.set_default_timeout(TIMEOUT_S * 1_000)
    expect.set_options(TIMEOUT_S * 1_000)
    logged_in = LoggedInPage(made.new_page())
    logged_in.page.on("pageerror", lambda error: logged_in.problems.append(str(error)))
    logged_in.page.on(
        "request",
        lambda request: logged_in.problems.extend([request.url] * (not request.url.startswith(url))),
    )
    logged_in.page.goto(url)
    logged_in.page.fill("input[name=name]", name)
    logged_in.page.fill("input[name=password]", password or PASSWORDS[name])
    logged_in.page.click("button[type=submit]")
    state = re.compile("live" if wait_live else "live|Kafka does not answer")
    expect(logged_in.page.locator(".pulse:visible")).to_have_text(state)
    yield logged_in
    made.close()
