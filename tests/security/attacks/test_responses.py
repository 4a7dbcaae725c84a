"""What a scanner looks for in responses: headers, cookies, other origins, caches, error pages."""

from urllib.parse import urlsplit

import httpx
import pytest

from tests.serving.dashboard.support import DashboardServer
from tests.serving.gateway.support import GatewayServer

pytestmark = pytest.mark.security

OF_DASHBOARD = (
    ("GET", "/"), ("GET", "/app.js"), ("GET", "/health"), ("GET", "/api/me"), ("GET", "/api/nowhere"),
    ("GET", "/nowhere"), ("POST", "/api/login"), ("PUT", "/api/login"), ("OPTIONS", "/api/me"),
    ("HEAD", "/"), ("POST", "/"),
)  # fmt: skip
OF_GATEWAY = (
    ("GET", "/live"), ("GET", "/ready"), ("GET", "/openapi.json"), ("GET", "/docs"),
    ("GET", "/v1/decisions/t1"), ("POST", "/v1/decisions"), ("POST", "/v1/reviews"), ("GET", "/v1/nowhere"),
    ("PUT", "/v1/decisions"), ("HEAD", "/live"),
)  # fmt: skip
INTERNALS = (
    "Traceback", "site-packages", "serving/", "fraud/", "sqlalchemy", "uvicorn", "starlette", "pydantic",
    'File "',
)  # fmt: skip
EVIL = "https://evil.example"


def ask(url: str, method: str, path: str, **headers: str) -> httpx.Response:
    body = b"{]" if method in ("POST", "PUT") else None
    return httpx.request(method, url + path, headers=headers, content=body, trust_env=False, timeout=30)


@pytest.fixture(params=[{"Origin": EVIL}, {}], ids=["of another site", "of no site"])
def origin(request: pytest.FixtureRequest) -> dict[str, str]:
    """Which page a request comes from: a server on this machine refuses those of other sites as a whole."""
    headers: dict[str, str] = request.param
    return headers


@pytest.fixture(params=[*OF_DASHBOARD, *OF_GATEWAY], ids=lambda one: " ".join(one))
def answer(request: pytest.FixtureRequest, origin: dict[str, str]) -> httpx.Response:
    """The response to each request."""
    name = "dashboard_server" if request.param in OF_DASHBOARD else "gateway_server"
    server: DashboardServer | GatewayServer = request.getfixturevalue(name)
    return ask(server.url, *request.param, Cookie="fraud=x", **origin)


def test_no_response_says_what_it_is_made_of(answer: httpx.Response) -> None:
    named = {name.lower() for name in answer.headers} & {"x-powered-by", "x-aspnet-version", "via"}
    assert not named
    assert "uvicorn" not in answer.headers.get("server", "")
    assert "python" not in answer.headers.get("server", "").lower()
    if urlsplit(str(answer.url)).path not in ("/app.js", "/openapi.json"):
        assert not [text for text in INTERNALS if text in answer.text], answer.text[:300]


def test_no_other_site_may_read_a_response(answer: httpx.Response) -> None:
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_no_response_can_be_taken_for_another_type_or_kept(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get("cache-control") in ("no-store", "no-cache")
    if answer.content and answer.status_code != 204:
        assert answer.headers["content-type"].partition(";")[0] in (
            "application/json", "text/html", "text/plain", "text/javascript", "text/css",
        )  # fmt: skip


def test_no_response_of_the_api_is_kept_by_a_cache(
    dashboard_server: DashboardServer, gateway_server: GatewayServer
) -> None:
    for path in ("/api/me", "/api/alerts", "/api/audit", "/api/export/alerts.csv", "/api/nowhere"):
        assert dashboard_server.shared.client.get(path).headers["cache-control"] == "no-store", path
    assert gateway_server.record("t1").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [path for method, path in OF_DASHBOARD if method == "GET"])
def test_no_page_runs_what_it_did_not_bring_or_is_framed(
    dashboard_server: DashboardServer, path: str
) -> None:
    headers = ask(dashboard_server.url, "GET", path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert not [part for part in policy.values() if "unsafe" in part or "*" in part or "http" in part]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_a_script_that_asks_first_is_named_no(
    dashboard_server: DashboardServer, gateway_server: GatewayServer
) -> None:
    asking = {
        "Origin": EVIL,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for url, path in ((dashboard_server.url, "/api/reviews"), (gateway_server.url, "/v1/decisions")):
        answer = httpx.options(url + path, headers=asking, trust_env=False)
        assert answer.status_code >= 400
        assert "access-control-allow-origin" not in answer.headers


def test_a_host_that_is_not_ours_is_refused_everywhere(dashboard_server: DashboardServer) -> None:
    """DNS rebinding: a name of the attacker's that now leads to this machine."""
    for host in (
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "169.254.169.254",
    ):
        for method, path in OF_DASHBOARD:
            assert ask(dashboard_server.url, method, path, Host=host).status_code == 421, (host, path)


def test_a_host_of_the_attackers_is_not_written_into_a_response(
    dashboard_server: DashboardServer, gateway_server: GatewayServer
) -> None:
    for url in (dashboard_server.url, gateway_server.url):
        for header in ("Host", "X-Forwarded-Host", "X-Host", "Forwarded"):
            value = "host=evil.example" if header == "Forwarded" else "evil.example"
            for path in ("/", "/docs", "/v1/decisions/", "/api/oidc/login", "//evil.example/.."):
                found = ask(url, "GET", path, **{header: value})
                assert "evil.example" not in found.text + str(found.headers), (header, path)


def test_the_cookie_of_a_session_is_out_of_reach(dashboard_server: DashboardServer) -> None:
    browser = dashboard_server.browser()
    answer = browser.post("login", {"name": "vera", "password": "viewer-password"})
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("fraud=")]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert flags >= {"httponly", "samesite=strict", "path=/"}
    assert not [flag for flag in flags if flag.startswith("domain=")]
    assert len(cookie.split(";")[0]) > len("fraud=") + 32
