"""Clients that hang, flood, or say a false size; Kafka is away, which they need not know."""

import concurrent.futures
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.gateway.support import GatewayServer, payment, run_gateway
from tests.serving.world import wait_for

TIMEOUT_S = 1.0
"""Of `request_timeout_s`."""


@pytest.fixture
def strict_settings(make_settings: SettingsFactory) -> Settings:
    """Few requests at once, short times."""
    gateway = {
        "request_timeout_s": TIMEOUT_S, "max_in_flight": 4, "deadline_ms": 300, "allow_anonymous": True,
    }  # fmt: skip
    return make_settings(gateway=gateway)


@pytest.fixture
def strict(strict_settings: Settings) -> Iterator[GatewayServer]:
    """A gateway with these settings."""
    with run_gateway(strict_settings, wait=False) as one:
        yield one


def exchange(gateway: GatewayServer, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """What a client gets that sends these bytes, until the gateway closes the connection."""
    received = b""
    # A connection that is closed with bytes unread is reset.
    with (
        suppress(ConnectionResetError),
        socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as client,
    ):
        for part in parts:
            client.sendall(part)
            time.sleep(pause_s)
        while chunk := client.recv(65_536):
            received += chunk
    return received


def head(*lines: str, body: bytes = b"") -> bytes:
    fixed = ["POST /v1/decisions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*fixed, *lines, "", ""]).encode() + body


def status_of(response: bytes) -> int:
    return int(response.split(b" ", 2)[1]) if response else 0


@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/dec", head()[:-2], b"\r\n"], ids=["nothing", "a word", "half a head", "a line"]
)
def test_a_client_that_hangs_is_disconnected(strict: GatewayServer, sent: bytes) -> None:
    started = time.monotonic()
    assert status_of(exchange(strict, sent)) in (0, 400, 408)
    assert time.monotonic() - started < TIMEOUT_S + 4


def test_a_client_that_sends_headers_slowly_is_disconnected(strict: GatewayServer) -> None:
    started = time.monotonic()
    with pytest.raises((ConnectionError, TimeoutError)):
        exchange(strict, *(bytes([one]) for one in head("X-Long: " + "x" * 200)), pause_s=0.1)
    assert time.monotonic() - started < TIMEOUT_S + 4


def test_a_body_that_does_not_come_is_waited_for_no_longer(strict: GatewayServer) -> None:
    assert status_of(exchange(strict, head("Content-Length: 100", body=b'{"card'))) == 408


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Length: 70000"], b""),
        (["Content-Length: " + "9" * 300], b""),
        (["Transfer-Encoding: chunked"], b"fff0\r\n" + b"x" * 0xFFF0 + b"\r\n" + b"fff0\r\n" + b"x" * 0xFFF0),
    ],
    ids=["announced", "absurd", "chunked"],
)
def test_a_body_that_is_too_long_is_refused_as_it_arrives(
    strict: GatewayServer, lines: list[str], body: bytes
) -> None:
    assert status_of(exchange(strict, head(*lines, body=body))) in (0, 400, 413)
    assert strict.context.metrics.exposition().count(b'route="POST /v1/decisions",status="200"') == 0


def test_a_body_with_a_false_length_is_refused(strict: GatewayServer) -> None:
    # given more bytes than announced
    text = json.dumps(payment(1)).encode()
    lines = (f"Content-Length: {len(text) - 20}", "Connection: close")
    # then what was announced counts, and is no payment
    assert status_of(exchange(strict, head(*lines, body=text))) == 400


def test_headers_without_an_end_are_refused(strict: GatewayServer) -> None:
    assert status_of(exchange(strict, head("X-Long: " + "x" * 400_000)[:-4])) in (0, 400)


def test_a_body_that_says_it_is_something_else_is_refused(strict: GatewayServer) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"):
        answer = strict.request("POST", "/v1/decisions", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415, kind


def test_a_flood_is_answered_with_503_and_a_time_to_wait(strict: GatewayServer) -> None:
    # when many are sent at once, of which each waits for its deadline
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = [*pool.map(lambda number: strict.decide(payment(number), 300), range(48))]
    # then some were refused at once, the others got the fallback, and the gateway goes on
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 503}
    assert {one.headers["Retry-After"] for one in answers if one.status_code == 503} == {"1"}
    assert strict.decide(payment(99), 20).json()["status"] == "fallback"


def test_requests_for_one_payment_at_once_get_one_answer(strict: GatewayServer) -> None:
    sent = payment(1)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [one.json() for one in pool.map(lambda _: strict.decide(sent, 200), range(4))]
    assert [one["status"] for one in answers] == ["fallback"] * 4
    assert b'fraud_gateway_events_total{kind="fallback"} 1.0' in strict.context.metrics.exposition()


def test_when_the_producer_is_full_a_payment_is_refused_and_may_come_again(
    strict: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a producer that takes nothing
    def refuse(*_: object, **__: object) -> None:
        raise BufferError("queue full")

    full = SimpleNamespace(produce=refuse, poll=time.sleep)
    with monkeypatch.context() as patched:
        patched.setattr(strict.context.sender, "_producer", full)
        answer = strict.decide(payment(1), 20)
    # then
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert strict.record("t1").status_code == 404


@pytest.mark.parametrize("text", ["0000000001000000", "000000001" + "0" * 400, "000000001" + "0" * 5_000])
def test_a_deadline_with_zeros_before_it_is_not_longer_than_any_other(
    strict: GatewayServer, text: str
) -> None:
    body = json.dumps(payment(1)).encode()
    length = f"Content-Length: {len(body)}"
    response = exchange(strict, head(length, f"X-Deadline-Ms: {text}", "Connection: close", body=body))
    assert status_of(response) == 422


def test_a_client_that_leaves_within_its_body_is_no_failure(
    strict: GatewayServer, caplog: pytest.LogCaptureFixture
) -> None:
    # when a client leaves before its body has arrived
    with socket.create_connection(("127.0.0.1", strict.port), timeout=15) as client:
        client.sendall(head("Content-Length: 100", body=b"{"))
        time.sleep(0.2)
    wait_for(lambda: strict.request("GET", "/live").status_code == 200)
    time.sleep(0.3)
    # then the log has no traceback
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []
