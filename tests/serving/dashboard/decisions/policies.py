"""Policies and changes of them for the tests of the dashboard."""

from typing import Any

import httpx

from tests.serving.dashboard.support import Browser, DashboardServer, wait_for

ACME = """version: 1
name: acme
lists:
  blocked_cards: {field: card_id, outcome: decline, reason: card is blocked}
  blocked_merchants: {field: merchant_id, outcome: decline, reason: merchant is blocked}
  trusted_cards: {field: card_id, outcome: approve, reason: card is trusted}
  trusted_merchants: {field: merchant_id, outcome: approve, reason: merchant is trusted}
rules:
  - name: large
    when: amount > 5000
    outcome: decline
    priority: 10
    reason: a very large payment
    owner: jane@example.com
bands: {on: probability, review: model, decline: 0.95}
"""
"""A policy without mistakes."""

STRICTER = ACME.replace("amount > 5000", "amount > 500")


def wait_until_read(dashboard: DashboardServer) -> None:
    """Until the dashboard knows policies and lists."""
    wait_for(lambda: dashboard.context.decisions.state.problem is None)


def propose(browser: Browser, text: str = ACME, reason: str = "the attack of tonight") -> int:
    """Propose a policy; returns its version."""
    answer = browser.post("policies", {"text": text, "reason": reason})
    assert answer.status_code == 201, answer.text
    version: int = answer.json()["version"]
    return version


def move(browser: Browser, version: int | None, alias: str = "live") -> httpx.Response:
    """Move an alias."""
    return browser.post("policies/aliases", {"alias": alias, "version": version, "reason": "tonight"})


def make_live(dashboard: DashboardServer, text: str = ACME) -> int:
    """A policy that anna proposed, adam approved, and that is live."""
    wait_until_read(dashboard)
    adam = dashboard.shared
    version = propose(dashboard.browser("anna"), text)
    assert adam.post(f"policies/{version}/approve", {}).status_code == 200
    assert move(adam, version).status_code == 200
    return version


def actions(dashboard: DashboardServer) -> list[tuple[str, str]]:
    """Who did what, oldest first, without logins."""
    entries: list[dict[str, Any]] = dashboard.shared.get("audit").json()["entries"]
    return [(one["who"], one["action"]) for one in reversed(entries) if "login" not in one["action"]]
