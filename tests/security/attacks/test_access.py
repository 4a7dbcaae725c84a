"""Every route, without what it asks for: found in the applications, so that a new route is attacked too."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.dashboard.app import ROUTERS
from serving.gateway.app import create_app
from tests.serving.dashboard.support import Browser, DashboardServer
from tests.serving.gateway.support import GatewayServer

pytestmark = pytest.mark.security

Route = tuple[str, str]
FOR_ANYBODY = {
    ("POST", "/api/login"), ("GET", "/api/login"), ("GET", "/api/oidc/login"), ("GET", "/api/oidc/return"),
}  # fmt: skip
"""What somebody who logs in needs before that."""


def routes_of_dashboard() -> Iterator[Route]:
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    for path, methods in app.openapi()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


ROUTES = sorted(set(routes_of_dashboard()) - FOR_ANYBODY)
CHANGES = [one for one in ROUTES if one[0] != "GET"]


def filled(path: str) -> str:
    """A path with something in the place of each parameter."""
    return "/".join("1" if part.startswith("{") else part for part in path.split("/"))


def test_there_are_routes_to_attack() -> None:
    assert len(ROUTES) > 40
    assert len(CHANGES) > 15


def ask(server: DashboardServer, route: Route, **extra: Any) -> httpx.Response:
    method, path = route
    return httpx.request(method, server.url + filled(path), trust_env=False, timeout=30, **extra)


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: " ".join(one))
@pytest.mark.parametrize(
    "cookie", [None, "", "x", "../../etc/passwd", "a" * 4_000, "é".encode().decode("latin-1")]
)
def test_without_a_session_a_route_says_nothing(
    dashboard_server: DashboardServer, route: Route, cookie: str | None
) -> None:
    headers = {} if cookie is None else {"Cookie": f"fraud={cookie}".encode("latin-1", "replace")}
    answer = ask(dashboard_server, route, headers=headers, content=None if route[0] == "GET" else b"{}")
    assert answer.status_code == 401, (route, answer.text)
    assert answer.json() == {"detail": "log in first"}


@pytest.mark.parametrize("route", CHANGES, ids=lambda one: " ".join(one))
def test_no_change_is_made_without_the_token_of_the_session(
    dashboard_server: DashboardServer, logged_in: Callable[[str], Browser], route: Route
) -> None:
    # given the cookie of an administrator, as a browser sends it along from any page
    browser = dashboard_server.shared
    cookies = dict(browser.client.cookies)
    other = logged_in("anna").csrf
    for token in (None, "", "0" * len(browser.csrf), browser.csrf[:-1], browser.csrf.upper() + "x", other):
        headers = {} if token is None else {"X-CSRF-Token": token}
        # when a form or a script of another site sends the request
        answer = ask(dashboard_server, route, json={}, headers=headers, cookies=cookies)
        # then it is refused before its body counts
        assert answer.status_code in (403, 422), (token, answer.text)
        assert answer.status_code == 403 or "x-csrf-token" in answer.text.lower(), answer.text


@pytest.mark.parametrize("route", CHANGES, ids=lambda one: " ".join(one))
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda one: " ".join(*one.items()),
)
def test_no_change_is_made_for_another_site(
    dashboard_server: DashboardServer, route: Route, headers: dict[str, str]
) -> None:
    browser = dashboard_server.shared
    answer = ask(
        dashboard_server, route, json={}, headers=headers | {"X-CSRF-Token": browser.csrf},
        cookies=dict(browser.client.cookies),
    )  # fmt: skip
    assert (answer.status_code, answer.text) == (403, "the request comes from another site")


FOR_VIEWERS = {
    ("POST", "/api/logout"), ("POST", "/api/password"),
    ("POST", "/api/cases/search"), ("POST", "/api/search"),
    ("POST", "/api/alerts/search"),
    ("POST", "/api/alerts/counts"), ("POST", "/api/policies/check"), ("POST", "/api/case-viewers"),
    ("POST", "/api/export/alerts.csv"),
}  # fmt: skip
"""What changes nothing, although it has a body, or only what is the viewer's own."""


@pytest.mark.parametrize(
    "route", [one for one in CHANGES if one not in FOR_VIEWERS], ids=lambda one: " ".join(one)
)
def test_a_viewer_changes_nothing(
    dashboard_server: DashboardServer, logged_in: Callable[[str], Browser], route: Route
) -> None:
    browser = logged_in("vera")
    answer = ask(
        dashboard_server, route, json={}, headers={"X-CSRF-Token": browser.csrf},
        cookies=dict(browser.client.cookies),
    )  # fmt: skip
    assert answer.status_code == 403, answer.text
    assert "role" in answer.text


def test_a_session_that_somebody_planted_is_not_the_one_that_logs_in(
    dashboard_server: DashboardServer,
) -> None:
    # given a browser that carries a cookie of the attacker's choice
    browser = dashboard_server.browser()
    browser.client.cookies.set("fraud", "planted", domain="127.0.0.1")
    # when its user logs in
    answer = browser.post("login", {"name": "vera", "password": "viewer-password"})
    # then the planted one is no session
    assert "planted" not in answer.headers["set-cookie"]
    assert ask(dashboard_server, ("GET", "/api/me"), cookies={"fraud": "planted"}).status_code == 401


def test_a_session_is_in_the_cookie_alone(dashboard_server: DashboardServer) -> None:
    token = dict(dashboard_server.shared.client.cookies)["fraud"]
    for extra in (
        {"params": {"fraud": token, "session": token}},
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"headers": {"X-Session": token, "X-Auth-Token": token}},
    ):
        assert ask(dashboard_server, ("GET", "/api/me"), **extra).status_code == 401


# --------------------------------------------------------------------------- gateway


def routes_of_gateway(gateway: GatewayServer) -> list[Route]:
    document = httpx.get(f"{gateway.url}/openapi.json", trust_env=False).json()
    found = [(m.upper(), path) for path, methods in document["paths"].items() for m in methods]
    return [one for one in found if one[1].startswith("/v1/")]


CREDENTIALS = [
    None, "", "Bearer", "Bearer null", "Basic YTpi", "Bearer ' OR 1=1 --", "Bearer a.b.c",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4Iiwic2NvcGUiOiJkZWNpZGUifQ.", "Bearer fk_" + "a" * 4_000,
    "Bearer ../../keys.json",
]  # fmt: skip


@pytest.mark.parametrize("credential", CREDENTIALS, ids=range(len(CREDENTIALS)))
def test_no_route_of_the_gateway_answers_without_a_key(
    gateway_server: GatewayServer, credential: str | None
) -> None:
    routes = routes_of_gateway(gateway_server)
    assert len(routes) >= 3
    for method, path in routes:
        headers = {"Content-Type": "application/json"}
        headers |= {} if credential is None else {"Authorization": credential}
        answer = httpx.request(
            method, gateway_server.url + filled(path), headers=headers, trust_env=False, timeout=30
        )
        assert answer.status_code == 401, (method, path, answer.text)


def test_a_damaged_key_is_no_key(gateway_server: GatewayServer) -> None:
    key = gateway_server.key
    for place in range(0, len(key), 3):
        changed = key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :]
        # From the twentieth or so on, the address has to wait.
        assert gateway_server.record("t1", key=changed).status_code in (401, 429), place
    for other in (key[:-1], key + "A", key.upper(), f"{key} {key}", f"{key},{key}"):
        assert gateway_server.record("t1", key=other).status_code in (401, 429), other


def test_the_walk_misses_no_route_of_the_gateway(gateway_server: GatewayServer) -> None:
    """Its fast route is not FastAPI's; the description that was walked must name it all the same."""
    routes = create_app(gateway_server.context).router.routes
    served = {path for one in routes if (path := str(getattr(one, "path", ""))).startswith("/v1/")}
    assert served
    assert served <= {path for _, path in routes_of_gateway(gateway_server)}
