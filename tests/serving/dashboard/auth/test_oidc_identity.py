"""Who somebody of the company's issuer is, and what an issuer that hangs may hold up."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud.errors import ConfigurationError
from fraud.settings import load_settings
from serving.dashboard.auth.oidc.documents import IssuerDocument
from serving.dashboard.auth.oidc.names import OidcNames
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.auth.issuer import CLIENT, SECRET, Issuer, run_issuer
from tests.serving.dashboard.auth.test_oidc import LoginPage, refusal, settings_with_issuer
from tests.serving.dashboard.support import Browser, run_dashboard, wait_for

ISSUER = "https://login.example.org"


@pytest.fixture
def login_page(make_settings: SettingsFactory, database_url: str | None) -> Iterator[LoginPage]:
    with run_issuer() as issuer:
        oidc = {"issuer": issuer.url, "client_id": CLIENT, "client_secret": SECRET}
        settings = make_settings(
            dashboard={"oidc": oidc, "database_url": database_url}, kafka={"request_timeout_s": 0.2}
        )
        with run_dashboard(settings) as dashboard:
            yield LoginPage(dashboard, issuer)


def log_in_as(login_page: LoginPage, subject: str, name: str) -> tuple[Browser, str]:
    login_page.issuer.person = {"sub": subject, "preferred_username": name, "roles": ["analyst"]}
    browser = login_page.dashboard.browser()
    assert login_page.log_in(browser).status_code == 303
    return browser, browser.get("me").json()["name"]


def test_who_changes_the_name_at_the_issuer_stays_the_same_person(login_page: LoginPage) -> None:
    """Otherwise one person could propose a policy and approve it under another name."""
    assert log_in_as(login_page, "7", "carla")[1] == "carla"
    assert log_in_as(login_page, "7", "somebody.else")[1] == "carla"


def test_who_takes_anothers_name_does_not_become_that_person(login_page: LoginPage) -> None:
    names = [log_in_as(login_page, *one)[1] for one in (("7", "carla"), ("8", "carla"), ("9", "CARLA"))]
    assert names == ["carla", "carla-2", "CARLA-3"]
    # and each keeps the name
    assert log_in_as(login_page, "8", "carla")[1] == "carla-2"
    entries = login_page.dashboard.browser("adam").get("audit", who="carla-2").json()["entries"]
    assert entries[0]["detail"]["subject"] == "8"


def test_a_name_in_other_letters_than_a_users_with_a_password_is_refused(login_page: LoginPage) -> None:
    login_page.issuer.person = {"sub": "7", "preferred_username": "ADAM", "roles": ["admin"]}
    assert "logs in with a password" in refusal(login_page.log_in(login_page.dashboard.browser()))


@pytest.mark.parametrize("subject", ["", 7, None, ["7"], "x" * 256, "a\0b"])
def test_a_subject_that_is_none_is_refused(login_page: LoginPage, subject: object) -> None:
    login_page.issuer.person = {"sub": subject, "preferred_username": "carla", "roles": ["analyst"]}
    assert refusal(login_page.log_in(login_page.dashboard.browser()))


def test_two_replicas_give_a_person_one_name(store: Store) -> None:
    names, found = OidcNames(store), list[str]()
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        start.wait()
        found.append(names.name_of(ISSUER, str(number % 2), "carla"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["carla"] * 4 + ["carla-2"] * 4
    # and the same subject of another issuer is another person
    assert names.name_of("https://other.example.org", "0", "carla") == "carla-3"


def test_a_name_of_the_longest_length_gets_its_number(store: Store) -> None:
    names = OidcNames(store)
    longest = "a" * 64
    assert names.name_of(ISSUER, "1", longest) == longest
    assert names.name_of(ISSUER, "2", longest) == "a" * 62 + "-2"


def test_the_clients_secret_comes_from_a_file(make_settings: SettingsFactory, tmp_path: Path) -> None:
    file = tmp_path / "client-secret"
    file.write_text(SECRET + "\n")
    with run_issuer() as issuer:
        settings = settings_with_issuer(
            make_settings, issuer.url, client_secret=None, client_secret_file=str(file)
        )
        with run_dashboard(settings) as dashboard:
            page = LoginPage(dashboard, issuer)
            assert page.log_in(dashboard.browser()).status_code == 303
    assert SECRET not in repr(settings)


def test_two_secrets_of_a_client_or_a_file_that_is_missing_are_refused(
    make_settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="both set"):
        settings_with_issuer(make_settings, ISSUER, client_secret_file="/nowhere")
    for name, value in {"ISSUER": ISSUER, "CLIENT_ID": "x", "CLIENT_SECRET_FILE": "/nowhere"}.items():
        monkeypatch.setenv(f"FRAUD_DASHBOARD__OIDC__{name}", value)
    with pytest.raises(ConfigurationError, match="CLIENT_SECRET_FILE: /nowhere cannot be read"):
        load_settings().dashboard.oidc.read_secret()


@pytest.fixture
def hanging_issuer(
    login_page: LoginPage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[LoginPage, threading.Event]]:
    """An issuer that takes every connection and answers none until the event is set."""
    answers = threading.Event()
    real = Issuer.metadata

    def metadata(issuer: Issuer) -> dict[str, object]:
        answers.wait(30)
        return real(issuer)

    monkeypatch.setattr(Issuer, "metadata", metadata)
    yield login_page, answers
    answers.set()


def test_logins_at_an_issuer_that_hangs_hold_up_nobody_else(
    hanging_issuer: tuple[LoginPage, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given fifty people who wait for the issuer, more than there are threads
    login_page, answers = hanging_issuer
    monkeypatch.setattr(login_page.dashboard.context.limits.logins_by_address, "take", lambda _: True)
    codes: list[int] = []

    def leave() -> None:
        codes.append(login_page.dashboard.browser().get("oidc/login").status_code)

    threads = [threading.Thread(target=leave) for _ in range(50)]
    for thread in threads:
        thread.start()
    # then all but eight are refused at once
    wait_for(lambda: codes.count(502) == 42, timeout_s=8)
    # and others log in with a password and work
    started = time.monotonic()
    assert login_page.dashboard.browser("anna").get("alerts").status_code == 200
    assert time.monotonic() - started < 5
    # and when the issuer answers, so do the eight
    answers.set()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [303] * 8 + [502] * 42


def test_a_document_is_loaded_once_for_all_who_wait() -> None:
    may_load, loads = threading.Event(), list[int]()

    def load() -> dict[str, int]:
        loads.append(1)
        may_load.wait(20)
        return {"number": len(loads)}

    document, found = IssuerDocument(load, wait_s=20), list[dict[str, int]]()
    threads = [threading.Thread(target=lambda: found.append(document.get())) for _ in range(5)]
    for thread in threads:
        thread.start()
    may_load.set()
    for thread in threads:
        thread.join()
    assert found == [{"number": 1}] * 5


def test_after_a_failure_the_document_from_before_stays_in_use_and_nobody_asks_at_once() -> None:
    loads = list[int]()

    def load() -> dict[str, int]:
        loads.append(1)
        if len(loads) > 1:
            raise OSError("silent")
        return {"number": 1}

    document = IssuerDocument(load, wait_s=1)
    assert document.get() == {"number": 1}
    assert [document.get(max_age_s=-1) for _ in range(3)] == [{"number": 1}] * 3
    assert len(loads) == 2


def test_while_it_is_loaded_again_others_use_what_is_there() -> None:
    may_load, is_loading = threading.Event(), threading.Event()

    def load() -> dict[str, int]:
        if document._document is not None:
            is_loading.set()
            may_load.wait(20)
        return {}

    document = IssuerDocument(load, wait_s=20)
    document.get()
    slow = threading.Thread(target=document.get, args=(-1,))
    slow.start()
    assert is_loading.wait(20)
    started = time.monotonic()
    assert document.get(max_age_s=-1) == {}
    assert time.monotonic() - started < 5
    may_load.set()
    slow.join()


def test_without_any_document_a_failure_reaches_all() -> None:
    def load() -> dict[str, int]:
        raise ValueError("no JSON")

    document = IssuerDocument(load, wait_s=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="no JSON"):
            document.get()
