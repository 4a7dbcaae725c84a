"""Requests that proxies and servers understand in different ways, and paths that lead out of a folder."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.security.attacks.raw import exchange, statuses

pytestmark = pytest.mark.security

SMUGGLED = b"GET /smuggled-request HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = b"0\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED + b"X",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED,
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 53\r\n\r\n" + SMUGGLED,
    "lengths in a list": HEAD + b"Content-Length: 0, 53\r\n\r\n" + SMUGGLED,
    "signed length": HEAD + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "length in hexadecimal": HEAD + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "length of other digits": HEAD + b"Content-Length: \xef\xbc\x90\r\n\r\n" + SMUGGLED,
    "unknown encoding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED + SMUGGLED,
    "two encodings": HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n" + CHUNKED + SMUGGLED,
    "encoding twice": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + CHUNKED + SMUGGLED,
    "space before the colon": HEAD + b"Content-Length : 53\r\n\r\n" + SMUGGLED,
    "tab before the value": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + CHUNKED + SMUGGLED,
    "zero byte": HEAD + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "negative chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
    "endless chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + SMUGGLED,
    "chunk size with a prefix": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + SMUGGLED,
    "chunk longer than said": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n" + SMUGGLED,
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "HTTP/2 by preface": b"PRI * HTTP/2.0\r\n\r\n",
    "space in the target": b"GET / / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}  # fmt: skip
"""Requests of which a proxy in front may see another number, or other ones."""


@pytest.mark.parametrize("request_bytes", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_nothing_after_it_is_read(
    port: int, request_bytes: bytes
) -> None:
    # when it arrives, with a second request behind it or in its body
    response = exchange(port, request_bytes)
    # then there is one refusal at most, and the connection is not used again
    answered = statuses(response)
    assert len(answered) <= 1, response
    assert all(code >= 400 for code in answered), response
    assert b"smuggled" not in response


PATHS = [
    "/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/..%252f..%252fetc/passwd", "/....//....//etc/passwd", "/..\\..\\..\\etc\\passwd",
    "/%5c..%5c..%5cetc%5cpasswd",
    "//etc/passwd", "/static/../../app.py", "/../app.py", "/%2e%2e/app.py", "/..%2fapp.py",
    "/..%c0%af..%c0%afetc/passwd",
    "/index.html%00.js", "/%00", "/.env", "/.git/config", "/web/package.json", "/app.css/../../app.py",
    "file:///etc/passwd", "http://evil.example/", "//evil.example/%2f..", "/%2f%2fevil.example",
    "/?file=../../etc/passwd",
    "/" + "a" * 60_000, "/%ff%fe", "/é", "*", "/v1/decisions/..%2f..%2fmetrics",
    "/v1/decisions/%2e%2e/%2e%2e/metrics",
]  # fmt: skip
SECRETS = (
    b"root:",
    b"import ",
    b"[core]",
    b"Traceback",
    b'"dependencies"',
    b"site-packages",
    b"/work",
    b"python",
)


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_no_path_leads_out_of_what_is_served(port: int, path: str) -> None:
    response = exchange(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    page = response.partition(b"\r\n\r\n")[2]
    # The page itself may come; no other file, no redirect to elsewhere, no failure.
    assert all(code in (200, 307, 400, 401, 404, 405, 414, 421, 431) for code in statuses(response)), (
        response[:300]
    )
    assert not [secret for secret in SECRETS if secret in page], page[:300]
    for line in response.partition(b"\r\n\r\n")[0].splitlines():
        if line.lower().startswith(b"location:"):
            assert urlsplit(line.split(maxsplit=1)[1].decode()).netloc in ("", "localhost"), line


METHODS = ("TRACE", "TRACK", "CONNECT", "PUT", "DELETE", "PATCH", "PROPFIND", "DEBUG", "get", "X" * 300)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/", "/health", "/api/me", "/v1/decisions", "/v1/reviews"])
def test_no_method_but_those_that_are_meant_does_anything(port: int, method: str, path: str) -> None:
    headers = "Host: localhost\r\nX-Echo: s3cret\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    head = f"{method} {path} HTTP/1.1\r\n{headers}"
    response = exchange(port, head.encode())
    assert all(code in (400, 401, 403, 404, 405, 413, 415, 501) for code in statuses(response)), response
    assert b"s3cret" not in response


def test_a_header_that_asks_for_another_method_is_not_followed(port: int) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        head = f"GET /v1/decisions HTTP/1.1\r\nHost: localhost\r\n{name}: POST\r\nConnection: close\r\n\r\n"
        assert statuses(exchange(port, head.encode())) in ([401], [404], [405])


SLOW = [b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "]


@pytest.mark.parametrize("sent", SLOW, ids=range(len(SLOW)))
def test_a_client_that_never_ends_its_headers_is_disconnected(port: int, sent: bytes) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=45) as link:
        link.sendall(sent)
        # A refusal may come first.
        while link.recv(4_096):
            pass
    assert time.monotonic() - started < 30


BODIES = {
    "deep array": b"[" * 60_000,
    "deep object": b'{"a":' * 10_000,
    "long number": b"1" * 60_000,
    "large exponent": b'{"amount": 1e999999999}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "lone surrogate": b'{"name": "\\ud800", "password": "\\udfff"}',
    "zero bytes": b"\x00" * 1_000,
    "same name twice": b'{"name": "a", "name": "b", "password": "c", "password": "d"}',
    "entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "prototype": b'{"__proto__": {"role": "admin"}, "constructor": {}, "name": "a", "password": "b"}',
    "template": json.dumps({"name": "{{7*7}}${7*7}<%=7*7%>", "password": "#{7*7}"}).encode(),
    "format": json.dumps({"name": "%s%n%x{0.__class__}", "password": "x"}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/api/login", "/v1/decisions"])
def test_no_body_makes_a_server_fail(port: int, gateway_server: object, path: str, body: bytes) -> None:
    key = getattr(gateway_server, "key")  # noqa: B009 - both servers take the same header
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    response = exchange(port, head.encode() + body, silence_s=10)
    assert statuses(response)[:1] not in ([], [200], [201])
    assert statuses(response)[0] < 500, response
    assert b"49" not in response.partition(b"\r\n\r\n")[2]
