"""Card numbers at the gateway: replaced before Kafka, found again by the clear number."""

import json
from typing import Any

import msgspec
import pytest

from fraud.kafka.topics import create_topics
from fraud.schema import Label
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.cards.made import AMEX, KEY, KEYS, OTHER_KEY, VISA
from tests.serving.gateway.conftest import GATEWAY
from tests.serving.gateway.support import GatewayServer, payment, run_gateway
from tests.serving.world import BASE_MS, read_all

LABEL: dict[str, Any] = {"transaction_id": "t1", "card_id": VISA, "is_fraud": True, "reported_at": BASE_MS}


@pytest.fixture
def with_keys(make_settings: SettingsFactory, broker: str) -> Settings:
    """Settings with a key and a former one."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 1, "retention_days": -1},
        cards={"key": OTHER_KEY, "previous_keys": KEY},
        gateway=GATEWAY,
    )
    create_topics(made)
    return made


@pytest.mark.broker
def test_a_payment_is_sent_and_answered_under_pseudonyms_and_found_by_its_number(with_keys: Settings) -> None:
    with run_gateway(with_keys) as gateway:
        # when a payment has numbers in its card, its id and what nobody declared
        sent = payment(1, card_id="4111 1111 1111 1111", transaction_id=AMEX) | {"raw": {"pan": int(VISA)}}
        answer = gateway.decide(sent, deadline_ms=1)

        # then Kafka has pseudonyms, under the card's as key, and everything else as it was
        keys = with_keys.card_keys
        assert keys is not None
        card, name = keys.pseudonym(VISA), keys.pseudonym(AMEX)
        (message,) = read_all(with_keys, with_keys.topics.transactions)
        assert json.loads(message.value()) == sent | {
            "card_id": card,
            "transaction_id": name,
            "raw": {"pan": card},
        }
        assert message.key() == card.encode()
        assert (answer.json()["card_id"], answer.json()["transaction_id"]) == (card, name)

        # and it is found by its numbers and by its pseudonyms, and is the same payment again
        for asked in (AMEX, name):
            assert gateway.record(asked, card_id=VISA).json()["card_id"] == card
        assert gateway.record("t9").status_code == 404
        assert gateway.decide(sent, deadline_ms=1).headers["Idempotent-Replayed"] == "true"


@pytest.mark.broker
def test_a_label_names_its_payment_under_every_key(with_keys: Settings) -> None:
    with run_gateway(with_keys) as gateway:
        # when a label comes long after its payment, whose key has changed meanwhile
        answer = gateway.request("POST", "/v1/reviews", json=LABEL)

        # then there is one under each pseudonym of the card, and the newest is answered
        keys = with_keys.card_keys
        assert keys is not None
        names = [keys.pseudonym(VISA), KEYS.pseudonym(VISA)]
        found = [
            msgspec.json.decode(one.value(), type=Label)
            for one in read_all(with_keys, with_keys.topics.labels)
        ]
        assert [one.card_id for one in found] == names
        assert (answer.status_code, answer.json()["card_id"]) == (201, names[0])


@pytest.mark.parametrize(("path", "body"), [("decisions", payment(1, card_id=VISA)), ("reviews", LABEL)])
def test_without_a_key_a_number_is_refused_and_not_repeated(
    offline_gateway: GatewayServer, path: str, body: dict[str, Any]
) -> None:
    answer = offline_gateway.request("POST", f"/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "card_id")
    assert "holds a card number" in answer.text
    assert VISA not in answer.text
