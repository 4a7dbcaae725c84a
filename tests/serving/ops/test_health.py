"""What the engine's status server answers to those who do not ask as probes do."""

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from serving.ops import health
from serving.ops.health import HealthServer


@pytest.fixture
def port() -> Iterator[int]:
    engine: Any = SimpleNamespace(
        heartbeat=time.monotonic(), status=lambda: SimpleNamespace(is_ready=True, text="scoring")
    )
    metrics: Any = SimpleNamespace(exposition=lambda: b"fraud_up 1\n")
    server = HealthServer("127.0.0.1", 0, engine, metrics)
    yield server.port
    server.close()


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(request)
        answer = b""
        while more := link.recv(65_536):
            answer += more
        return answer


MALFORMED = [
    b"GET /<b>mark</b> HTTP/1.1", b"MARK / HTTP/1.1", b"POST /mark HTTP/1.1", b"mark",
    b"GET mark mark HTTP/9", b"GET /mark HTTP/mark", b"GET /" + b"mark" * 20_000 + b" HTTP/1.1",
]  # fmt: skip


@pytest.mark.parametrize("request_line", MALFORMED)
def test_a_refusal_repeats_nothing(port: int, request_line: bytes) -> None:
    answer = ask(port, request_line + b"\r\n\r\n")
    assert b"mark" not in answer.lower()
    assert b"error" in answer


def test_a_body_is_not_read_whatever_its_encoding(port: int) -> None:
    # given a body without an end, behind which another request stands
    head = b"GET /live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = ask(port, head + b"5\r\nhello\r\nGET /metrics HTTP/1.1\r\n\r\n")
    # then there is one answer
    assert answer.count(b"HTTP/1.") == 1
    assert b" 200 " in answer.splitlines()[0]


@pytest.mark.parametrize(
    "host", [b"evil.example", b"localhost.evil.example", b"", b"169.254.169.254", b"127.0.0.1@evil.example"]
)
def test_a_page_of_another_site_reads_nothing_by_a_name_of_its_own(port: int, host: bytes) -> None:
    for path in (b"/metrics", b"/ready", b"/live"):
        answer = ask(port, b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert b" 421 " in answer.splitlines()[0]
        assert b"fraud_up" not in answer
    # and this machine's own names do
    for own in (b"localhost", b"127.0.0.1:8080", b"[::1]:8080"):
        request = b"GET /metrics HTTP/1.1\r\nHost: " + own + b"\r\nConnection: close\r\n\r\n"
        assert b"fraud_up" in ask(port, request)


def test_one_that_never_ends_its_request_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._HealthHandler, "timeout", 0.2)
    begun = time.monotonic()
    assert ask(port, b"GET /live HTTP/1.1\r\nHost:") == b""
    assert time.monotonic() - begun < 10
