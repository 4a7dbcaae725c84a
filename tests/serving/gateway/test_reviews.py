"""Labels over HTTP."""

from typing import Any

import msgspec
import pytest

from fraud.schema import Label
from tests.serving.gateway.support import GatewayServer
from tests.serving.world import BASE_MS, read_all

LABEL: dict[str, Any] = {
    "transaction_id": "t1", "card_id": "card-1", "is_fraud": True, "reported_at": BASE_MS,
    "source": "customer",
}  # fmt: skip


@pytest.mark.broker
def test_a_review_is_a_label_on_the_topic(gateway: GatewayServer) -> None:
    # when
    answer = gateway.request("POST", "/v1/reviews", json=LABEL)
    # then Kafka has it, under its card, at the moment of the report, with the caller's name
    assert (answer.status_code, answer.json()) == (201, LABEL)
    (found,) = read_all(gateway.settings, gateway.settings.topics.labels)
    assert msgspec.json.decode(found.value(), type=Label) == Label(**LABEL)
    assert (found.key(), found.timestamp()[1]) == (b"card-1", BASE_MS)
    assert dict(found.headers()) == {"analyst": b"tests-0"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"is_fraud": "yes"}, "is_fraud"),
        ({"source": "rumour"}, "source"),
        ({"reported_at": -1}, "reported_at"),
    ],
)
def test_what_is_no_label_is_refused(
    offline_gateway: GatewayServer, change: dict[str, Any], field: str
) -> None:
    answer = offline_gateway.request("POST", "/v1/reviews", json=LABEL | change)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_a_missing_member_is_named(offline_gateway: GatewayServer) -> None:
    sent = {name: value for name, value in LABEL.items() if name != "card_id"}
    answer = offline_gateway.request("POST", "/v1/reviews", json=sent)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "card_id")
