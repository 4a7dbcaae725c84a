"""Who may do what, and what is refused: forged, replayed, foreign and hostile requests."""

import json
from pathlib import Path

import httpx
import pytest

from fraud.errors import ConfigurationError, DataError
from fraud.settings import Settings
from serving.dashboard.auth.accounts import Accounts, hash_password, verify_password
from serving.dashboard.auth.rate_limit import RateLimit
from serving.dashboard.feed.store import Store
from serving.dashboard.run import listen
from tests.serving.dashboard.world import (
    CHEAP,
    PASSWORDS,
    Desk,
    judgement,
    labels_on,
    served,
    tell_alert,
    wait_for,
)

HOSTILE = "<img src=x onerror=alert(1)>\u202e'; DROP TABLE alerts;--"


@pytest.fixture
def alert(desk: Desk) -> str:
    """An alert on the page."""
    tell_alert(desk.settings, 1)
    browser = desk.browser("vera")
    wait_for(browser.alerts)
    return "t1"


@pytest.mark.broker
def test_a_verdict_lands_on_the_labels_with_the_analyst_as_source(desk: Desk, alert: str) -> None:
    # when an analyst judges
    answer = desk.browser("anna").judge(alert, "fraud", "called the customer")
    # then the label is on the topic
    assert answer.status_code == 201
    assert answer.json()["delivered"] is True
    found = labels_on(desk.settings)
    assert [(one["transaction_id"], one["is_fraud"], one["source"]) for one in found] == [
        ("t1", True, "analyst")
    ]
    # and the case tells who judged, with the note
    case = desk.browser("vera").get("case", transaction_id=alert).json()
    assert (case["alert"]["analyst"], case["alert"]["note"]) == ("anna", "called the customer")
    # and the audit has a line
    entries = desk.browser("adam").get("audit").json()["entries"]
    verdicts = [(one["who"], one["subject"]) for one in entries if one["action"] == "verdict"]
    assert verdicts == [("anna", "t1")]


@pytest.mark.broker
def test_unsure_is_kept_but_is_no_label(desk: Desk, alert: str) -> None:
    assert desk.browser("anna").judge(alert, "unsure").status_code == 201
    assert labels_on(desk.settings) == []
    assert desk.browser("vera").alerts(state="reviewed")[0]["verdict"] == "unsure"


@pytest.mark.broker
def test_a_viewer_cannot_judge(desk: Desk, alert: str) -> None:
    assert desk.browser("vera").judge(alert, "fraud").status_code == 403
    assert labels_on(desk.settings) == []


@pytest.mark.broker
def test_forged_and_cross_site_verdicts_are_refused(desk: Desk, alert: str) -> None:
    browser = desk.browser("anna")
    body, path = judgement(alert, "fraud"), "verdict"
    # without the session's token, with another's, from another site, as a form
    assert browser.client.post(f"/api/{path}", json=body).status_code == 403
    other = desk.browser("adam")
    assert browser.post(path, body, **{"X-CSRF-Token": other.csrf}).status_code == 403
    assert browser.post(path, body, Origin="https://evil.example").status_code == 403
    assert browser.post(path, body, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.post(path, body, Origin="null").status_code == 403
    form = browser.client.post(f"/api/{path}", data=body, headers={"X-CSRF-Token": browser.csrf})
    assert form.status_code == 422
    assert labels_on(desk.settings) == []
    # while the page itself may
    assert browser.post(path, body, Origin=desk.url).status_code == 201


@pytest.mark.broker
def test_a_replayed_verdict_is_refused(desk: Desk, alert: str) -> None:
    browser, body = desk.browser("anna"), judgement(alert, "legitimate")
    assert browser.post("verdict", body).status_code == 201
    assert browser.post("verdict", body).status_code == 409
    assert len(labels_on(desk.settings)) == 1


@pytest.mark.broker
def test_hostile_text_stays_text(desk: Desk) -> None:
    # given a merchant and a note that want to be markup and SQL
    tell_alert(desk.settings, 5, merchant_id=HOSTILE[:60])
    browser = desk.browser("anna")
    wait_for(browser.alerts)
    assert browser.judge("t5", "fraud", HOSTILE).status_code == 201
    # then they come back as they were, as JSON that no browser renders
    answer = browser.get("case", transaction_id="t5")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["alert"]["note"] == HOSTILE
    assert answer.json()["alert"]["merchant_id"] == HOSTILE[:60]


@pytest.mark.broker
def test_a_verdict_given_while_kafka_is_away_is_sent_later(settings: Settings) -> None:
    # given an alert of the store, and a dashboard that reaches no Kafka
    with served(settings) as desk:
        tell_alert(settings, 1)
        wait_for(desk.browser("vera").alerts)
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with served(settings.model_copy(update={"kafka": kafka})) as cut_off:
        answer = cut_off.browser("anna").judge("t1", "fraud")
        # then it is taken, and told to be pending
        assert answer.json()["delivered"] is False
        assert answer.json()["alert"]["pending"] == 1
    # and sent once Kafka is back
    with served(settings) as desk:
        browser = desk.browser("vera")
        wait_for(lambda: browser.alerts()[0]["pending"] == 0)
        assert [one["is_fraud"] for one in labels_on(settings)] == [True]


def test_nothing_is_told_to_strangers(lonely_desk: Desk) -> None:
    stranger = lonely_desk.browser()
    for path in ("me", "alerts", "case?transaction_id=t1", "live", "stream", "models", "monitoring", "audit"):
        assert stranger.get(path).status_code == 401, path
    assert stranger.client.get("/").status_code == 200
    assert stranger.client.get("/openapi.json").status_code == 404
    assert stranger.client.get("/..%2f..%2fusers.json").status_code == 404


def test_only_an_admin_reads_the_audit_and_promotes(lonely_desk: Desk) -> None:
    promotion = {"alias": "champion", "reason": "better"}
    for name in ("vera", "anna"):
        browser = lonely_desk.browser(name)
        assert browser.get("audit").status_code == 403
        assert browser.post("models/1/promote", promotion).status_code == 403
    assert lonely_desk.browser("adam").get("audit").status_code == 200


def test_the_cookie_is_out_of_scripts_and_other_sites_reach(lonely_desk: Desk) -> None:
    browser = lonely_desk.browser()
    answer = browser.post("login", {"name": "vera", "password": PASSWORDS["vera"]})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_behind_tls_the_cookie_is_for_https_alone(lonely_settings: Settings) -> None:
    section = lonely_settings.dashboard.model_copy(update={"behind_tls": True})
    with served(lonely_settings.model_copy(update={"dashboard": section})) as desk:
        browser = desk.browser()
        answer = browser.post("login", {"name": "vera", "password": PASSWORDS["vera"]})
    assert answer.headers["set-cookie"].startswith("__Host-fraud=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


def test_every_answer_has_the_security_headers(lonely_desk: Desk) -> None:
    stranger = lonely_desk.browser()
    for path in ("/", "/app.js", "/api/me", "/nowhere", "/health"):
        headers = stranger.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] in ("no-store", "no-cache")


def test_foreign_host_names_and_long_bodies_are_refused(lonely_desk: Desk) -> None:
    client = lonely_desk.browser().client
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost.evil.example:80"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost:1234"}).status_code == 200
    long = client.post("/api/login", content=b"x" * 70_000, headers={"Content-Type": "application/json"})
    assert long.status_code == 413
    endless = client.post("/api/login", content=iter([b"{", b"}"]))
    assert endless.status_code == 413


def test_guessing_passwords_is_slowed_down(lonely_desk: Desk) -> None:
    browser = lonely_desk.browser()

    def attempt() -> httpx.Response:
        return browser.post("login", {"name": "anna", "password": "not-this-one"})

    codes = [attempt().status_code for _ in range(7)]
    assert codes[:5] == [401] * 5
    assert codes[-1] == 429
    # and the right password does not help while it lasts, nor does it tell whether a name exists
    assert browser.post("login", {"name": "anna", "password": PASSWORDS["anna"]}).status_code == 429
    unknown = browser.post("login", {"name": "nobody", "password": "not-this-one"})
    assert unknown.json() == {"detail": "name or password is wrong"}


def test_logging_out_and_losing_the_account_end_the_session(lonely_desk: Desk) -> None:
    anna, adam, vera = (lonely_desk.browser(name) for name in ("anna", "adam", "vera"))
    assert anna.post("logout", {}).status_code == 204
    assert anna.get("me").status_code == 401
    accounts = Accounts(lonely_desk.parts.accounts.path, CHEAP)
    accounts.remove("adam")
    assert adam.get("me").status_code == 401
    accounts.add("vera", "viewer", "another password")
    assert vera.get("me").status_code == 401


def test_a_changed_role_counts_at_once_when_the_password_stays(lonely_desk: Desk) -> None:
    vera = lonely_desk.browser("vera")
    path = lonely_desk.parts.accounts.path
    users = json.loads(path.read_text())
    path.write_text(json.dumps([user | {"role": "admin"} for user in users]))
    assert vera.get("me").json()["role"] == "admin"


def test_sessions_outlive_a_restart_but_not_their_length(lonely_settings: Settings) -> None:
    with served(lonely_settings) as first:
        cookies = first.browser("vera").client.cookies
    # users made anew have a new salt, so the file is kept as it was
    parts_path = lonely_settings.home / "dashboard" / "users.json"
    kept = parts_path.read_text()
    with served(lonely_settings) as second:
        parts_path.write_text(kept)
        browser = second.browser()
        browser.client.cookies.update(cookies)
        assert browser.get("me").status_code == 200
        with second.parts.store.desk() as desk:
            desk.execute("UPDATE sessions SET expires_at = 0")
        assert browser.get("me").status_code == 401


def test_the_audit_cannot_be_changed(tmp_path: Path) -> None:
    import sqlite3

    store = Store(tmp_path / "history.db")
    with store.desk() as desk:
        desk.execute("INSERT INTO audit (at, who, action, subject, detail) VALUES (1, 'a', 'b', 'c', '{}')")
    for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append only"), store.desk() as desk:
            desk.execute(statement)
    store.close()


def test_passwords_are_hashed_with_a_salt() -> None:
    first, second = (hash_password("a long password") for _ in range(2))
    assert first != second
    assert "a long password" not in first
    assert verify_password("a long password", first)
    assert not verify_password("a longer password", first)


def test_the_first_password_is_made_once_and_the_file_is_private(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users.json", CHEAP)
    password = accounts.make_first()
    assert password is not None
    assert accounts.make_first() is None
    assert accounts.log_in("admin", password) is not None
    assert accounts.path.stat().st_mode & 0o777 == 0o600
    assert password not in accounts.path.read_text()


@pytest.mark.parametrize("name", ["", "../x", "<b>", "a" * 65, "-x"])
def test_names_that_will_not_do_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        Accounts(tmp_path / "users.json", CHEAP).add(name, "viewer", "long enough password")


def test_short_passwords_damaged_files_and_taken_ports_are_told(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users.json", CHEAP)
    with pytest.raises(ConfigurationError, match="10 to 256"):
        accounts.add("anna", "viewer", "short")
    accounts.path.write_text("{]")
    with pytest.raises(DataError, match="damaged"):
        accounts.users()
    (tmp_path / "history.db").write_text("this is no database, although it is long enough to be one" * 9)
    with pytest.raises(DataError, match="cannot be used"):
        Store(tmp_path / "history.db")
    with listen("127.0.0.1", 0) as listener, pytest.raises(ConfigurationError, match="cannot listen"):
        listen("127.0.0.1", listener.getsockname()[1])


def test_a_bucket_refills() -> None:
    limit = RateLimit(2, refill_s=0.05)
    assert [limit.take("a") for _ in range(3)] == [True, True, False]
    assert limit.take("b")
    wait_for(lambda: limit.take("a"))
