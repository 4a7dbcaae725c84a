"""A real Chromium for the tests of the page, driven from a thread of its own.

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

from tests.serving.dashboard.world import PASSWORDS, PATIENCE_S

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")


@dataclass(frozen=True)
class Stage:
    """The browser and the one thread that may speak to it."""

    thread: ThreadPoolExecutor
    browser: Browser


@contextmanager
def raised(*arguments: str) -> Iterator[Stage]:
    """A browser in a thread of its own; both end with the context."""
    with ThreadPoolExecutor(1, "chromium") as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        try:
            launch = playwright.chromium.launch
            options: dict[str, Any] = {
                "executable_path": CHROMIUM,
                "args": ["--no-sandbox", "--disable-gpu", *arguments],
            }
            browser = thread.submit(launch, **options).result()
            yield Stage(thread, browser)
            thread.submit(browser.close).result()
        finally:
            thread.submit(playwright.stop).result()


def on_stage(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test, which takes the fixture `stage`, in the browser's thread, or skip it."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        stage: Stage = fixtures["stage"]
        stage.thread.submit(test, **fixtures).result()

    skippable: Callable[..., None] = needs_chromium(run)
    return skippable


@dataclass
class Visit:
    """A page somebody has logged in to; `complaints` are errors, and requests of other servers."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextmanager
def visit(stage: Stage, url: str, name: str, password: str = "", **context: Any) -> Iterator[Visit]:
    """Log in as somebody, in a context of its own."""
    made = stage.browser.new_context(**context)
    made.set_default_timeout(PATIENCE_S * 1_000)
    expect.set_options(PATIENCE_S * 1_000)
    visit = Visit(made.new_page())
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on(
        "request", lambda asked: visit.complaints.extend([asked.url] * (not asked.url.startswith(url)))
    )
    visit.page.goto(url)
    visit.page.fill("input[name=name]", name)
    visit.page.fill("input[name=password]", password or PASSWORDS[name])
    visit.page.click("button[type=submit]")
    expect(visit.page.locator(".pulse:visible")).to_have_text(re.compile("live"))
    yield visit
    made.close()
