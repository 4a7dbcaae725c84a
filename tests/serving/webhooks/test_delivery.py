"""Delivery of one event: signed, tried again, given up."""

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fraud.settings import WebhookEndpoint, WebhookSettings
from serving.webhooks.delivery import InterruptedDeliveryError, WebhookSender
from serving.webhooks.events import WebhookEvent, WebhookPrediction, event_of
from serving.webhooks.metrics import WebhookMetrics
from serving.webhooks.signing import new_secret, signed_headers
from tests.serving.webhooks.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the example of Standard Webhooks
EVENT = WebhookEvent("decision_1", b'{"type":"decision.decline"}')


def a_prediction(**changes: Any) -> WebhookPrediction:
    values: dict[str, Any] = {
        "transaction_id": "t1", "card_id": "c1", "timestamp": 1_700_000_000_000, "amount": 1999,
        "currency": "EUR", "score": 0.97, "decision": "decline", "scored_at": 1_700_000_000_250,
        "model_version": "3",
    }  # fmt: skip
    return WebhookPrediction(**(values | changes))


class Waits:
    """Records how long is waited; after `most` waits the program is stopped."""

    def __init__(self, most: int = 100) -> None:
        self.seconds: list[float] = []
        self._most = most

    def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) >= self._most


def sender(receiver: Receiver, waits: Waits, former: str | None = None, **settings: Any) -> WebhookSender:
    endpoint = WebhookEndpoint.model_validate(
        {"url": receiver.url, "secret": SECRET, "former_secret": former}
    )
    return WebhookSender("orders", endpoint, WebhookSettings(**settings), WebhookMetrics(), waits)


def test_signatures_are_those_of_the_specification() -> None:
    # given the specification's example
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}', [key])
    # then the signature is the one that its libraries compute
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_event_is_sent_with_signatures_of_both_secrets() -> None:
    # given an endpoint whose secret is being replaced
    former = new_secret()
    with receiving() as receiver:
        # when an event is delivered
        assert sender(receiver, Waits(), former).deliver(EVENT) is None
    # then it came once, with a signature for each secret over id, time and body
    ((headers, body),) = receiver.requests
    signed = b".".join((EVENT.id.encode(), headers["webhook-timestamp"].encode(), body))
    expected = [
        base64.b64encode(hmac.new(base64.b64decode(key[6:]), signed, hashlib.sha256).digest()).decode()
        for key in (SECRET, former)
    ]
    assert headers["webhook-signature"] == " ".join(f"v1,{one}" for one in expected)
    assert (headers["webhook-id"], body) == (EVENT.id, EVENT.body)
    assert headers["content-type"] == "application/json"


def test_a_failure_is_tried_again_with_growing_pauses_under_the_same_id() -> None:
    # given an endpoint that fails four times
    waits = Waits()
    with receiving(*[(503, {})] * 4) as receiver:
        # when an event is delivered
        assert sender(receiver, waits).deliver(EVENT) is None
    # then it is sent five times, and each pause is within twice the one before
    assert receiver.ids == [EVENT.id] * 5
    bounds = [2.0**number for number in range(4)]
    assert all(high / 10 <= one <= high for one, high in zip(waits.seconds, bounds, strict=True))


def test_the_endpoint_may_ask_for_a_longer_pause() -> None:
    waits = Waits()
    with receiving((429, {"Retry-After": "30"}), (503, {"Retry-After": "999999"})) as receiver:
        sender(receiver, waits).deliver(EVENT)
    assert waits.seconds == [30.0, 300.0]


def test_a_redirection_is_a_failure_and_is_not_followed() -> None:
    # given an endpoint that redirects elsewhere
    with receiving() as elsewhere, receiving((307, {"Location": elsewhere.url})) as receiver:
        # when it is asked once
        result = sender(receiver, Waits()).attempt(EVENT)
    # then nothing reached the other address
    assert result.problem == "HTTP 307"
    assert elsewhere.requests == []


@pytest.mark.parametrize("address", ["http://[::1/", "http://\xe9:0x/"])
def test_a_redirection_to_no_address_is_a_failure_like_others(address: str) -> None:
    with receiving((302, {"Location": address})) as receiver:
        result = sender(receiver, Waits()).attempt(EVENT)
    assert result.problem == "HTTP 302"


def test_of_a_redirection_no_body_is_read() -> None:
    # given an endpoint that redirects with a body of many MB
    with endless_redirection() as (url, sent):
        # when it is asked once
        receiver = Receiver(url=url)
        assert sender(receiver, Waits()).attempt(EVENT).problem == "HTTP 302"
    # then it could not send more than buffers hold
    assert sum(sent) < 50 << 20


@contextmanager
def endless_redirection() -> Iterator[tuple[str, list[int]]]:
    """The address of an endpoint, and the sizes of what it could send of 100 MB."""
    listener, sent = socket.create_server(("127.0.0.1", 0)), list[int]()

    def answer() -> None:
        client, _ = listener.accept()
        with client, suppress(OSError):
            client.recv(65_536)
            client.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 104857600\r\n\r\n")
            for _ in range(100):
                client.sendall(b" " * (1 << 20))
                sent.append(1 << 20)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", sent
        thread.join(30)


def test_what_is_not_taken_in_time_is_given_up_with_the_reason() -> None:
    with receiving(*[(500, {})] * 5) as receiver:
        problem = sender(receiver, Waits(), give_up_after=timedelta()).deliver(EVENT)
    assert problem == "webhook 'orders' was not taken in 1 attempts: HTTP 500"


def test_an_endpoint_that_is_away_is_named_without_its_address() -> None:
    with receiving() as receiver:
        gone = sender(receiver, Waits(), give_up_after=timedelta())
    problem = gone.deliver(EVENT)
    assert problem is not None
    assert "ConnectionError" in problem
    assert "127.0.0.1" not in problem


def test_stopping_ends_the_waiting() -> None:
    with receiving((503, {})) as receiver, pytest.raises(InterruptedDeliveryError):
        sender(receiver, Waits(most=1)).deliver(EVENT)


def test_an_event_names_the_decision_and_keeps_its_id() -> None:
    # given a decision of a rule
    event = event_of(a_prediction(rules=["fast@2"], decided_by="rule fast", policy="7"))
    # then it has type, times, the amount in whole units, and nothing that is absent
    content = msgspec.json.decode(event.body)
    assert content["type"] == "decision.decline"
    assert content["timestamp"] == "2023-11-14T22:13:20.250Z"
    assert content["data"]["amount"] == "19.99"
    assert content["data"]["decided_by"] == "rule fast"
    assert "lists" not in content["data"]
    # and a second decision on the payment has its id, one on another payment has not
    assert event_of(a_prediction(score=0.5, scored_at=5)).id == event.id
    assert event_of(a_prediction(card_id="c", transaction_id="1t1")).id != event.id


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"url": "http://example.com/hook"}, "must be https"),
        ({"url": "ftp://example.com/hook"}, "https address"),
        ({"url": "file:///etc/passwd"}, "https address"),
        ({"url": "https://user:pass@example.com/hook"}, "no user, password or fragment"),
        ({"secret": "whsec_short"}, "whsec_ and 24 to 64 bytes"),
        ({"secret": "whsec_" + base64.b64encode(b"x" * 23).decode()}, "whsec_ and 24 to 64 bytes"),
        ({"former_secret": "whsec_***"}, "whsec_ and 24 to 64 bytes"),
        ({"outcomes": ["refuse"]}, "outcomes"),
    ],
)
def test_an_unsafe_endpoint_is_refused_without_repeating_its_secret(
    changes: dict[str, Any], text: str
) -> None:
    given = {"url": "https://example.com/hook", "secret": SECRET} | changes
    with pytest.raises(ValueError, match=text) as refused:
        WebhookEndpoint.model_validate(given)
    assert SECRET not in str(refused.value)


def test_a_new_secret_fits() -> None:
    endpoint = WebhookEndpoint.model_validate({"url": "https://example.com/hook", "secret": new_secret()})
    assert len(endpoint.signing_keys[0]) == 32
    assert "whsec_" not in repr(endpoint)
