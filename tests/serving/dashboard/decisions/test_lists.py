"""Entries of lists through the API, also from a case."""

from types import SimpleNamespace
from typing import Any, cast

from fraud.decisions.policy import PolicyList
from serving.dashboard.api.lists import subject_of, value_of
from tests.serving.dashboard.decisions.policies import ACME, make_live, wait_until_read
from tests.serving.dashboard.support import DashboardServer, produce_alert, wait_for

CASE = {"transaction_id": "t1"}


def test_an_entry_is_added_found_and_removed(dashboard: DashboardServer) -> None:
    # given the lists of the default policy
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    # when a card is blocked for a week
    request = {"value": "card-1", "reason": "stolen", "days": 7}
    assert anna.post("lists/blocked_cards/entries", request).status_code == 201
    # then the list has it, with who, why and until when
    answer = anna.get("lists/blocked_cards/entries", text="STOL").json()
    (entry,) = answer["entries"]
    assert (entry["value"], entry["author"], entry["reason"]) == ("card-1", "anna", "stolen")
    assert answer["found"] == 1
    assert entry["expires"] - entry["at"] == 7 * 86_400_000
    overview = {one["name"]: one for one in anna.get("lists").json()["lists"]}
    assert overview["blocked_cards"]["entries"] == 1
    # and when it is removed, it has it no longer
    assert anna.post("lists/blocked_cards/removals", {"value": "card-1"}).status_code == 200
    assert anna.get("lists/blocked_cards/entries").json() == {"entries": [], "found": 0}
    assert anna.post("lists/blocked_cards/removals", {"value": "card-1"}).status_code == 404


def test_the_audit_has_a_cards_reference_and_not_its_number(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    anna.post("lists/blocked_cards/entries", {"value": "card-1", "reason": "stolen"})
    anna.post("lists/blocked_merchants/entries", {"value": "merchant-1", "reason": "no such shop"})
    entries = [
        one for one in dashboard.shared.get("audit").json()["entries"] if one["action"] == "list entry"
    ]
    merchant, card = entries
    assert card["detail"] == {"reason": "stolen", "card_ref": dashboard.context.store.card_ref("card-1")}
    assert merchant["detail"] == {"reason": "no such shop", "value": "merchant-1"}
    assert (card["who"], card["subject"]) == ("anna", "blocked_cards")


def test_a_list_that_the_live_policy_does_not_have_takes_no_entry(dashboard: DashboardServer) -> None:
    make_live(dashboard, ACME.replace("blocked_merchants", "bad_shops"))
    answer = dashboard.shared.post(
        "lists/blocked_merchants/entries", {"value": "m", "reason": "no such shop"}
    )
    assert (answer.status_code, "no effect" in answer.text) == (404, True)


def test_a_value_that_no_payment_has_is_refused(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    request = {"value": "card-1 ", "reason": "stolen"}
    answer = dashboard.shared.post("lists/blocked_cards/entries", request)
    assert (answer.status_code, "blanks" in answer.text) == (409, True)


def test_a_case_shows_the_lists_of_its_payment(dashboard: DashboardServer) -> None:
    # given an alert under the default policy
    produce_alert(dashboard.settings, 1, card_id="card-1", merchant_id="merchant-1")
    anna = dashboard.browser("anna")
    wait_for(lambda: [one for one in anna.alerts() if one["merchant_id"]])
    wait_until_read(dashboard)
    # then its card and merchant can be put on four lists
    found = {one["list"]: one for one in anna.get("case/lists", **CASE).json()["lists"]}
    assert {name: (one["value"], one["outcome"], one["label"]) for name, one in found.items()} == {
        "trusted_cards": ("card-1", "approve", "card"),
        "trusted_merchants": ("merchant-1", "approve", "merchant"),
        "blocked_cards": ("card-1", "decline", "card"),
        "blocked_merchants": ("merchant-1", "decline", "merchant"),
    }
    # and an entry that was made from it is shown with it
    request = {"value": "card-1", "reason": "stolen", "transaction_id": "t1"}
    assert anna.post("lists/blocked_cards/entries", request).status_code == 201
    found = {one["list"]: one["entry"] for one in anna.get("case/lists", **CASE).json()["lists"]}
    assert found["blocked_cards"]["reason"] == "stolen"
    assert found["trusted_cards"] is None


def test_without_kafka_an_entry_is_refused(offline_dashboard: DashboardServer) -> None:
    answer = offline_dashboard.shared.post("lists/blocked_cards/entries", {"value": "c", "reason": "stolen"})
    assert answer.status_code == 503


def test_a_declared_field_is_not_what_else_is_known_of_an_alert() -> None:
    # given a payment whose customer segment is called as the policy's segment
    alert = {"card_id": "card-1", "segment": "default", "note": "seen", "fields": {"segment": "gold"}}
    # then a list of a field gets the payment's own value, and none where it has none
    assert [value_of(alert, one) for one in ("card_id", "segment", "note")] == ["card-1", "gold", None]


def test_the_audit_has_no_value_of_a_list_whose_field_is_unknown() -> None:
    context = cast(Any, SimpleNamespace(store=SimpleNamespace(card_ref=lambda value: f"ref of {value}")))
    assert subject_of(context, None, "c") == {"card_ref": "ref of c"}
    merchants = PolicyList("blocked_merchants", "merchant_id", "decline", "")
    assert subject_of(context, merchants, "m") == {"value": "m"}
