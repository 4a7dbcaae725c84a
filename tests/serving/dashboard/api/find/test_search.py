"""The search finds cards, merchants and transactions by a whole id or a part, and says what it searched."""

import pytest

from serving.dashboard.api.find.search import MOST_FOUND
from serving.dashboard.feed.recorder import Recorder
from tests.serving.dashboard.api.find.stored import HOSTILE, HOUR_MS, ids, ref_of, search, store
from tests.serving.dashboard.support import Browser, DashboardServer, now_ms, payment


def test_an_empty_store_has_no_match_and_says_that_nothing_is_stored(vera: Browser) -> None:
    answer = search(vera, "card-1")
    assert [ids(answer, kind) for kind in ("cards", "merchants", "transactions")] == [[], [], []]
    assert answer["searched"] == {"since": None, "until": None, "cards": 0, "merchants": 0}


def test_a_card_a_merchant_and_a_transaction_are_found_by_a_part_of_their_id(
    offline_dashboard: DashboardServer, recorder: Recorder, vera: Browser
) -> None:
    # given two payments, of which nothing was flagged
    ours = payment(
        1, transaction_id="order-4711-x", card_id="4111-2222-3333-4444", merchant_id="Baker Street"
    )
    store(recorder, ours, payment(2, card_id="5500-0000", merchant_id="Jeweller"))
    # then the last digits of the card, a part of the merchant in other letters, and any part of the order do
    cards = search(vera, "4444")["cards"]["found"]
    expected = {"card_id": "4111-2222-3333-4444", "card_ref": ref_of(offline_dashboard, ours.card_id)}
    assert cards == [expected | {"payments": 1, "alerts": 0}]
    assert ids(search(vera, "baker"), "merchants") == ["Baker Street"]
    for part in ("order-4711-x", "order-47", "4711", "11-X"):
        assert ids(search(vera, part), "transactions") == ["order-4711-x"], part
    # and the card by its reference, which links have
    assert ids(search(vera, ref_of(offline_dashboard, ours.card_id)), "cards") == [ours.card_id]
    # and without a match it says how much it searched
    nothing = search(vera, "nobody")
    assert [ids(nothing, kind) for kind in ("cards", "merchants", "transactions")] == [[], [], []]
    assert (nothing["searched"]["cards"], nothing["searched"]["merchants"]) == (2, 2)
    assert nothing["searched"]["since"] <= nothing["searched"]["until"]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_only_a_text(recorder: Recorder, vera: Browser, text: str) -> None:
    # given payments whose ids are the text, and others
    store(recorder, payment(1, transaction_id=text, card_id=text, merchant_id=text), payment(2))
    # then the search finds just these
    answer = search(vera, text)
    assert [ids(answer, kind) for kind in ("cards", "merchants", "transactions")] == [[text], [text], [text]]


def test_what_is_found_has_its_decision_and_whether_it_is_a_case(recorder: Recorder, vera: Browser) -> None:
    store(recorder, payment(1, transaction_id="t-a"))
    store(recorder, payment(2, transaction_id="t-b"), score=0.9)
    found = {one["transaction_id"]: one for one in search(vera, "t-")["transactions"]["found"]}
    assert (found["t-a"]["decision"], found["t-a"]["has_case"]) == ("approve", False)
    assert (found["t-b"]["decision"], found["t-b"]["has_case"]) == ("review", True)


def test_a_period_restricts_what_is_found(recorder: Recorder, vera: Browser) -> None:
    # given a card's payment of yesterday, and one of now at another merchant
    now = now_ms()
    old = payment(1, transaction_id="old", card_id="c", merchant_id="then", timestamp=now - 24 * HOUR_MS)
    new = payment(2, transaction_id="new", card_id="c", merchant_id="now", timestamp=now - 1_000)
    store(recorder, old, new)
    # when only the last hour is searched, without a text
    last_hour = search(vera, since=now - HOUR_MS)
    assert ids(last_hour, "transactions") == ["new"]
    # then a merchant of before has no match, and the end of a period is excluded
    assert ids(search(vera, "then", since=now - HOUR_MS), "merchants") == []
    assert ids(search(vera, "c", since=now - HOUR_MS), "cards") == ["c"]
    assert ids(search(vera, since=old.timestamp, until=old.timestamp), "transactions") == []
    assert ids(search(vera, "ol", until=old.timestamp + 1), "transactions") == ["old"]


def test_many_matches_are_bounded_and_the_whole_id_is_first(recorder: Recorder, vera: Browser) -> None:
    many = [payment(n, transaction_id=f"x{n}", card_id=f"x{n}", merchant_id=f"x{n}") for n in range(60)]
    store(recorder, *many)
    answer = search(vera, "x")
    for kind in ("cards", "merchants", "transactions"):
        assert (len(answer[kind]["found"]), answer[kind]["more"]) == (MOST_FOUND, True), kind
    for kind in ("cards", "merchants", "transactions"):
        assert ids(search(vera, "x5"), kind)[0] == "x5", kind


def test_the_search_takes_a_session_its_token_and_a_short_text(vera: Browser) -> None:
    assert vera.client.post("/api/search", json={"text": "x"}).status_code == 403
    assert vera.post("search", {"text": "x" * 65}).status_code == 422
    assert vera.post("search", {"text": "\0"}).status_code == 200
    assert vera.client.get("/api/search", params={"text": "4111"}).status_code in (404, 405)


def test_a_user_who_searches_too_often_waits(
    offline_dashboard: DashboardServer, vera: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = offline_dashboard.context.limits.searches_by_user
    monkeypatch.setattr(limit, "take", lambda name: name != "vera")
    answer = vera.post("search", {"text": "x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
