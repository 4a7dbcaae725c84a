"""The page itself, in a real Chromium."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

import serving.dashboard
from serving.dashboard.assets import load_assets
from tests.serving.dashboard.page.chromium import Stage, needs_chromium, on_stage, raised, visit
from tests.serving.dashboard.world import Desk, labels_on, tell_alert, wait_for

HOSTILE = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One browser for the file; each test has a context of its own."""
    with raised() as one:
        yield one


@on_stage
@pytest.mark.broker
def test_an_alert_is_seen_opened_and_judged_with_the_keyboard(stage: Stage, desk: Desk) -> None:
    # given an analyst at the live page
    with visit(stage, desk.url, "anna") as anna:
        page = anna.page
        # when the engine flags a transaction
        tell_alert(desk.settings, 1, merchant_id=HOSTILE)
        told_at = time.monotonic()
        # then it is on the screen within two seconds
        page.get_by_text("5 payments in 10 minutes").wait_for()
        assert time.monotonic() - told_at < 2
        # when it is opened, noted on and judged, faster than the page is drawn
        page.get_by_text("5 payments in 10 minutes").click()
        page.locator(".case").wait_for()
        page.keyboard.press("n")
        page.keyboard.type(HOSTILE)
        page.keyboard.press("Escape")
        page.keyboard.press("f")
        # then the page says so, in words that stayed words
        expect(page.locator(".standing")).to_contain_text("fraud said anna")
        expect(page.locator(".standing")).to_contain_text("label sent")
        expect(page.locator(".standing blockquote")).to_have_text(HOSTILE)
        expect(page.locator("textarea")).to_have_value("")
        assert "taken" not in page.title()
    # and the label is on the topic
    labels = labels_on(desk.settings)
    assert [(one["transaction_id"], one["is_fraud"], one["source"]) for one in labels] == [
        ("t1", True, "analyst")
    ]
    # and nothing failed, and nothing was asked of another server
    assert anna.complaints == []


@on_stage
@pytest.mark.broker
def test_a_viewer_is_shown_no_verdict_buttons(stage: Stage, desk: Desk) -> None:
    tell_alert(desk.settings, 1)
    wait_for(desk.browser("vera").alerts)
    with visit(stage, desk.url, "vera") as vera:
        vera.page.get_by_text("5 payments in 10 minutes").click()
        expect(vera.page.locator(".judge")).to_contain_text("takes the role analyst")
        assert vera.page.locator(".verdict").count() == 0


@on_stage
@pytest.mark.broker
def test_the_feed_can_be_paused_and_filtered(stage: Stage, desk: Desk) -> None:
    with visit(stage, desk.url, "vera") as vera:
        page = vera.page
        page.get_by_role("button", name="Pause").click()
        tell_alert(desk.settings, 1)
        expect(page.locator(".feed-panel .hint")).to_have_text("1 new")
        assert page.locator(".feed li").count() == 0
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".feed li")).to_have_count(1)
        page.get_by_role("button", name="Filter").click()
        page.get_by_label("score from").fill("95")
        expect(page.locator(".feed li")).to_have_count(0)


@needs_chromium
def test_other_tests_may_run_an_event_loop_while_the_browser_is_up(stage: Stage) -> None:
    assert stage.browser.is_connected()
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"


def test_the_page_is_small_and_asks_nobody_else() -> None:
    # given what is sent, compressed
    assets = load_assets()
    # then it is small
    assert sum(len(one.packed) for one in assets.values()) <= 200 * 1_024
    # and no address of another server is in it but the name of SVG's language
    for name, asset in assets.items():
        addresses = set(re.findall(rb"https?://[^\"'`\s)]+", asset.content))
        assert all(b"www.w3.org" in one for one in addresses), (name, addresses)


def test_the_page_is_built_from_its_sources() -> None:
    """What is copied unchanged must be equal; whoever edits one rebuilds with `make dashboard-page`."""
    folder = Path(serving.dashboard.__file__).parent
    for name in ("index.html", "icon.svg"):
        assert (folder / "static" / name).read_text() == (folder / "web" / "src" / name).read_text()


def test_colours_can_be_told_apart_by_all() -> None:
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
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return float(sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
