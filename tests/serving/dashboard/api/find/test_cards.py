"""A card's page: its history, its merchants, the cards that paid where its frauds were."""

from typing import Any

from serving.dashboard.api.find.payments import PAGE
from serving.dashboard.feed.recorder import Recorder
from tests.serving.dashboard.api.find.stored import HOUR_MS, ref_of, report, store
from tests.serving.dashboard.support import Browser, DashboardServer, now_ms, payment


def card_page(
    dashboard: DashboardServer, browser: Browser, card_id: str, part: str = "", **query: Any
) -> Any:
    answer = browser.get(f"cards/{ref_of(dashboard, card_id)}{part}", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_card_of_which_nothing_is_stored_is_not_found(
    offline_dashboard: DashboardServer, vera: Browser
) -> None:
    for path in ("", "/payments", "/others"):
        assert vera.get(f"cards/{ref_of(offline_dashboard, 'nobody')}{path}").status_code == 404
    assert vera.get("cards/nobody").status_code == 422


def test_a_card_has_its_payments_alerts_labels_and_reviews(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    # given a usual payment, one that was flagged and is known fraud, and one that an analyst reviewed
    usual, stolen, reviewed = (payment(n, card_id="c", merchant_id=f"m{n}") for n in (1, 2, 3))
    store(recorder, usual)
    store(recorder, stolen, reviewed, score=0.9)
    report(recorder, stolen)
    offline_dashboard.browser("anna").review(reviewed.transaction_id, "unsure", "<b>ask</b>")
    # when its page is asked for
    page = card_page(offline_dashboard, vera, "c")
    # then it has all of it
    summary = page["summary"]
    assert (page["card_id"], summary["payments"], summary["flagged"], summary["frauds"]) == ("c", 3, 2, 1)
    assert {one["transaction_id"] for one in page["alerts"]} == {"t2", "t3"}
    assert [(one["outcome"], one["note"]) for one in page["reviews"]["found"]] == [("unsure", "<b>ask</b>")]
    assert [one["merchant_id"] for one in page["merchants"]["found"]] == ["m2", "m3", "m1"]
    assert summary["amounts"] == [
        {"currency": "EUR", "digits": 2, "payments": 3, "median": 1_200, "largest": 1_300}
    ]
    found = card_page(offline_dashboard, vera, "c", "/payments")["payments"]
    by_id = {one["transaction_id"]: one for one in found}
    assert (by_id["t1"]["decision"], by_id["t1"]["is_fraud"], by_id["t1"]["has_case"]) == (
        "approve",
        None,
        False,
    )
    assert (by_id["t2"]["decision"], by_id["t2"]["is_fraud"], by_id["t2"]["has_case"]) == ("review", 1, True)
    assert by_id["t3"]["outcome"] == "unsure"


def test_thousands_of_payments_come_a_page_at_a_time_each_once(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    # given 2,345 payments, several at one time
    now = now_ms()
    many = [payment(n, card_id="c", timestamp=now - n // 7 * 1_000) for n in range(2_345)]
    store(recorder, *many)
    assert card_page(offline_dashboard, vera, "c")["summary"]["payments"] == 2_345
    # when the pages are read to their end
    seen: list[str] = []
    before: dict[str, Any] = {}
    while True:
        page = card_page(offline_dashboard, vera, "c", "/payments", **before)
        assert len(page["payments"]) <= PAGE
        seen += [one["transaction_id"] for one in page["payments"]]
        if page["more"] is None:
            break
        before = {"before": page["more"]}
    # then each payment was there once, newest first
    assert len(seen) == len(set(seen)) == 2_345
    # and a link to one of them opens the page that has it
    around = card_page(offline_dashboard, vera, "c", "/payments", around="t1700")["payments"]
    assert "t1700" in [one["transaction_id"] for one in around]
    # and a period has its payments only
    last = card_page(offline_dashboard, vera, "c", "/payments", since=now - 1_000)["payments"]
    assert {one["transaction_id"] for one in last} == {f"t{n}" for n in range(14)}


def test_other_cards_are_those_that_paid_at_the_merchant_around_the_fraud(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    # given a fraud at a shop, and other cards there: with a fraud, shortly after, a week ago, elsewhere
    at = now_ms() - 48 * HOUR_MS
    stolen = payment(1, card_id="c", merchant_id="shop", timestamp=at)
    also = payment(2, card_id="also-stolen", merchant_id="shop", timestamp=at - 3 * HOUR_MS)
    near = payment(3, card_id="near", merchant_id="shop", timestamp=at + HOUR_MS)
    far = payment(4, card_id="far", merchant_id="shop", timestamp=at - 7 * 24 * HOUR_MS)
    elsewhere = payment(5, card_id="elsewhere", merchant_id="other", timestamp=at)
    store(recorder, stolen, also, score=0.9)
    store(recorder, near, far, elsewhere)
    # while no fraud is known, those around its alerts are shown
    before = card_page(offline_dashboard, vera, "c", "/others")
    assert (before["around"], before["are_known"]) == (1, False)
    # when both frauds are reported
    report(recorder, stolen, also)
    others = card_page(offline_dashboard, vera, "c", "/others")
    # then the card with the fraud is first, and the others of the time follow
    assert (others["around"], others["are_known"]) == (1, True)
    assert [(one["card_id"], one["frauds"], one["gap_ms"]) for one in others["found"]] == [
        ("also-stolen", 1, 3 * HOUR_MS),
        ("near", 0, HOUR_MS),
    ]
    assert others["found"][0]["card_ref"] == ref_of(offline_dashboard, "also-stolen")
    # and fewer hours have fewer cards
    narrow = card_page(offline_dashboard, vera, "c", "/others", hours=2)
    assert [one["card_id"] for one in narrow["found"]] == ["near"]


def test_a_card_without_fraud_and_alerts_has_no_others(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    store(recorder, payment(1, card_id="c", merchant_id="shop"), payment(2, card_id="d", merchant_id="shop"))
    others = card_page(offline_dashboard, vera, "c", "/others")
    assert (others["around"], others["found"]) == (0, [])


def test_no_address_has_a_cards_number(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    """The feed's filter by text is sent in a body too."""
    store(recorder, payment(1, card_id="4111222233334444"), payment(2, card_id="other"), score=0.9)
    answer = vera.post("alerts/search", {"text": "3333", "state": "open", "order": "risk"})
    assert [one["card_id"] for one in answer.json()["alerts"]] == ["4111222233334444"]
    assert "4111222233334444" not in ref_of(offline_dashboard, "4111222233334444")
