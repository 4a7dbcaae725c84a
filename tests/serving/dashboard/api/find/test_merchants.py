"""A merchant's page: its payments, alerts and profile, and the merchants with cards in common."""

from typing import Any
from urllib.parse import quote

import pytest

from fraud.features.profiles import PROFILE_COLUMNS
from fraud.schema import MerchantProfile
from serving.dashboard.feed.recorder import Batch, Recorder
from tests.serving.dashboard.api.find.stored import HOSTILE, report, store
from tests.serving.dashboard.support import Browser, DashboardServer, payment


def merchant_page(browser: Browser, merchant_id: str) -> dict[str, Any]:
    answer = browser.get("merchant", merchant_id=merchant_id)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_an_unknown_merchant_is_not_found(vera: Browser) -> None:
    assert vera.get("merchant", merchant_id="nobody").status_code == 404
    assert vera.get("merchant", merchant_id="").status_code == 422
    assert vera.get("merchant/payments", merchant_id="nobody").json() == {"payments": [], "more": None}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_merchant_may_have_any_name(recorder: Recorder, vera: Browser, name: str) -> None:
    store(recorder, payment(1, merchant_id=name), payment(2, merchant_id="other"))
    page = merchant_page(vera, name)
    assert (page["merchant_id"], page["summary"]["payments"]) == (name, 1)
    if name != "..":  # which clients take for a folder
        assert vera.get(f"merchants/{quote(name, safe='')}").json() == page
    payments = vera.get("merchant/payments", merchant_id=name).json()["payments"]
    assert [one["transaction_id"] for one in payments] == ["t1"]


def test_a_merchant_has_its_figures_alerts_and_profile(recorder: Recorder, vera: Browser) -> None:
    # given a usual payment, a fraud, a false alarm, and a profile
    usual, stolen, right = (payment(n, card_id=f"c{n}", merchant_id="shop") for n in (1, 2, 3))
    store(recorder, usual)
    store(recorder, stolen, right, score=0.9)
    report(recorder, stolen)
    report(recorder, right, is_fraud=False)
    values: list[float | None] = [float(place) for place, _ in enumerate(PROFILE_COLUMNS)]
    recorder.write(Batch(profiles=[MerchantProfile("shop", "2026-01-01", 1, values)]))
    # then its page has them
    page = merchant_page(vera, "shop")
    summary = page["summary"]
    assert (summary["payments"], summary["cards"], summary["flagged"], summary["frauds"]) == (3, 3, 2, 1)
    assert (summary["alerts"], summary["alerts_fraud"], summary["alerts_legitimate"]) == (2, 1, 1)
    assert {one["transaction_id"] for one in page["alerts"]} == {"t2", "t3"}
    assert (page["date"], page["profile"]["merchant_count_1d"]) == ("2026-01-01", 0.0)


def test_merchants_in_common_are_those_where_its_cards_have_alerts(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    # given two cards that paid at the shop, later with alerts elsewhere, and an alert of a card that did not
    store(recorder, *(payment(n, card_id=f"c{n}", merchant_id="shop") for n in (1, 2)))
    jewels = [payment(10 + n, card_id=f"c{n}", merchant_id="jeweller") for n in (1, 2)]
    store(recorder, *jewels, payment(20, card_id="c1", merchant_id="phones"), score=0.9)
    store(recorder, payment(30, card_id="stranger", merchant_id="bank"), score=0.9)
    report(recorder, jewels[0])
    # then the merchant with most of its cards is first
    found = merchant_page(vera, "shop")["in_common"]["found"]
    assert [(one["merchant_id"], one["cards"], one["alerts"], one["frauds"]) for one in found] == [
        ("jeweller", 2, 2, 1),
        ("phones", 1, 1, 0),
    ]
    reference = offline_dashboard.context.store.card_ref("c1")
    assert {"card_id": "c1", "card_ref": reference} in found[0]["shown"]
