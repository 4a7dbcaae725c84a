"""Who may do what, and what is refused: forged, replayed, foreign and hostile requests."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from fraud.errors import ConfigurationError, DataError
from fraud.settings import Settings
from serving.dashboard.auth.accounts import Accounts
from serving.dashboard.auth.passwords import hash_password, verify_password
from serving.dashboard.auth.rate_limit import RateLimit
from serving.dashboard.auth.stored_accounts import open_accounts
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store
from serving.ops.listening import listen
from tests.serving.dashboard.support import (
    CHEAP,
    PASSWORDS,
    DashboardServer,
    labels_on,
    produce_alert,
    review_request,
    run_dashboard,
    wait_for,
)

HOSTILE = "<img src=x onerror=alert(1)>\u202e'; DROP TABLE alerts;--"


@pytest.fixture
def alert(dashboard: DashboardServer) -> str:
    """An alert on the page."""
    produce_alert(dashboard.settings, 1)
    browser = dashboard.browser("vera")
    wait_for(browser.alerts)
    return "t1"


@pytest.mark.broker
def test_a_review_becomes_a_label_with_the_analyst_as_source(dashboard: DashboardServer, alert: str) -> None:
    # when an analyst reviews
    answer = dashboard.browser("anna").review(alert, "fraud", "called the customer")
    # then the label is on the topic
    assert answer.status_code == 201
    assert answer.json()["delivered"] is True
    found = labels_on(dashboard.settings)
    assert [(one["transaction_id"], one["is_fraud"], one["source"]) for one in found] == [
        ("t1", True, "analyst")
    ]
    # and the case has the analyst and the note
    case = dashboard.browser("vera").get("case", transaction_id=alert).json()
    assert (case["alert"]["analyst"], case["alert"]["note"]) == ("anna", "called the customer")
    # and the audit has a line
    entries = dashboard.browser("adam").get("audit").json()["entries"]
    reviews = [(one["who"], one["subject"]) for one in entries if one["action"] == "review"]
    assert reviews == [("anna", "t1")]


@pytest.mark.broker
def test_unsure_is_kept_but_is_no_label(dashboard: DashboardServer, alert: str) -> None:
    assert dashboard.browser("anna").review(alert, "unsure").status_code == 201
    assert labels_on(dashboard.settings) == []
    assert dashboard.browser("vera").alerts(state="reviewed")[0]["outcome"] == "unsure"


@pytest.mark.broker
def test_a_viewer_cannot_review(dashboard: DashboardServer, alert: str) -> None:
    assert dashboard.browser("vera").review(alert, "fraud").status_code == 403
    assert labels_on(dashboard.settings) == []


@pytest.mark.broker
def test_forged_and_cross_site_reviews_are_refused(dashboard: DashboardServer, alert: str) -> None:
    browser = dashboard.browser("anna")
    body, path = review_request(alert, "fraud"), "reviews"
    # without the session's token, with another's, from another site, as a form
    assert browser.client.post(f"/api/{path}", json=body).status_code == 403
    other = dashboard.browser("adam")
    assert browser.post(path, body, **{"X-CSRF-Token": other.csrf}).status_code == 403
    assert browser.post(path, body, Origin="https://evil.example").status_code == 403
    assert browser.post(path, body, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.post(path, body, Origin="null").status_code == 403
    form = browser.client.post(f"/api/{path}", data=body, headers={"X-CSRF-Token": browser.csrf})
    assert form.status_code == 422
    assert labels_on(dashboard.settings) == []
    # while the page itself may
    assert browser.post(path, body, Origin=dashboard.url).status_code == 201


@pytest.mark.broker
def test_a_replayed_review_is_refused(dashboard: DashboardServer, alert: str) -> None:
    browser, body = dashboard.browser("anna"), review_request(alert, "legitimate")
    assert browser.post("reviews", body).status_code == 201
    assert browser.post("reviews", body).status_code == 409
    assert len(labels_on(dashboard.settings)) == 1


@pytest.mark.broker
def test_hostile_text_stays_text(dashboard: DashboardServer) -> None:
    # given a merchant and a note that want to be markup and SQL
    produce_alert(dashboard.settings, 5, merchant_id=HOSTILE[:60])
    browser = dashboard.browser("anna")
    wait_for(browser.alerts)
    assert browser.review("t5", "fraud", HOSTILE).status_code == 201
    # then they come back as they were, as JSON that no browser renders
    answer = browser.get("case", transaction_id="t5")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["alert"]["note"] == HOSTILE
    assert answer.json()["alert"]["merchant_id"] == HOSTILE[:60]


@pytest.mark.broker
def test_a_review_given_while_kafka_is_away_is_sent_later(settings: Settings) -> None:
    # given an alert of the store, and a dashboard that reaches no Kafka
    with run_dashboard(settings) as dashboard:
        produce_alert(settings, 1)
        wait_for(dashboard.browser("vera").alerts)
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with run_dashboard(settings.model_copy(update={"kafka": kafka})) as cut_off:
        answer = cut_off.browser("anna").review("t1", "fraud")
        # then it is stored and pending
        assert answer.json()["delivered"] is False
        assert answer.json()["alert"]["pending"] == 1
    # and sent once Kafka is back
    with run_dashboard(settings) as dashboard:
        browser = dashboard.browser("vera")
        wait_for(lambda: browser.alerts()[0]["pending"] == 0)
        assert [one["is_fraud"] for one in labels_on(settings)] == [True]


def test_nothing_is_sent_without_a_login(offline_dashboard: DashboardServer) -> None:
    stranger = offline_dashboard.browser()
    for path in ("me", "alerts", "case?transaction_id=t1", "live", "stream", "models", "monitoring", "audit"):
        assert stranger.get(path).status_code == 401, path
    assert stranger.client.get("/").status_code == 200
    assert stranger.client.get("/openapi.json").status_code == 404
    assert stranger.client.get("/..%2f..%2fusers.json").status_code == 404


def test_only_an_admin_reads_the_audit_and_promotes(offline_dashboard: DashboardServer) -> None:
    promotion = {"alias": "champion", "reason": "better"}
    for name in ("vera", "anna"):
        browser = offline_dashboard.browser(name)
        assert browser.get("audit").status_code == 403
        assert browser.post("models/1/promote", promotion).status_code == 403
    assert offline_dashboard.browser("adam").get("audit").status_code == 200


def test_the_cookie_is_out_of_scripts_and_other_sites_reach(offline_dashboard: DashboardServer) -> None:
    browser = offline_dashboard.browser()
    answer = browser.post("login", {"name": "vera", "password": PASSWORDS["vera"]})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_behind_tls_the_cookie_is_for_https_alone(offline_settings: Settings) -> None:
    section = offline_settings.dashboard.model_copy(update={"behind_tls": True})
    with run_dashboard(offline_settings.model_copy(update={"dashboard": section})) as dashboard:
        browser = dashboard.browser()
        answer = browser.post("login", {"name": "vera", "password": PASSWORDS["vera"]})
    assert answer.headers["set-cookie"].startswith("__Host-fraud=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


def test_every_answer_has_the_security_headers(offline_dashboard: DashboardServer) -> None:
    stranger = offline_dashboard.browser()
    for path in ("/", "/app.js", "/api/me", "/nowhere", "/health"):
        headers = stranger.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] in ("no-store", "no-cache")


def test_foreign_host_names_and_long_bodies_are_refused(offline_dashboard: DashboardServer) -> None:
    client = offline_dashboard.browser().client
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost.evil.example:80"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost:1234"}).status_code == 200
    long = client.post("/api/login", content=b"x" * 70_000, headers={"Content-Type": "application/json"})
    assert long.status_code == 413
    endless = client.post("/api/login", content=iter([b"{", b"}"]))
    assert endless.status_code == 413


def test_guessing_passwords_is_slowed_down(offline_dashboard: DashboardServer) -> None:
    browser = offline_dashboard.browser()

    def attempt() -> httpx.Response:
        return browser.post("login", {"name": "anna", "password": "not-this-one"})

    codes = [attempt().status_code for _ in range(7)]
    assert codes[:5] == [401] * 5
    assert codes[-1] == 429
    # and the right password does not help while it lasts, nor does it show whether a name exists
    assert browser.post("login", {"name": "anna", "password": PASSWORDS["anna"]}).status_code == 429
    unknown = browser.post("login", {"name": "nobody", "password": "not-this-one"})
    assert unknown.json() == {"detail": "name or password is wrong"}


def test_logging_out_and_losing_the_account_end_the_session(offline_dashboard: DashboardServer) -> None:
    anna, adam, vera = (offline_dashboard.browser(name) for name in ("anna", "adam", "vera"))
    assert anna.post("logout", {}).status_code == 204
    assert anna.get("me").status_code == 401
    accounts = open_accounts(offline_dashboard.settings, offline_dashboard.context.store, CHEAP)
    accounts.remove("adam")
    assert adam.get("me").status_code == 401
    accounts.add("vera", "viewer", "another password")
    assert vera.get("me").status_code == 401


def test_a_changed_role_counts_at_once_when_the_password_stays(offline_dashboard: DashboardServer) -> None:
    vera = offline_dashboard.browser("vera")
    promoted = replace(offline_dashboard.context.accounts.users()["vera"], role="admin")
    offline_dashboard.context.accounts._change(lambda users: users.update(vera=promoted))
    assert vera.get("me").json()["role"] == "admin"


def test_sessions_outlive_a_restart_but_not_their_length(offline_settings: Settings) -> None:
    with run_dashboard(offline_settings) as first:
        cookies = first.browser("vera").client.cookies
        kept = first.context.accounts.users()
    # users created again have a new salt, so those from before are restored
    with run_dashboard(offline_settings) as second:
        second.context.accounts._change(lambda users: users.update(kept))
        browser = second.browser()
        browser.client.cookies.update(cookies)
        assert browser.get("me").status_code == 200
        with second.context.store.write_transaction() as connection:
            connection.execute(text("UPDATE sessions SET expires_at = 0"))
        assert browser.get("me").status_code == 401


def test_the_audit_cannot_be_changed(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    with store.write_transaction() as connection:
        add_audit_entry(connection, "a", "b", "c", {})
    for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
        with (
            pytest.raises(IntegrityError, match="append only"),
            store.write_transaction() as connection,
        ):
            connection.execute(text(statement))
    store.close()


def test_passwords_are_hashed_with_a_salt() -> None:
    first, second = (hash_password("a long password") for _ in range(2))
    assert first != second
    assert "a long password" not in first
    assert verify_password("a long password", first)
    assert not verify_password("a longer password", first)


@pytest.mark.parametrize("name", ["", "../x", "<b>", "a" * 65, "-x"])
def test_names_that_will_not_do_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        Accounts(tmp_path / "users.json", CHEAP).add(name, "viewer", "long enough password")


def test_short_passwords_damaged_files_and_taken_ports_are_reported(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users.json", CHEAP)
    with pytest.raises(ConfigurationError, match="12 to 256"):
        accounts.add("anna", "viewer", "short")
    accounts.path.write_text("{]")
    with pytest.raises(DataError, match="damaged"):
        accounts.users()
    (tmp_path / "history.db").write_text("this is no database, although it is long enough to be one" * 9)
    with pytest.raises(DataError, match="cannot be used"):
        Store(tmp_path / "history.db")
    with listen("dashboard", "127.0.0.1", 0, backlog=1) as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match="cannot listen"):
            listen("dashboard", "127.0.0.1", taken, backlog=1)


def test_a_bucket_refills() -> None:
    limit = RateLimit(2, refill_s=0.05)
    assert [limit.take("a") for _ in range(3)] == [True, True, False]
    assert limit.take("b")
    wait_for(lambda: limit.take("a"))
