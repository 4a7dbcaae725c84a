"""Decisions over HTTP, on a real broker with a real engine."""

import concurrent.futures
from typing import Any

import pytest

from fraud.settings import Settings
from tests.serving.gateway.support import GatewayServer, payment, run_gateway
from tests.serving.world import predictions, read_all, register, running, send, tiny_bundle, wait_for

pytestmark = pytest.mark.broker


def test_every_payment_is_answered_with_its_committed_decision(
    gateway: GatewayServer, scoring: Settings
) -> None:
    # given
    payments = [payment(number) for number in range(40)]
    # when they are sent at once
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [one.json() for one in pool.map(gateway.decide, payments)]
    # then each has the decision of the log
    committed = {one.transaction_id: one for one in wait_for(lambda: _all(scoring, len(payments)))}
    assert {one["status"] for one in answers} == {"decided"}
    for one in answers:
        found = committed[one["transaction_id"]]
        assert (one["outcome"], one["probability"]) == (found.decision, found.score)
        assert one["model_version"] == found.model_version
    wait_for(lambda: gateway.record("t1").json()["state"] == "committed")
    assert gateway.events() == []


def test_a_repeated_request_gets_the_first_answer_and_is_not_sent_again(
    gateway: GatewayServer, scoring: Settings
) -> None:
    # given a payment that is decided
    sent = payment(1)
    first = gateway.decide(sent)
    # when it is repeated, and its id is used for another amount
    again, other = gateway.decide(sent), gateway.decide(sent | {"amount": "1.23"})
    # then
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["error"]["field"]) == (409, "transaction_id")
    assert len(read_all(scoring, scoring.topics.transactions)) == 1


def test_after_a_restart_a_repeated_request_gets_the_decision_of_the_log(
    gateway_settings: Settings, scoring: Settings
) -> None:
    # given a decided payment, a gateway that ended, and a payment that another program sent
    sent, foreign = payment(1), payment(2)
    with run_gateway(gateway_settings) as gateway:
        first = gateway.decide(sent).json()
    send(scoring, [foreign])
    wait_for(lambda: _all(scoring, 2))
    # when another gateway is asked
    with run_gateway(gateway_settings) as gateway:
        again, other = gateway.decide(sent), gateway.decide(foreign)
        changed = gateway.decide(sent | {"amount": "1.23"})
    # then
    assert again.json() == first
    assert other.json()["status"] == "decided"
    assert changed.status_code == 409
    assert len(read_all(scoring, scoring.topics.transactions)) == 2


def test_past_the_deadline_the_fallback_is_answered_recorded_and_stays_the_answer(
    gateway: GatewayServer,
) -> None:
    # given no engine
    settings, sent = gateway.settings, payment(1)
    # when
    answer, again = gateway.decide(sent, 50).json(), gateway.decide(sent, 50).json()
    # then the fallback is recorded once
    assert (answer["status"], answer["outcome"]) == ("fallback", "approve")
    assert again == answer
    assert [one.kind for one in wait_for(gateway.events)] == ["fallback"]
    # and when the engine starts, the late decision is kept and recorded too
    register(settings, tiny_bundle(settings))
    with running(settings):
        record = wait_for(lambda: _committed(gateway, "t1"), 60)
    assert record["answer"] == answer
    assert record["decision"]["status"] == "decided"
    assert [one.kind for one in wait_for(lambda: _several(gateway))] == ["fallback", "late"]
    assert gateway.decide(sent, 50).json() == answer


def test_another_gateway_knows_a_fallback(gateway: GatewayServer, gateway_settings: Settings) -> None:
    # given a fallback, and another gateway that starts later
    sent = payment(1)
    answer = gateway.decide(sent, 50).json()
    wait_for(gateway.events)
    # when it is asked
    with run_gateway(gateway_settings) as other:
        again = other.decide(sent, 50).json()
        # then
        assert again == answer
        assert len(other.events()) == 1


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"amount": "12.345"}, 422, "amount"),
        ({"amount": None}, 422, "amount"),
        ({"card_id": 7}, 422, "card_id"),
        ({"currency": "euros"}, 422, "currency"),
        ({"timestamp": 1_700_000_000}, 422, "timestamp"),
        ({"timestamp": 4_102_444_800_000}, 422, "timestamp"),
    ],
)
def test_what_is_no_payment_is_refused_with_field_and_reason(
    gateway: GatewayServer, change: dict[str, Any], status: int, field: str
) -> None:
    sent = {name: value for name, value in (payment(1) | change).items() if value is not None}
    answer = gateway.decide(sent)
    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field), answer.text
    assert read_all(gateway.settings, gateway.settings.topics.transactions) == []


def test_what_only_the_engine_can_refuse_is_answered_with_its_reason(
    gateway: GatewayServer, scoring: Settings
) -> None:
    # given a payment of now, whose id another payment takes that the gateway does not know
    sent = payment(1)
    send(scoring, [sent])
    wait_for(lambda: _all(scoring, 1))
    gateway.context.index.forget(gateway.context.index.find("t1")[0])
    # when
    answer = gateway.decide(sent | {"amount": "1.23"})
    # then
    assert answer.status_code == 409, answer.text


def test_a_deadline_is_a_number_of_milliseconds(gateway: GatewayServer) -> None:
    for text in ("0", "-5", "1e3", "60001", "soon", "9" * 400):
        answer = gateway.request("POST", "/v1/decisions", json=payment(1), headers={"X-Deadline-Ms": text})
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, "X-Deadline-Ms"), text


def test_of_payments_of_two_cards_under_one_id_the_card_says_which(gateway: GatewayServer) -> None:
    # given
    for card in ("card-1", "card-2"):
        gateway.decide(payment(1, card_id=card), 20)
    # then
    assert gateway.record("t1").status_code == 409
    assert gateway.record("t1", card_id="card-2").json()["card_id"] == "card-2"
    assert gateway.record("nothing").status_code == 404


def _all(settings: Settings, count: int) -> list[Any]:
    found = predictions(settings)
    return found if len(found) >= count else []


def _several(gateway: GatewayServer) -> list[Any]:
    found = sorted(gateway.events(), key=lambda one: one.at)
    return found if len(found) > 1 else []


def _committed(gateway: GatewayServer, transaction_id: str) -> Any:
    record = gateway.record(transaction_id).json()
    return record if record["state"] == "committed" else None
