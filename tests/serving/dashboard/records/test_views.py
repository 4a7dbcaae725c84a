"""Who looked at what stands in the audit, and hides nothing there."""

from typing import Any

import pytest

from serving.dashboard.records import views
from serving.dashboard.records.views import VIEWS
from tests.serving.dashboard.support import DashboardServer, produce_alert, wait_for

pytestmark = pytest.mark.broker


def entries(dashboard: DashboardServer, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard.shared.get("audit", **query).json()["entries"]
    return found


def test_each_way_to_look_at_a_payment_is_in_the_audit(dashboard: DashboardServer) -> None:
    # given an alert
    produce_alert(dashboard.settings, 1)
    vera = dashboard.browser("vera")
    (alert,) = wait_for(vera.alerts)
    card = alert["card_ref"]
    # when a viewer opens it, its card, its merchant, and searches
    for path in (
        "case?transaction_id=t1", f"cards/{card}", f"cards/{card}/payments", f"cards/{card}/others",
        "merchant?merchant_id=merchant-1", "merchant/payments?merchant_id=merchant-1", "merchants/merchant-1",
    ):  # fmt: skip
        assert vera.client.get(f"/api/{path}").status_code == 200, path
    assert vera.post("search", {"text": "card-1"}).status_code == 200
    # then the audit says so, with the card's reference and without its number
    found = [one for one in entries(dashboard, who="vera") if one["action"] in VIEWS]
    assert [(one["action"], one["subject"]) for one in reversed(found)] == [
        ("case viewed", "t1"), ("card viewed", "card"), ("merchant viewed", "merchant-1"),
        ("search", "payments"),
    ]  # fmt: skip
    assert found[-1]["detail"] == {"card_ref": card}
    assert "card-1" not in str(found)


def test_a_view_is_written_before_it_is_shown_and_not_again_each_second(
    dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce_alert(dashboard.settings, 1)
    anna, vera = dashboard.browser("anna"), dashboard.browser("vera")
    wait_for(vera.alerts)
    for _ in range(5):
        vera.get("case", transaction_id="t1")
    anna.get("case", transaction_id="t1")
    assert [one["who"] for one in entries(dashboard, action="case viewed")] == ["anna", "vera"]
    # and a minute later it is another view
    monkeypatch.setattr(views, "_SAME_VIEW_S", -1.0)
    vera.get("case", transaction_id="t1")
    assert len(entries(dashboard, action="case viewed")) == 3


def test_a_flood_by_one_person_hides_no_line_of_others(
    dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given what an analyst did, and then many views and refused reviews of another one
    monkeypatch.setattr(views, "_SAME_VIEW_S", -1.0)
    produce_alert(dashboard.settings, 1)
    anna, vera = dashboard.browser("anna"), dashboard.browser("vera")
    wait_for(vera.alerts)
    anna.review("t1", "fraud")
    for _ in range(120):
        vera.get("case", transaction_id="t1")
    # then the newest page has none of it
    assert "review" not in [one["action"] for one in entries(dashboard)]
    # but it is there without views, by person, by action, and page after page to the first line
    assert "review" in [one["action"] for one in entries(dashboard, views=False)]
    assert "review" in [one["action"] for one in entries(dashboard, who="anna")]
    assert [one["who"] for one in entries(dashboard, action="review")] == ["anna"]
    seen: list[int] = []
    while page := entries(dashboard, limit=50, **({"before": seen[-1]} if seen else {})):
        seen += [one["seq"] for one in page]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 120 + 3 + 1  # the views, the logins, the review
    # and an action that is asked for by name is shown, view or not
    assert entries(dashboard, action="case viewed", views=False)
