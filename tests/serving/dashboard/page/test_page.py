"""The page itself, in a real Chromium."""

import asyncio
import gzip
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

import serving.dashboard
from tests.serving.dashboard.page.chromium import (
    BrowserThread,
    in_browser,
    launch_browser,
    log_in_page,
    needs_chromium,
)
from tests.serving.dashboard.support import PASSWORDS, DashboardServer, labels_on, produce_alert, wait_for

HOSTILE = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def browser_thread() -> Iterator[BrowserThread]:
    """One browser for the file; each test has a context of its own."""
    with launch_browser() as one:
        yield one


@in_browser
@pytest.mark.broker
def test_an_alert_is_seen_opened_and_reviewed_with_the_keyboard(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    # given an analyst at the live page
    with log_in_page(browser_thread, dashboard.url, "anna") as anna:
        page = anna.page
        # when the engine flags a transaction
        produce_alert(dashboard.settings, 1, merchant_id=HOSTILE)
        sent_at = time.monotonic()
        # then it is on the screen within two seconds
        page.get_by_text("5 payments in 10 minutes").wait_for()
        assert time.monotonic() - sent_at < 2
        # when it is opened, noted on and reviewed, faster than the page is drawn
        page.get_by_text("5 payments in 10 minutes").click()
        page.locator(".case").wait_for()
        page.keyboard.press("n")
        page.keyboard.type(HOSTILE)
        page.keyboard.press("Escape")
        page.keyboard.press("f")
        # then the page shows the review, with the text as it was
        expect(page.locator(".standing")).to_contain_text("fraud by anna")
        expect(page.locator(".standing")).to_contain_text("label sent")
        expect(page.locator(".standing blockquote")).to_have_text(HOSTILE)
        expect(page.locator("textarea")).to_have_value("")
        assert "taken" not in page.title()
    # and the label is on the topic
    labels = labels_on(dashboard.settings)
    assert [(one["transaction_id"], one["is_fraud"], one["source"]) for one in labels] == [
        ("t1", True, "analyst")
    ]
    # and nothing failed, and nothing was asked of another server
    assert anna.problems == []


@in_browser
@pytest.mark.broker
def test_an_alert_that_comes_between_the_list_and_the_stream_is_shown(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    # given a page that has loaded an empty list, and whose stream has not begun yet
    context = browser_thread.browser.new_context()
    page, held = context.new_page(), list[Route]()
    page.route("**/api/stream", lambda route: held.append(route))
    page.goto(dashboard.url)
    page.fill("input[name=name]", "anna")
    page.fill("input[name=password]", PASSWORDS["anna"])
    with page.expect_response("**/api/alerts?*"):
        page.click("button[type=submit]")
    # when an alert is recorded, and only then the stream begins
    produce_alert(dashboard.settings, 1)
    wait_for(lambda: page.evaluate("fetch('api/alerts').then(answer => answer.json())")["alerts"])
    assert page.locator(".feed li").count() == 0
    held[0].continue_()
    # then
    expect(page.locator(".feed li")).to_have_count(1)
    context.close()


@in_browser
@pytest.mark.broker
def test_a_viewer_is_shown_no_review_buttons(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    produce_alert(dashboard.settings, 1)
    wait_for(dashboard.browser("vera").alerts)
    with log_in_page(browser_thread, dashboard.url, "vera") as vera:
        vera.page.get_by_text("5 payments in 10 minutes").click()
        expect(vera.page.locator(".review-form")).to_contain_text("need the role analyst")
        assert vera.page.locator(".outcome").count() == 0


@in_browser
@pytest.mark.broker
def test_the_feed_can_be_paused_and_filtered(
    browser_thread: BrowserThread, dashboard: DashboardServer
) -> None:
    with log_in_page(browser_thread, dashboard.url, "vera") as vera:
        page = vera.page
        page.get_by_role("button", name="Pause").click()
        produce_alert(dashboard.settings, 1)
        expect(page.locator(".feed-panel .hint")).to_have_text("1 new")
        assert page.locator(".feed li").count() == 0
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".feed li")).to_have_count(1)
        page.get_by_role("button", name="Filter").click()
        page.get_by_label("probability from").fill("95")
        expect(page.locator(".feed li")).to_have_count(0)


@needs_chromium
def test_other_tests_may_run_an_event_loop_while_the_browser_is_up(browser_thread: BrowserThread) -> None:
    assert browser_thread.browser.is_connected()
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"


def test_the_page_is_small_and_asks_nobody_else() -> None:
    # given what is sent, compressed
    files = sorted((Path(serving.dashboard.__file__).parent / "static").iterdir())
    # then it is small
    assert sum(len(gzip.compress(one.read_bytes())) for one in files) <= 200 * 1_024
    # and no address of another server is in it but the name of SVG's language
    for file in files:
        addresses = set(re.findall(rb"https?://[^\"'`\s)]+", file.read_bytes()))
        assert all(b"www.w3.org" in one for one in addresses), (file.name, addresses)


def test_files_are_sent_compressed_and_again_only_when_they_changed(
    offline_dashboard: DashboardServer,
) -> None:
    client = offline_dashboard.browser().client
    for name in ("/", "/app.js", "/app.css", "/world.json"):
        answer = client.get(name)
        assert answer.headers["content-encoding"] == "gzip", name
        assert answer.headers["cache-control"] == "no-cache", name
        assert "accept-encoding" in answer.headers["vary"].lower(), name
        known = client.get(name, headers={"If-None-Match": answer.headers["etag"]})
        assert (known.status_code, known.content, known.headers["cache-control"]) == (304, b"", "no-cache")
    assert "content-encoding" not in client.get("/app.js", headers={"Accept-Encoding": ""}).headers
    assert client.get("/nowhere").status_code == 404
    assert client.get("/../app.py").status_code == 404


def test_the_page_is_built_from_its_sources() -> None:
    """What is copied unchanged must be equal; rebuild with `make dashboard-page`."""
    folder = Path(serving.dashboard.__file__).parent
    for name in ("index.html", "icon.svg"):
        assert (folder / "static" / name).read_text() == (folder / "web" / "src" / name).read_text()


def test_colours_have_enough_contrast() -> None:
    """WCAG 2.2, contrast: 4.5 for text, 3 for what is drawn."""
    # given the palettes
    style = (Path(serving.dashboard.__file__).parent / "web" / "src" / "style.css").read_text()
    blocks = re.findall(r"\{([^{}]*--bg:[^{}]*)\}", style)
    palettes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks]
    assert len(palettes) == 3
    assert palettes[1] == palettes[2]
    # then every text and every mark stands out from what it may be on
    for palette in palettes:
        for ground in ("bg", "surface", "raised"):
            for text in ("ink", "muted", "risk", "ok", "unsure", "accent"):
                assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
            for mark in ("calm", "faint"):
                assert contrast(palette[mark], palette[ground]) >= 3, (mark, ground)
        assert contrast(palette["on-risk"], palette["risk"]) >= 4.5


def contrast(first: str, second: str) -> float:
    """The ratio of relative luminances."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return float(sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
