"""Sessions: how long they last, when they are replaced, and what ends them everywhere."""

import pytest
from sqlalchemy import text

from fraud.errors import ConfigurationError
from fraud.settings import Settings
from serving.dashboard.api import cases
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import (
    PASSWORDS,
    Browser,
    DashboardServer,
    open_stream,
    run_dashboard,
)

NEW, GIVEN = "chosen by herself", "given by an admin"


def pass_idle_time(dashboard: DashboardServer, minutes: int) -> None:
    """As if nobody had done anything meanwhile."""
    with dashboard.context.store.write_transaction() as connection:
        connection.execute(text("UPDATE sessions SET seen_at = seen_at - :ms"), {"ms": minutes * 60_000})


def with_cookie(dashboard: DashboardServer, cookie: str) -> Browser:
    browser = dashboard.browser()
    browser.client.cookies.set("fraud", cookie)
    return browser


def change(browser: Browser, password: str, new: str) -> int:
    answer = browser.post("password", {"password": password, "new": new})
    if answer.status_code == 200:
        browser.csrf = answer.json()["csrf"]
    return answer.status_code


def test_a_session_ends_after_a_quarter_of_an_hour_without_anything_done(
    offline_dashboard: DashboardServer,
) -> None:
    anna = offline_dashboard.browser("anna")
    for _ in range(3):
        pass_idle_time(offline_dashboard, 14)
        assert anna.get("me").status_code == 200
    pass_idle_time(offline_dashboard, 16)
    assert anna.get("me").status_code == 401


def test_a_page_that_asks_on_its_own_does_not_keep_the_session_open(
    offline_dashboard: DashboardServer,
) -> None:
    # given a page whose user left ten minutes ago, while it goes on asking
    anna = offline_dashboard.browser("anna")
    pass_idle_time(offline_dashboard, 10)
    anna.client.headers["X-Idle-Ms"] = str(10 * 60_000)
    assert anna.get("me").status_code == 200
    # when six more minutes pass
    pass_idle_time(offline_dashboard, 6)
    # then it is over
    assert anna.get("me").status_code == 401


@pytest.mark.parametrize("idle", ["-900000000", "1e9", "nonsense", "9" * 40, "\uff11"])
def test_a_header_that_lies_prolongs_nothing_beyond_now(
    offline_dashboard: DashboardServer, idle: str
) -> None:
    anna = offline_dashboard.browser("anna")
    anna.client.get("/api/me", headers=[(b"X-Idle-Ms", idle.encode())])
    pass_idle_time(offline_dashboard, 16)
    assert anna.get("me").status_code == 401


def test_an_open_stream_is_no_activity_and_ends_with_the_session(
    offline_dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "_SESSION_CHECK_S", 0.1)
    anna = offline_dashboard.browser("anna")
    anna.client.headers["Accept"] = "text/event-stream"
    with open_stream(anna) as event:
        assert event("figures")
        pass_idle_time(offline_dashboard, 16)
        with pytest.raises(AssertionError, match="the stream ended"):
            event("something that never comes")


def test_a_session_ends_at_its_length_whatever_is_done(make_settings: SettingsFactory) -> None:
    settings = make_settings(dashboard={"session_length": "PT1S"}, kafka={"request_timeout_s": 0.2})
    with run_dashboard(settings) as dashboard:
        anna = dashboard.browser("anna")
        with dashboard.context.store.write_transaction() as connection:
            connection.execute(text("UPDATE sessions SET expires_at = expires_at - 2000"))
        assert anna.get("me").status_code == 401


def test_the_cookie_is_another_one_after_each_login(offline_dashboard: DashboardServer) -> None:
    """A cookie that somebody planted, or knew before, is worth nothing afterwards."""
    browser = offline_dashboard.browser()
    browser.client.cookies.set("fraud", "planted" * 6)
    seen = {"planted" * 6}
    former = ""
    for _ in range(2):
        answer = browser.post("login", {"name": "vera", "password": PASSWORDS["vera"]})
        cookie = answer.cookies["fraud"]
        assert cookie not in seen
        seen.add(cookie)
        assert not former or with_cookie(offline_dashboard, former).get("me").status_code == 401
        former = cookie
        browser.client.cookies.clear()
        browser.client.cookies.set("fraud", cookie)


def test_a_logout_ends_the_session_on_every_replica(
    make_settings: SettingsFactory, shared_database: str
) -> None:
    settings = make_settings(kafka={"request_timeout_s": 0.2}, dashboard={"database_url": shared_database})
    with run_dashboard(settings) as one:
        kept = one.context.accounts.users()
        with run_dashboard(settings) as other:
            other.context.accounts._change(lambda users: users.update(kept))
            anna = one.browser("anna")
            cookie = anna.client.cookies["fraud"]
            assert with_cookie(other, cookie).get("me").status_code == 200
            assert anna.post("logout", {}).status_code == 204
            assert with_cookie(other, cookie).get("me").status_code == 401
            entries = one.browser("adam").get("audit", action="logout").json()["entries"]
    assert [one["who"] for one in entries] == ["anna"]


def test_a_new_password_ends_all_sessions_but_that_of_the_change(offline_dashboard: DashboardServer) -> None:
    anna, elsewhere = offline_dashboard.browser("anna"), offline_dashboard.browser("anna")
    before = anna.client.cookies["fraud"]
    assert change(anna, PASSWORDS["anna"], NEW) == 200
    assert anna.get("me").status_code == 200
    assert elsewhere.get("me").status_code == 401
    assert with_cookie(offline_dashboard, before).get("me").status_code == 401
    assert anna.post("login", {"name": "anna", "password": PASSWORDS["anna"]}).status_code == 401
    entries = offline_dashboard.browser("adam").get("audit", action="password changed").json()["entries"]
    assert [one["who"] for one in entries] == ["anna"]


@pytest.mark.parametrize(
    ("password", "new", "code"),
    [
        ("not the present one", NEW, 403),
        (PASSWORDS["anna"], "too short", 409),
        (PASSWORDS["anna"], PASSWORDS["anna"], 409),
        (PASSWORDS["anna"], "ANNA is my name", 409),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    offline_dashboard: DashboardServer, password: str, new: str, code: int
) -> None:
    anna = offline_dashboard.browser("anna")
    assert change(anna, password, new) == code
    assert anna.get("me").status_code == 200
    assert offline_dashboard.browser("anna").get("me").status_code == 200


def test_another_site_cannot_change_a_password(offline_dashboard: DashboardServer) -> None:
    anna = offline_dashboard.browser("anna")
    body = {"password": PASSWORDS["anna"], "new": NEW}
    assert anna.post("password", body, **{"X-CSRF-Token": ""}).status_code == 403
    assert anna.post("password", body, Origin="https://evil.example").status_code == 403
    assert offline_dashboard.browser("anna").get("me").status_code == 200


@pytest.fixture
def given_password(offline_dashboard: DashboardServer) -> Browser:
    """A user whose password an admin knows."""
    offline_dashboard.context.accounts.add("vera", "admin", GIVEN, must_change=True)
    browser = offline_dashboard.browser()
    browser.csrf = browser.post("login", {"name": "vera", "password": GIVEN}).json()["csrf"]
    return browser


def test_before_the_password_is_changed_nothing_else_is_allowed(given_password: Browser) -> None:
    vera = given_password
    assert vera.get("me").json()["must_change_password"] is True
    for path in ("alerts", "case?transaction_id=t1", "live", "stream", "models", "audit", "cases", "lists"):
        assert vera.get(path).status_code == 403, path
    for path in ("reviews", "search", "case-actions", "models/1/promote", "policies"):
        assert vera.post(path, {}).status_code in (403, 404, 405, 422), path
    assert vera.review("t1", "fraud").status_code == 403
    # and afterwards it is
    assert change(vera, GIVEN, NEW) == 200
    assert vera.get("me").json()["must_change_password"] is False
    assert vera.get("alerts").status_code == 200


def test_without_passwords_nobody_logs_in_with_one_and_former_sessions_end(
    make_settings: SettingsFactory,
) -> None:
    oidc = {"issuer": "https://login.example.org", "client_id": "x"}
    with run_dashboard(make_settings(kafka={"request_timeout_s": 0.2}, dashboard={"oidc": oidc})) as before:
        cookie = before.browser("adam").client.cookies["fraud"]
    settings = make_settings(
        kafka={"request_timeout_s": 0.2}, dashboard={"oidc": oidc, "password_login": False}
    )
    with run_dashboard(settings) as dashboard:
        browser = dashboard.browser()
        assert browser.get("login").json() == {"issuer": "Log in with your company", "password": False}
        answer = browser.post("login", {"name": "adam", "password": PASSWORDS["adam"]})
        assert answer.status_code == 404
        assert with_cookie(dashboard, cookie).get("me").status_code == 401


def test_a_dashboard_that_nobody_could_log_in_to_does_not_start(make_settings: SettingsFactory) -> None:
    with pytest.raises(ConfigurationError, match="nobody could log in"):
        make_settings(dashboard={"password_login": False})


def test_settings_of_sessions_have_defaults_that_pci_asks_for(offline_settings: Settings) -> None:
    dashboard = offline_settings.dashboard
    assert dashboard.session_idle.total_seconds() <= 15 * 60
    assert dashboard.lockout_failures <= 10
    assert dashboard.lockout.total_seconds() >= 30 * 60
