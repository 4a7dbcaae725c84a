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
    head = b"GET /live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = ask(port, head + b"5\r\nhello\r\nGET /metrics HTTP/1.1\r\n\r\n")
    # then there is one answer
    assert answer.count(b"HTTP/1.") == 1
    assert b" 200 " in answer.splitlines()[0]


def test_one_that_never_ends_its_request_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._HealthHandler, "timeout", 0.2)
    begun = time.monotonic()
    assert ask(port, b"GET /live HTTP/1.1\r\nHost:") == b""
    assert time.monotonic() - begun < 10
