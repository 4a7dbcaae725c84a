"""Two cards that use one transaction id are two payments, in the store, the API and the links."""

import pytest
from sqlalchemy import ColumnElement, tuple_

from fraud.schema import Label
from serving.dashboard.api.alert_rows import ALERTS
from serving.dashboard.feed.payment_key import PaymentKey, card_ref
from serving.dashboard.feed.recorder import Batch, Recorder
from serving.dashboard.feed.tables import alerts
from tests.definitions import V1Transaction
from tests.serving.dashboard.feed.writing import recorder_for, rows_of, value_of
from tests.serving.dashboard.support import DashboardServer, now_ms, payment, prediction_for, review_request

FIRST = payment(1, transaction_id="t1", card_id="card-a", merchant_id="baker")
SECOND = payment(2, transaction_id="t1", card_id="card-b", merchant_id="jeweller")


@pytest.fixture
def recorder(offline_dashboard: DashboardServer) -> Recorder:
    return recorder_for(offline_dashboard)


@pytest.fixture
def refs(offline_dashboard: DashboardServer, recorder: Recorder) -> dict[str, str]:
    """Both payments are alerts; gives each card's reference."""
    recorder.write(Batch([FIRST, SECOND], [prediction_for(FIRST, 0.7), prediction_for(SECOND, 0.9)]))
    return {one["card_id"]: one["card_ref"] for one in offline_dashboard.browser("vera").alerts()}


@pytest.mark.parametrize("separately", [False, True])
def test_each_cards_alert_has_its_own_score_and_merchant(
    offline_dashboard: DashboardServer, recorder: Recorder, separately: bool
) -> None:
    # given predictions of both, then their transactions, in one batch or in several
    answers = [prediction_for(FIRST, 0.7), prediction_for(SECOND, 0.9)]
    batches = [Batch(predictions=answers), Batch([FIRST, SECOND])]
    if separately:
        batches = [Batch(predictions=[one]) for one in answers] + [Batch([one]) for one in (SECOND, FIRST)]
    changed = [key for batch in batches for key in recorder.write(batch)]
    # then nothing of one is with the other
    found = offline_dashboard.browser("vera").alerts()
    assert {(one["card_id"], one["score"], one["merchant_id"], one["amount"]) for one in found} == {
        ("card-a", 0.7, "baker", 1_100),
        ("card-b", 0.9, "jeweller", 1_200),
    }
    assert set(changed) == {PaymentKey("t1", "card-a"), PaymentKey("t1", "card-b")}


def test_an_unflagged_payment_keeps_its_score_beside_a_flagged_one_of_its_id(
    offline_dashboard: DashboardServer, recorder: Recorder
) -> None:
    recorder.write(Batch([FIRST, SECOND], [prediction_for(FIRST, 0.1)]))
    recorder.write(Batch(predictions=[prediction_for(SECOND, 0.9)]))
    rows = rows_of(offline_dashboard.context.store, "SELECT card_id, score, flagged FROM payments")
    assert {(row["card_id"], row["score"], row["flagged"]) for row in rows} == {
        ("card-a", 0.1, 0),
        ("card-b", 0.9, 1),
    }
    assert offline_dashboard.browser("vera").get("live").json()["whole"]["scored"] == 2


def test_a_label_is_of_the_card_that_it_names(
    offline_dashboard: DashboardServer, recorder: Recorder, refs: dict[str, str]
) -> None:
    # when one of the cards' payments is reported, and one of a third card
    recorder.write(
        Batch(
            labels=[Label("t1", card, is_fraud=True, reported_at=now_ms()) for card in ("card-b", "card-c")]
        )
    )
    # then the other's stays open, in the feed, the case and the figures
    browser = offline_dashboard.browser("vera")
    assert {one["card_id"]: one["is_fraud"] for one in browser.alerts()} == {"card-a": None, "card-b": 1}
    for card, is_fraud in (("card-a", None), ("card-b", 1)):
        case = browser.get("case", transaction_id="t1", card_ref=refs[card]).json()
        assert [(one["card_id"], one["is_fraud"]) for one in case["payments"]] == [(card, is_fraud)]
    figures = offline_dashboard.context.updates.figures()["review"]
    assert (figures["alerts"], figures["open"], figures["fraud"]) == (2, 1, 1)


def test_an_id_of_several_cards_names_none_of_them(
    offline_dashboard: DashboardServer, refs: dict[str, str]
) -> None:
    # given two alerts of one id
    browser = offline_dashboard.browser("anna")
    # when a request names the id alone
    answers = [browser.get("case", transaction_id="t1"), browser.review("t1", "fraud")]
    # then it is asked which, and nothing was decided
    assert [answer.status_code for answer in answers] == [409, 409]
    assert all("several cards" in answer.json()["detail"] for answer in answers)
    assert browser.alerts(state="reviewed") == []
    # and with a card that has none of that id there is no such alert
    other = card_ref(b"another store", "card-a")
    assert browser.get("case", transaction_id="t1", card_ref=other).status_code == 404
    assert browser.get("case", transaction_id="t1", card_ref="card-a").status_code == 422


def test_a_review_is_of_the_card_that_was_open(
    offline_dashboard: DashboardServer, refs: dict[str, str]
) -> None:
    # when an analyst reviews the second card's payment
    browser = offline_dashboard.browser("anna")
    body = review_request("t1", "fraud", "stolen") | {"card_ref": refs["card-b"]}
    answer = browser.post("reviews", body)
    # then only that one is reviewed, and the label that waits for Kafka names its card
    assert (answer.status_code, answer.json()["alert"]["card_id"]) == (201, "card-b")
    assert [one["card_id"] for one in browser.alerts(state="reviewed")] == ["card-b"]
    assert [one["card_id"] for one in browser.alerts(state="open")] == ["card-a"]
    assert browser.get("case", transaction_id="t1", card_ref=refs["card-a"]).json()["reviews"] == []
    query = "SELECT card_id FROM reviews WHERE pending = 1"
    assert value_of(offline_dashboard.context.store, query) == "card-b"
    # and the audit says which without the card's number
    (entry,) = (
        one
        for one in offline_dashboard.browser("adam").get("audit").json()["entries"]
        if one["action"] == "review"
    )
    assert entry["detail"]["card_ref"] == refs["card-b"]
    assert "card-b" not in str(entry)


def test_an_id_of_one_card_is_enough(offline_dashboard: DashboardServer, recorder: Recorder) -> None:
    other = V1Transaction(
        transaction_id="t2", card_id=FIRST.card_id, merchant_id="baker", amount=FIRST.amount,
        currency="EUR", timestamp=FIRST.timestamp,
    )  # fmt: skip
    recorder.write(Batch([other], [prediction_for(other)]))
    assert offline_dashboard.browser("vera").get("case", transaction_id="t2").status_code == 200


def test_what_stands_for_a_card_is_another_in_each_store(refs: dict[str, str]) -> None:
    assert len(set(refs.values())) == 2
    assert refs["card-a"] not in (card_ref(b"", "card-a"), card_ref(b"x", "card-a"))


# The plan of a small table of PostgreSQL says nothing.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "condition",
    [
        tuple_(alerts.c.transaction_id, alerts.c.card_id).in_([("t", "c")]),
        alerts.c.transaction_id == "t",
        alerts.c.card_ref == "r",
    ],
)
def test_the_alerts_of_keys_are_found_by_an_index(
    offline_dashboard: DashboardServer, condition: ColumnElement[bool]
) -> None:
    with offline_dashboard.context.store.reading() as connection:
        query = ALERTS.where(condition).compile(connection, compile_kwargs={"literal_binds": True})
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    assert not [step for step in steps if step in ("SCAN alerts", "SCAN labels", "SCAN reviews")]
