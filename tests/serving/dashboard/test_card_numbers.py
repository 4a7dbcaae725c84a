"""Card numbers of an older history are masked on every page; an admin may see one, and the audit says so."""

from typing import Any

import pytest

from serving.dashboard.database.known_ids import cards
from serving.dashboard.feed.tables import alerts, payments
from tests.fraud.cards.made import VISA
from tests.serving.dashboard.support import DashboardServer, now_ms

MASKED = "411111******1111"


@pytest.fixture
def old_history(offline_dashboard: DashboardServer) -> str:
    """The reference of a card whose number an earlier version has stored."""
    context = offline_dashboard.context
    ref = context.store.card_ref(VISA)
    common: dict[str, Any] = {
        "transaction_id": "t1", "card_id": VISA, "card_ref": ref, "merchant_id": "m", "timestamp": now_ms(),
        "amount": 1_000, "currency": "EUR", "reasons": "[]", "fields": "{}",
    }  # fmt: skip
    with context.store.write_transaction() as connection:
        connection.execute(cards.insert().values(card_ref=ref, card_id=VISA))
        for table in (payments, alerts):
            known = {name: value for name, value in common.items() if name in table.c}
            needed = {
                one.name: 0 if one.type.python_type in (int, float) else "" for one in table.c
                if not one.nullable and one.server_default is None and not one.primary_key
            }  # fmt: skip
            connection.execute(table.insert().values(needed | known))
    return ref


def test_pages_and_exports_are_masked(offline_dashboard: DashboardServer, old_history: str) -> None:
    adam = offline_dashboard.browser("adam")
    answers = [
        adam.get(f"cards/{old_history}"), adam.get(f"cards/{old_history}/payments"),
        adam.post("search", {"text": VISA}), adam.post("search", {"text": "t1"}),
        adam.get("merchant", merchant_id="m"),
    ]  # fmt: skip
    for one in answers:
        assert one.status_code == 200, one.text
        assert VISA not in one.text
        assert MASKED in one.text


def test_an_admin_reveals_a_number_and_the_audit_has_who_and_why(
    offline_dashboard: DashboardServer, old_history: str
) -> None:
    # when an admin asks, with a reason that repeats the number
    adam = offline_dashboard.browser("adam")
    answer = adam.post("reveal", {"card_ref": old_history, "reason": f"dispute of {VISA}"})

    # then the number is answered, and the audit has the line without it
    assert answer.json() == {"card_id": VISA}
    (line,) = adam.get("audit", action="card revealed").json()["entries"]
    assert (line["who"], line["subject"]) == ("adam", old_history)
    assert line["detail"] == {"reason": f"dispute of {MASKED}", "found": True}


@pytest.mark.parametrize("name", ["anna", "vera"])
def test_nobody_else_may_reveal(offline_dashboard: DashboardServer, old_history: str, name: str) -> None:
    browser = offline_dashboard.browser(name)
    answer = browser.post("reveal", {"card_ref": old_history, "reason": "curious"})
    assert answer.status_code == 403
    assert VISA not in answer.text
    assert offline_dashboard.shared.get("audit", action="card revealed").json()["entries"] == []
    browser.csrf = ""
    assert browser.post("reveal", {"card_ref": old_history, "reason": "curious"}).status_code == 403


def test_what_is_not_stored_cannot_be_revealed_and_is_in_the_audit_too(
    offline_dashboard: DashboardServer,
) -> None:
    adam = offline_dashboard.browser("adam")
    assert adam.post("reveal", {"card_ref": "0" * 16, "reason": "a test"}).status_code == 404
    (line,) = adam.get("audit", action="card revealed").json()["entries"]
    assert line["detail"] == {"reason": "a test", "found": False}
