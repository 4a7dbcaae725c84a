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
from serving.dashboard.middleware.body_limit import MAX_BYTES
from serving.dashboard.middleware.hosts import Host
from serving.dashboard.middleware.security import SecurityMiddleware, _parse_allowed
from tests.serving.dashboard.support import DashboardServer, run_dashboard

JSON = {"Content-Type": "application/json"}
MARK = "<b>s3cret-input</b>"


@pytest.fixture(scope="module")
def hosts() -> tuple[str, ...]:
    return ("dashboard.example", "BÜRO.example", "2001:db8::1", "ported.example:8443", "secure.example:443")


@pytest.fixture
def named_dashboard(offline_settings: Settings, hosts: tuple[str, ...]) -> Iterator[DashboardServer]:
    """A dashboard that further names lead to."""
    section = offline_settings.dashboard.model_copy(update={"allowed_hosts": hosts})
    with run_dashboard(offline_settings.model_copy(update={"dashboard": section})) as dashboard:
        yield dashboard


KNOWN = [
    "dashboard.example", "dashboard.example:80", "dashboard.example:443", "dashboard.example:9000",
    "dashboard.example.", "DASHBOARD.Example:80", "dashboard.example.:80", "dashboard.example:",
    "xn--bro-hoa.example", "[2001:db8::1]", "[2001:DB8:0:0::1]:80", "ported.example:8443", "127.0.0.1:80",
    "[::1]:8050", "LOCALHOST",
]  # fmt: skip
UNKNOWN = [
    "", "evil.example", "evil.example:80", "dashboard.example.evil.example", "dashboard.example@evil.example",
    "dashboard.example..", "dashboard.example:80:80", "dashboard.example:x", "ported.example",
    "ported.example:80",
    "[2001:db8::2]", "2001:db8::1", "[::1", "[dashboard.example]", "dashboard.example/", "dashboard.example#",
    "127.0.0.1.evil.example", "secure.example",
]  # fmt: skip


def test_a_host_is_known_in_every_spelling_and_no_other_is(named_dashboard: DashboardServer) -> None:
    client = named_dashboard.browser().client
    answers = {
        host: client.get("/health", headers={"Host": host}).status_code for host in KNOWN + UNKNOWN[1:]
    }
    assert {host for host, code in answers.items() if code == 200} == set(KNOWN)
    assert {answers[host] for host in UNKNOWN[1:]} <= {400, 421}


def test_an_address_of_ipv6_needs_no_brackets_in_the_setting() -> None:
    assert _parse_allowed("2001:db8:0::1") == _parse_allowed("[2001:db8::1]") == Host("2001:db8::1", None)


@pytest.mark.parametrize("mistake", ["https://dashboard.example", "dashboard.example/", "", "a b", "[x"])
def test_a_setting_that_is_no_host_is_refused_in_a_sentence(mistake: str) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_DASHBOARD__ALLOWED_HOSTS"):
        SecurityMiddleware(lambda *_: None, [mistake], behind_tls=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("origin", "host", "code"),
    [
        ("https://dashboard.example", "dashboard.example", 401),
        ("https://dashboard.example", "dashboard.example:443", 401),
        ("https://DASHBOARD.example:443", "dashboard.example.", 401),
        ("http://dashboard.example", "dashboard.example:80", 401),
        ("http://dashboard.example:9000", "dashboard.example:9000", 401),
        ("https://dashboard.example", "dashboard.example:80", 403),
        ("http://dashboard.example:9000", "dashboard.example", 403),
        ("https://evil.example", "dashboard.example", 403),
        ("ftp://dashboard.example", "dashboard.example", 403),
        ("null", "dashboard.example", 403),
        ("https://dashboard.example@evil.example", "dashboard.example", 403),
        ("", "dashboard.example", 403),
    ],
)
def test_the_same_site_is_known_with_and_without_its_default_port(
    named_dashboard: DashboardServer, origin: str, host: str, code: int
) -> None:
    browser = named_dashboard.browser()
    answer = browser.post("login", {"name": "nobody", "password": "x"}, Origin=origin, Host=host)
    assert answer.status_code == code


def raw(dashboard: DashboardServer, head: str, *parts: bytes) -> bytes:
    """What a socket gets that sends these bytes."""
    place = urlsplit(dashboard.url)
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
    "method", ["POST /api/login", "POST /nowhere", "GET /api/alerts", "PUT /api/reviews"]
)
@pytest.mark.parametrize(
    "encoding", ["Transfer-Encoding: chunked", "Content-Length: 5\nTransfer-Encoding: chunked"]
)
def test_no_encoding_brings_more_than_the_limit(
    offline_dashboard: DashboardServer, method: str, encoding: str
) -> None:
    head = f"{method} HTTP/1.1\nHost: localhost\nContent-Type: application/json\n{encoding}\n\n"
    endless = [chunk(b"x" * 60_000)] * 40
    status = raw(offline_dashboard, head, *endless).split(b" ")[1]
    assert status in (b"413", b"400")


def test_a_length_is_believed_only_as_far_as_it_goes(offline_dashboard: DashboardServer) -> None:
    head = "POST /api/login HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
    assert b" 413 " in raw(offline_dashboard, f"{head}Content-Length: {MAX_BYTES + 1}\n\n")
    assert b" 413 " in raw(offline_dashboard, f"{head}Content-Length: {'9' * 400}\n\n").replace(
        b" 400 ", b" 413 "
    )
    for nonsense in ("-1", "1e3", "\uff15"):
        assert raw(offline_dashboard, f"{head}Content-Length: {nonsense}\n\n").split(b" ")[1] in (
            b"400",
            b"413",
        )


def test_a_body_that_never_ends_is_given_up(
    offline_dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_limit, "_READ_TIMEOUT_S", 0.3)
    started = time.monotonic()
    head = "POST /api/login HTTP/1.1\nHost: localhost\nContent-Length: 50\n\n"
    assert b" 408 " in raw(offline_dashboard, head, b"{")
    assert time.monotonic() - started < 10


def test_a_body_of_the_longest_length_is_read_whole(offline_dashboard: DashboardServer) -> None:
    body = json.dumps({"name": "vera", "password": "x", "pad": ""}).encode()
    content = body[:-2] + b"p" * (MAX_BYTES - len(body)) + body[-2:]
    answer = offline_dashboard.browser().client.post("/api/login", content=content, headers=JSON)
    assert len(content) == MAX_BYTES
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "(unknown)"]


def test_no_refusal_repeats_what_was_sent(offline_dashboard: DashboardServer) -> None:
    anna, adam = offline_dashboard.browser("anna"), offline_dashboard.browser("adam")
    answers = [
        anna.post("login", {"name": MARK, "password": ["s3cret-input"]}),
        anna.post("login", {"name": "a", MARK: 1, "password": "x"}),
        anna.post("login", {"name": MARK, "password": MARK}),
        anna.client.post("/api/login", content=b'{"s3cret-input'),
        anna.client.post("/api/login", content=MARK, headers={"Content-Type": MARK}),
        anna.review(MARK, "fraud"),
        anna.review("t1", MARK),
        anna.post("reviews", {"id": MARK, "transaction_id": "t1", "outcome": "fraud"}),
        anna.post("reviews", {"id": "s3cret-input", "transaction_id": "t1", "outcome": "fraud"}),
        anna.post("reviews", [MARK]),
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
