"""Logging in by the company's OpenID Connect, and every answer that must be refused."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from deployments.local.processes import free_port
from fraud.errors import ConfigurationError
from fraud.settings import Settings
from serving.dashboard.auth.oidc.issuer import _ENDPOINTS, IssuerClient, LoginRefusedError
from serving.dashboard.auth.oidc.pending_logins import LoginSecrets, PendingLogins
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.auth.issuer import (
    CLIENT,
    SECRET,
    Issuer,
    create_key,
    run_issuer,
    signed,
    signed_with_public_key,
    unsigned,
)
from tests.serving.dashboard.support import Browser, DashboardServer, run_dashboard, wait_for


def settings_with_issuer(make_settings: SettingsFactory, url: str, **changes: Any) -> Settings:
    oidc = {"issuer": url, "client_id": CLIENT, "client_secret": SECRET} | changes
    return make_settings(dashboard={"oidc": oidc}, kafka={"request_timeout_s": 0.2})


@dataclass
class LoginPage:
    """A dashboard and its issuer."""

    dashboard: DashboardServer
    issuer: Issuer

    def leave(self, browser: Browser) -> str:
        """Off to the issuer; where the browser is sent."""
        answer = browser.get("oidc/login")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def log_in(self, browser: Browser) -> httpx.Response:
        """The whole login; the response that should open a session."""
        return browser.get("oidc/return", **self.issuer.log_in(self.leave(browser)))


@pytest.fixture
def login_page(make_settings: SettingsFactory) -> Iterator[LoginPage]:
    with run_issuer() as issuer, run_dashboard(settings_with_issuer(make_settings, issuer.url)) as dashboard:
        yield LoginPage(dashboard, issuer)


def refusal(answer: httpx.Response) -> str:
    """The text of a page that refuses a login and opens no session."""
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not any(one.startswith("fraud=") for one in answer.headers.get_list("set-cookie"))
    return answer.text.split('<p role="alert">')[1].split("</p>")[0]


def test_the_login_page_offers_it_where_it_is_configured(
    login_page: LoginPage, offline_dashboard: DashboardServer
) -> None:
    assert login_page.dashboard.browser().get("login").json()["issuer"] == "Log in with your company"
    assert offline_dashboard.browser().get("login").json()["issuer"] is None
    assert offline_dashboard.browser().get("oidc/login").status_code == 404


def test_somebody_with_a_role_is_let_in(login_page: LoginPage) -> None:
    # when the company knows an analyst
    browser = login_page.dashboard.browser()
    answer = login_page.log_in(browser)
    # then there is a session of that role, in a cookie that other sites' requests do not carry
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    session = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("fraud="))
    assert "samesite=strict" in session.lower()
    assert "httponly" in session.lower()
    me = browser.get("me").json()
    assert (me["name"], me["role"]) == ("carla", "analyst")
    # and it may do what the role may, with the token against forgery
    browser.csrf = me["csrf"]
    assert browser.review("t1", "fraud").status_code == 404  # no such alert: it was let through
    assert browser.get("audit").status_code == 403
    # and the audit has it
    entries = login_page.dashboard.browser("adam").get("audit").json()["entries"]
    assert ("carla", "login") in [(one["who"], one["action"]) for one in entries]


def test_the_highest_of_several_roles_counts_wherever_the_claim_is(make_settings: SettingsFactory) -> None:
    with run_issuer() as issuer:
        issuer.person = {
            "email": "c@example.org",
            "realm_access": {"roles": ["x", "look", "rule"]},
        }
        roles = {"look": "viewer", "rule": "admin"}
        settings = settings_with_issuer(
            make_settings, issuer.url, name_claim="email", role_claim="realm_access.roles", roles=roles
        )
        with run_dashboard(settings) as dashboard:
            browser = dashboard.browser()
            LoginPage(dashboard, issuer).log_in(browser)
            assert browser.get("me").json()["role"] == "admin"


def test_a_forged_state_is_refused(login_page: LoginPage) -> None:
    browser = login_page.dashboard.browser()
    answer_query = login_page.issuer.log_in(login_page.leave(browser))
    assert "not started here" in refusal(browser.get("oidc/return", **(answer_query | {"state": "x" * 43})))
    assert "not started here" in refusal(browser.get("oidc/return"))


def test_another_browsers_login_is_refused(login_page: LoginPage) -> None:
    """With the code of an attacker the victim would be logged in as the attacker."""
    attacker, victim = login_page.dashboard.browser(), login_page.dashboard.browser()
    answer_query = login_page.issuer.log_in(login_page.leave(attacker))
    login_page.leave(victim)
    assert "not started here" in refusal(victim.get("oidc/return", **answer_query))


def test_an_answer_counts_once(login_page: LoginPage) -> None:
    browser = login_page.dashboard.browser()
    answer_query = login_page.issuer.log_in(login_page.leave(browser))
    kept = dict(browser.client.cookies)
    assert browser.get("oidc/return", **answer_query).status_code == 303
    # when it comes again, with the cookie that the browser had
    browser.client.cookies.update(kept)
    assert "not started here" in refusal(browser.get("oidc/return", **answer_query))


def test_a_code_that_the_issuer_refuses_is_no_login(login_page: LoginPage) -> None:
    browser = login_page.dashboard.browser()
    answer_query = login_page.issuer.log_in(login_page.leave(browser))
    login_page.issuer.asked.clear()
    assert "refused the login" in refusal(browser.get("oidc/return", **answer_query))
    state = login_page.issuer.log_in(login_page.leave(browser))["state"]
    assert "did not let you in" in refusal(browser.get("oidc/return", state=state, error="access_denied"))
    answer_query = login_page.issuer.log_in(login_page.leave(browser))
    assert "another issuer" in refusal(browser.get("oidc/return", iss="https://evil.example", **answer_query))


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "of another login"},
        {"nonce": None},
        {"exp": int(time.time()) - 600},
        {"exp": None},
        {"iat": int(time.time()) + 6_000},
        {"iat": None},
        {"sub": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"iss": "https://evil.example"},
    ],
    ids=[
        "nonce",
        "no nonce",
        "expired",
        "no expiry",
        "of the future",
        "no time",
        "nobody",
        "audience",
        "audiences",
        "issuer",
    ],
)
def test_a_token_that_is_not_the_answer_to_this_login_is_refused(
    login_page: LoginPage, changes: dict[str, Any]
) -> None:
    def change_claims(claims: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in (claims | changes).items() if value is not None}

    login_page.issuer.change_claims = change_claims
    assert "answer" in refusal(login_page.log_in(login_page.dashboard.browser()))


@pytest.mark.parametrize(
    "sign",
    [
        lambda _, claims: signed(claims, create_key("its", of="somebody else")),
        signed_with_public_key,
        unsigned,
        lambda *_: "no.token.at-all",
    ],
    ids=["foreign key", "public key as secret", "unsigned", "no token"],
)
def test_a_token_that_the_issuer_did_not_sign_is_refused(login_page: LoginPage, sign: Any) -> None:
    login_page.issuer.sign = sign
    assert "could not be trusted" in refusal(login_page.log_in(login_page.dashboard.browser()))


def test_an_issuer_with_new_keys_is_asked_again(
    login_page: LoginPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.dashboard.auth.oidc.issuer._KEYS_RETRY_S", 0.0)
    assert login_page.log_in(login_page.dashboard.browser()).status_code == 303
    login_page.issuer.key = create_key("newer")
    assert login_page.log_in(login_page.dashboard.browser()).status_code == 303


def test_keys_that_sign_no_logins_are_passed_over(login_page: LoginPage) -> None:
    # given an issuer with a key for encryption, as Keycloak has one, and with one of a kind to come
    encrypts = create_key("encrypts")
    login_page.issuer.further_keys = [
        {**encrypts.as_dict(private=False), "use": "enc"},
        {"kty": "to come", "kid": "x"},
    ]
    # then its logins count
    assert login_page.log_in(login_page.dashboard.browser()).status_code == 303
    # but not what that key has signed
    login_page.issuer.sign = lambda _, claims: signed(claims, encrypts)
    assert "could not be trusted" in refusal(login_page.log_in(login_page.dashboard.browser()))


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({"preferred_username": "carla", "roles": ["cook"]}, "with no role here"),
        ({"preferred_username": "carla"}, "with no role here"),
        ({"preferred_username": "<b>carla</b>", "roles": ["admin"]}, "sends no usable name"),
        ({"roles": ["admin"]}, "sends no usable name"),
        ({"preferred_username": "adam", "roles": ["viewer"]}, "logs in with a password"),
    ],
)
def test_who_is_unknown_here_is_refused_with_the_reason(
    login_page: LoginPage, person: dict[str, Any], said: str
) -> None:
    login_page.issuer.person = person
    assert said in refusal(login_page.log_in(login_page.dashboard.browser()))
    entries = login_page.dashboard.browser("adam").get("audit").json()["entries"]
    assert any(one["action"] == "login refused" and said in one["detail"]["reason"] for one in entries)


def test_an_issuer_that_is_away_or_another_is_reported(make_settings: SettingsFactory) -> None:
    with run_dashboard(settings_with_issuer(make_settings, "http://127.0.0.1:1")) as dashboard:
        answer = dashboard.browser().get("oidc/login")
        assert answer.status_code == 502
        assert "does not answer" in answer.text
    with (
        run_issuer() as issuer,
        run_dashboard(settings_with_issuer(make_settings, f"{issuer.url}/")) as dashboard,
    ):
        assert "not the one that is configured" in dashboard.browser().get("oidc/login").text


def test_a_session_ends_when_what_is_configured_changes(make_settings: SettingsFactory) -> None:
    with run_issuer() as issuer:
        settings = settings_with_issuer(make_settings, issuer.url)
        with run_dashboard(settings) as dashboard:
            browser = dashboard.browser()
            LoginPage(dashboard, issuer).log_in(browser)
            cookies = browser.client.cookies
        for changed, status in (
            (settings, 200),
            (settings_with_issuer(make_settings, issuer.url, roles={}), 401),
        ):
            with run_dashboard(changed) as dashboard:
                browser = dashboard.browser()
                browser.client.cookies.update(cookies)
                assert browser.get("me").status_code == status


def test_settings_that_will_not_do_are_refused(make_settings: SettingsFactory) -> None:
    for oidc, said in (
        ({"issuer": "http://login.example.org", "client_id": "x"}, "https"),
        ({"issuer": "https://login.example.org"}, "client_id"),
        ({"issuer": "https://login.example.org", "client_id": "x", "scopes": ["email"]}, "openid"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            make_settings(dashboard={"oidc": oidc})
    assert SECRET not in repr(settings_with_issuer(make_settings, "https://login.example.org"))


def test_pending_logins_are_bounded_and_expire(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("serving.dashboard.auth.oidc.pending_logins._MAX_PENDING", 2)
    pending = PendingLogins(Store(tmp_path / "history.db"))
    secrets = LoginSecrets("nonce", "verifier", "http://localhost/return")
    browsers = {state: pending.add(state, secrets) for state in "abc"}
    assert [pending.take(*one) is not None for one in browsers.items()] == [False, True, True]
    monkeypatch.setattr("serving.dashboard.auth.oidc.pending_logins.TIMEOUT_S", -1)
    assert pending.take("d", pending.add("d", secrets)) is None


def test_an_issuer_whose_endpoints_are_less_safe_is_refused(make_settings: SettingsFactory) -> None:
    settings = settings_with_issuer(make_settings, "https://login.example.org").dashboard.oidc
    endpoints = {name: f"https://login.example.org/{name}" for name in _ENDPOINTS}
    client = IssuerClient(settings)
    assert client._checked({"issuer": "https://login.example.org", **endpoints})["jwks_uri"]
    for name in _ENDPOINTS:
        for address in (f"http://login.example.org/{name}", "file:///etc/passwd", None):
            with pytest.raises(LoginRefusedError, match=name):
                client._checked({"issuer": "https://login.example.org", **endpoints, name: address})


def test_the_secret_goes_where_the_issuer_wants_it(make_settings: SettingsFactory) -> None:
    with run_issuer() as issuer, run_dashboard(settings_with_issuer(make_settings, issuer.url)) as dashboard:
        issuer.secret_in_form = True
        page = LoginPage(dashboard, issuer)
        assert page.log_in(dashboard.browser()).status_code == 303


@contextmanager
def run_mock_provider(port: int) -> Iterator[str]:
    """An issuer of other people's making, in a process of its own."""
    url = f"http://localhost:{port}"
    person = '{"sub": "7", "preferred_username": "dora", "roles": ["viewer"]}'
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--user-claims", person]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_up() -> bool:
        try:
            return httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        wait_for(is_up, timeout_s=90)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_an_issuer_of_other_peoples_making_is_understood(make_settings: SettingsFactory) -> None:
    with (
        run_mock_provider(free_port()) as url,
        run_dashboard(settings_with_issuer(make_settings, url)) as dashboard,
    ):
        browser = dashboard.browser()
        # when the person logs in there
        target = browser.get("oidc/login").headers["location"]
        back = httpx.post(target, data={"sub": "7"}, trust_env=False).headers["location"]
        # then the browser comes back with an answer that counts
        answer = browser.client.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
        assert answer.status_code == 303, answer.text
        assert browser.get("me").json()["name"] == "dora"
