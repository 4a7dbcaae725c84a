"""Locks after failed logins: of names and addresses, shared and kept, ended by time or by an admin."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from fraud.settings import Settings
from serving.dashboard.auth.lockouts import LockoutLimits, Lockouts
from serving.dashboard.auth.user_admin import administering
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import CHEAP, PASSWORDS, Browser, DashboardServer, run_dashboard

LIMITS = LockoutLimits(of_name=3, of_address=6, duration=timedelta(minutes=30))
HERE = "192.0.2.7"


@pytest.fixture
def strict_settings(make_settings: SettingsFactory, database_url: str | None) -> Settings:
    """Three failures lock an account."""
    dashboard = {"database_url": database_url, "lockout_failures": 3}
    return make_settings(kafka={"request_timeout_s": 0.2}, dashboard=dashboard)


@pytest.fixture
def strict_dashboard(strict_settings: Settings) -> Iterator[DashboardServer]:
    with run_dashboard(strict_settings) as one:
        yield one


def try_login(browser: Browser, name: str, password: str = "not this one") -> httpx.Response:
    return browser.post("login", {"name": name, "password": password})


def fail(browser: Browser, name: str, times: int) -> list[int]:
    return [try_login(browser, name).status_code for _ in range(times)]


def audit_of(dashboard: DashboardServer) -> list[tuple[str, str]]:
    entries = dashboard.browser("adam").get("audit").json()["entries"]
    return [(one["who"], one["action"]) for one in entries]


def test_an_account_is_locked_even_for_the_right_password(strict_dashboard: DashboardServer) -> None:
    browser = strict_dashboard.browser()
    assert fail(browser, "anna", 3) == [401] * 3
    answer = try_login(browser, "anna", PASSWORDS["anna"])
    assert answer.status_code == 429
    assert "set-cookie" not in answer.headers
    assert ("anna", "account locked") in audit_of(strict_dashboard)


def all_of(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """Whatever could differ between two answers."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, answer.text, headers


def test_a_lock_does_not_show_which_names_exist(strict_dashboard: DashboardServer) -> None:
    answers = {}
    for name in ("anna", "nobody"):
        browser = strict_dashboard.browser()
        answers[name] = [all_of(try_login(browser, name)) for _ in range(4)]
    assert answers["anna"] == answers["nobody"]
    assert [code for code, *_ in answers["nobody"]] == [401, 401, 401, 429]
    # and the audit names no name that nobody has: it may be a password in the wrong field
    assert not any(who == "nobody" for who, _ in audit_of(strict_dashboard))


def test_a_lock_outlives_a_restart(strict_settings: Settings) -> None:
    with run_dashboard(strict_settings) as first:
        fail(first.browser(), "anna", 3)
    with run_dashboard(strict_settings) as second:
        assert try_login(second.browser(), "anna", PASSWORDS["anna"]).status_code == 429


def test_the_failures_at_two_replicas_count_together(
    make_settings: SettingsFactory, shared_database: str
) -> None:
    dashboard = {"database_url": shared_database, "lockout_failures": 3}
    settings = make_settings(kafka={"request_timeout_s": 0.2}, dashboard=dashboard)
    with run_dashboard(settings) as one, run_dashboard(settings) as other:
        fail(one.browser(), "anna", 2)
        fail(other.browser(), "anna", 1)
        for replica in (one, other):
            assert try_login(replica.browser(), "anna", PASSWORDS["anna"]).status_code == 429


def test_an_admin_releases_a_lock_and_the_audit_says_who(
    strict_dashboard: DashboardServer, strict_settings: Settings
) -> None:
    fail(strict_dashboard.browser(), "anna", 3)
    with administering(strict_settings, "carol", CHEAP) as admin:
        assert list(admin.locked()) == ["anna"]
        assert admin.unlock("anna")
        assert not admin.unlock("anna")
    assert try_login(strict_dashboard.browser(), "anna", PASSWORDS["anna"]).status_code == 200
    assert ("carol", "account unlocked") in audit_of(strict_dashboard)


def test_a_success_ends_the_row_of_failures(strict_dashboard: DashboardServer) -> None:
    browser = strict_dashboard.browser()
    for _ in range(3):
        fail(browser, "anna", 2)
        assert try_login(browser, "anna", PASSWORDS["anna"]).status_code == 200


def test_a_stolen_session_cannot_guess_the_password(strict_dashboard: DashboardServer) -> None:
    anna = strict_dashboard.browser("anna")
    body = {"password": "not this one", "new": "another long one"}
    assert [anna.post("password", body).status_code for _ in range(4)] == [403, 403, 403, 429]


def pass_time(store: Store, lasted: timedelta) -> None:
    """As if the failures had been earlier."""
    ms = round(lasted.total_seconds() * 1_000)
    with store.write_transaction() as connection:
        connection.execute(
            text("UPDATE login_failures SET last_at = last_at - :ms, locked_until = locked_until - :ms"),
            {"ms": ms},
        )


def test_a_lock_ends_by_itself_and_the_next_failures_count_from_the_start(store: Store) -> None:
    lockouts = Lockouts(store, LIMITS)
    assert [lockouts.admit("anna", HERE).locks for _ in range(3)] == [(), (), ("account",)]
    assert not lockouts.admit("anna", HERE).is_allowed
    pass_time(store, timedelta(minutes=29))
    assert not lockouts.admit("anna", HERE).is_allowed
    pass_time(store, timedelta(minutes=2))
    assert [lockouts.admit("anna", HERE).locks for _ in range(3)] == [(), (), ("account",)]


def test_an_address_that_tries_many_names_is_locked_and_others_are_not(store: Store) -> None:
    lockouts = Lockouts(store, LIMITS)
    locks = [lockouts.admit(f"name{number}", HERE).locks for number in range(6)]
    assert locks[-1] == ("address",)
    assert not lockouts.admit("another", HERE).is_allowed
    assert lockouts.admit("another", "192.0.2.8").is_allowed
    # and an own account does not make the address good again
    pass_time(store, timedelta(hours=1))
    for number in range(4):
        lockouts.admit(f"name{number}", HERE)
        lockouts.admit("mine", HERE)
        lockouts.succeeded("mine", HERE)
    assert [lockouts.admit(f"more{number}", HERE).locks for number in range(2)] == [(), ("address",)]
    assert lockouts.release_address(HERE)
    assert lockouts.admit("another", HERE).is_allowed


def test_simultaneous_tries_are_no_more_than_allowed(store: Store) -> None:
    lockouts = Lockouts(store, LockoutLimits(5, 1_000, timedelta(minutes=30)))
    allowed: list[bool] = []
    start = threading.Barrier(12)

    def try_once() -> None:
        start.wait()
        allowed.append(lockouts.admit("anna", HERE).is_allowed)

    threads = [threading.Thread(target=try_once) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 7 + [True] * 5


def test_names_that_are_made_up_do_not_fill_the_database(store: Store) -> None:
    lockouts = Lockouts(store, LIMITS)
    for number in range(40):
        lockouts.admit(f"name{number}", "")
    pass_time(store, timedelta(hours=1))
    lockouts.admit("anna", "")
    with store.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM login_failures")) == 1
        keys = connection.scalars(text("SELECT key FROM login_failures")).all()
    assert "anna" not in str(keys)
