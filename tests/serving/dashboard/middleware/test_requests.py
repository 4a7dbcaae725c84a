"""Requests as proxies, scripts and strangers send them: hosts in every spelling, bodies of every length."""

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from fraud.errors import ConfigurationError
from fraud.settings import Settings
from serving.dashboard.middleware import body_limit
from serving.dashboard.middleware.body_limit import MOST_BYTES
from serving.dashboard.middleware.hosts import Host
from serving.dashboard.middleware.security import Guard, _allowed
from tests.serving.dashboard.world import Desk, served

JSON = {"Content-Type": "application/json"}
MARK = "<b>s3cret-input</b>"


@pytest.fixture(scope="module")
def hosts() -> tuple[str, ...]:
    return ("desk.example", "BÜRO.example", "2001:db8::1", "ported.example:8443", "secure.example:443")


@pytest.fixture
def named_desk(lonely_settings: Settings, hosts: tuple[str, ...]) -> Iterator[Desk]:
    """A dashboard that further names lead to."""
    section = lonely_settings.dashboard.model_copy(update={"allowed_hosts": hosts})
    with served(lonely_settings.model_copy(update={"dashboard": section})) as desk:
        yield desk


KNOWN = [
    "desk.example", "desk.example:80", "desk.example:443", "desk.example:9000", "desk.example.",
    "DESK.Example:80", "desk.example.:80", "desk.example:", "xn--bro-hoa.example", "[2001:db8::1]",
    "[2001:DB8:0:0::1]:80", "ported.example:8443", "127.0.0.1:80", "[::1]:8050", "LOCALHOST",
]  # fmt: skip
UNKNOWN = [
    "", "evil.example", "evil.example:80", "desk.example.evil.example", "desk.example@evil.example",
    "desk.example..", "desk.example:80:80", "desk.example:x", "ported.example", "ported.example:80",
    "[2001:db8::2]", "2001:db8::1", "[::1", "[desk.example]", "desk.example/", "desk.example#",
    "127.0.0.1.evil.example", "secure.example",
]  # fmt: skip


def test_a_host_is_known_in_every_spelling_and_no_other_is(named_desk: Desk) -> None:
    client = named_desk.browser().client
    answers = {
        host: client.get("/health", headers={"Host": host}).status_code for host in KNOWN + UNKNOWN[1:]
    }
    assert {host for host, code in answers.items() if code == 200} == set(KNOWN)
    assert {answers[host] for host in UNKNOWN[1:]} <= {400, 421}


def test_an_address_of_ipv6_needs_no_brackets_in_the_setting() -> None:
    assert _allowed("2001:db8:0::1") == _allowed("[2001:db8::1]") == Host("2001:db8::1", None)


@pytest.mark.parametrize("mistake", ["https://desk.example", "desk.example/", "", "a b", "[x"])
def test_a_setting_that_is_no_host_is_refused_in_a_sentence(mistake: str) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_DASHBOARD__ALLOWED_HOSTS"):
        Guard(lambda *_: None, [mistake], behind_tls=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("origin", "host", "code"),
    [
        ("https://desk.example", "desk.example", 401),
        ("https://desk.example", "desk.example:443", 401),
        ("https://DESK.example:443", "desk.example.", 401),
        ("http://desk.example", "desk.example:80", 401),
        ("http://desk.example:9000", "desk.example:9000", 401),
        ("https://desk.example", "desk.example:80", 403),
        ("http://desk.example:9000", "desk.example", 403),
        ("https://evil.example", "desk.example", 403),
        ("ftp://desk.example", "desk.example", 403),
        ("null", "desk.example", 403),
        ("https://desk.example@evil.example", "desk.example", 403),
        ("", "desk.example", 403),
    ],
)
def test_the_same_site_is_known_with_and_without_its_default_port(
    named_desk: Desk, origin: str, host: str, code: int
) -> None:
    browser = named_desk.browser()
    answer = browser.post("login", {"name": "nobody", "password": "x"}, Origin=origin, Host=host)
    assert answer.status_code == code


def raw(desk: Desk, head: str, *parts: bytes) -> bytes:
    """What a socket gets that sends these bytes."""
    place = urlsplit(desk.url)
    with socket.create_connection((place.hostname, place.port or 0), timeout=30) as link:
        link.sendall(head.replace("\n", "\r\n").encode())
        try:
            for part in parts:
                link.sendall(part)
        except OSError:
            pass  # it has been refused already
        answer = b""
        try:
            while more := link.recv(65_536):
                answer += more
                if b"\r\n\r\n" in answer and (b"Connection: close" not in answer):
                    break
        except OSError:
            pass
        return answer


def chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize(
    "method", ["POST /api/login", "POST /nowhere", "GET /api/alerts", "PUT /api/verdict"]
)
@pytest.mark.parametrize(
    "told", ["Transfer-Encoding: chunked", "Content-Length: 5\nTransfer-Encoding: chunked"]
)
def test_no_encoding_brings_more_than_the_limit(lonely_desk: Desk, method: str, told: str) -> None:
    head = f"{method} HTTP/1.1\nHost: localhost\nContent-Type: application/json\n{told}\n\n"
    endless = [chunk(b"x" * 60_000)] * 40
    status = raw(lonely_desk, head, *endless).split(b" ")[1]
    assert status in (b"413", b"400")


def test_a_length_is_believed_only_as_far_as_it_goes(lonely_desk: Desk) -> None:
    head = "POST /api/login HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
    assert b" 413 " in raw(lonely_desk, f"{head}Content-Length: {MOST_BYTES + 1}\n\n")
    assert b" 413 " in raw(lonely_desk, f"{head}Content-Length: {'9' * 400}\n\n").replace(b" 400 ", b" 413 ")
    for nonsense in ("-1", "1e3", "\uff15"):
        assert raw(lonely_desk, f"{head}Content-Length: {nonsense}\n\n").split(b" ")[1] in (b"400", b"413")


def test_a_body_that_never_ends_is_given_up(lonely_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "_PATIENCE_S", 0.3)
    begun = time.monotonic()
    head = "POST /api/login HTTP/1.1\nHost: localhost\nContent-Length: 50\n\n"
    assert b" 408 " in raw(lonely_desk, head, b"{")
    assert time.monotonic() - begun < 10


def test_a_body_of_the_longest_length_is_read_whole(lonely_desk: Desk) -> None:
    body = json.dumps({"name": "vera", "password": "x", "pad": ""}).encode()
    content = body[:-2] + b"p" * (MOST_BYTES - len(body)) + body[-2:]
    answer = lonely_desk.browser().client.post("/api/login", content=content, headers=JSON)
    assert len(content) == MOST_BYTES
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "(unknown)"]


def test_no_refusal_repeats_what_was_sent(lonely_desk: Desk) -> None:
    anna, adam = lonely_desk.browser("anna"), lonely_desk.browser("adam")
    answers = [
        anna.post("login", {"name": MARK, "password": ["s3cret-input"]}),
        anna.post("login", {"name": "a", MARK: 1, "password": "x"}),
        anna.post("login", {"name": MARK, "password": MARK}),
        anna.client.post("/api/login", content=b'{"s3cret-input'),
        anna.client.post("/api/login", content=MARK, headers={"Content-Type": MARK}),
        anna.judge(MARK, "fraud"),
        anna.judge("t1", MARK),
        anna.post("verdict", {"id": MARK, "transaction_id": "t1", "verdict": "fraud"}),
        anna.post("verdict", {"id": "s3cret-input", "transaction_id": "t1", "verdict": "fraud"}),
        anna.post("verdict", [MARK]),
        anna.get("alerts", limit=MARK, order=MARK, before=MARK, least_score="s3cret-input"),
        anna.get("case", transaction_id=MARK),
        anna.get("live", span=MARK),
        anna.get(f"nowhere/{MARK}"),
        anna.client.request("S3CRET-INPUT", "/api/me"),
        anna.client.get("/", headers={"Host": "s3cret-input.example"}),
        anna.client.get("/oidc/return", params={"state": MARK, "error": MARK}),
        anna.get("oidc/return", state=MARK, error=MARK, code=MARK),
        adam.post(f"models/{MARK}/promote", {"alias": MARK, "reason": MARK}),
    ]  # fmt: skip
    assert all(answer.status_code >= 400 for answer in answers)
    assert [answer.text for answer in answers if "s3cret-input" in answer.text.lower()] == []
