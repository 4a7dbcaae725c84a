"""Passwords: what they cost a guesser, which may be chosen, and what a flood of logins may cost us."""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud.errors import ConfigurationError, DataError
from serving.dashboard.auth import accounts as accounts_module
from serving.dashboard.auth.accounts import Accounts
from serving.dashboard.auth.password_rules import PasswordRules
from serving.dashboard.auth.passwords import (
    OWASP_COST,
    HashingSlots,
    ScryptCost,
    TooManyLoginsError,
    hash_password,
    needs_new_hash,
    spend_difference,
    verify_password,
)
from serving.dashboard.auth.stored_accounts import open_accounts
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import CHEAP, PASSWORDS, DashboardServer, wait_for

BREACHED, UNKNOWN = "correct horse battery", "a password of our own"
ListWriter = Callable[[Path], Path]


def digest_of(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def many_passwords() -> list[str]:
    return [f"breached password {number}" for number in range(2_000)]


def as_plain_list(folder: Path) -> Path:
    file = folder / "passwords.txt"
    file.write_text("\n".join([*many_passwords(), BREACHED]) + "\n")
    return file


def as_sorted_digests(folder: Path) -> Path:
    file = folder / "digests.txt"
    lines = sorted(f"{digest_of(one)}:{number}" for number, one in enumerate([*many_passwords(), BREACHED]))
    file.write_text("\r\n".join(lines) + "\r\n")
    return file


def as_ranges(folder: Path) -> Path:
    for one in (BREACHED, UNKNOWN):
        (folder / f"{digest_of(one)[:5]}.txt").write_text(f"{'0' * 35}:3\n")
    with (folder / f"{digest_of(BREACHED)[:5]}.txt").open("a") as file:
        file.write(f"{digest_of(BREACHED)[5:].lower()}:12\n")
    return folder


@pytest.mark.parametrize("write", [as_plain_list, as_sorted_digests, as_ranges])
def test_a_breached_password_is_refused_by_each_kind_of_list(tmp_path: Path, write: ListWriter) -> None:
    rules = PasswordRules(write(tmp_path))
    with pytest.raises(ConfigurationError, match="breached"):
        rules.require(BREACHED, "anna")
    rules.require(UNKNOWN, "anna")


def test_every_line_of_a_sorted_list_is_found_the_first_and_the_last_too(tmp_path: Path) -> None:
    rules = PasswordRules(as_sorted_digests(tmp_path))
    for one in many_passwords():
        with pytest.raises(ConfigurationError, match="breached"):
            rules.require(one, "anna")


def test_a_range_that_is_missing_lets_no_password_pass(tmp_path: Path) -> None:
    folder = as_ranges(tmp_path)
    (folder / f"{digest_of(UNKNOWN)[:5]}.txt").unlink()
    with pytest.raises(DataError, match="is missing"):
        PasswordRules(folder).require(UNKNOWN, "anna")


def test_a_list_that_is_not_there_is_reported_at_the_start(
    make_settings: SettingsFactory, store: Store
) -> None:
    settings = make_settings(dashboard={"breached_passwords": "/nowhere/passwords.txt"})
    with pytest.raises(ConfigurationError, match="FRAUD_DASHBOARD__BREACHED_PASSWORDS"):
        open_accounts(settings, store, CHEAP)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("eleven char", "12 to 256"),
        ("x" * 257, "12 to 256"),
        ("aaaaaaaaaaaaaaaa", "four different"),
        ("my name is Johanna 1", "name of its user"),
    ],
)
def test_passwords_that_are_easy_to_guess_are_refused(password: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        PasswordRules().require(password, "johanna")


def test_new_hashes_cost_what_owasp_asks_for() -> None:
    # n = 2^17, r = 8, p = 1 and what the cheat sheet names as its equals
    assert OWASP_COST in {ScryptCost(1 << 17 - step, 8, p) for step, p in enumerate((1, 2, 3, 5, 10))}
    assert hash_password("a long password").startswith("scrypt$65536$8$2$")


def test_a_hash_of_a_former_version_still_lets_in_and_is_replaced_at_the_login(tmp_path: Path) -> None:
    # given a user of a version that hashed at a lower cost
    former = hash_password("ten letters", ScryptCost(8))
    path = tmp_path / "users.json"
    path.write_text(json.dumps([{"name": "anna", "role": "analyst", "password": former}]))
    accounts = Accounts(path, CHEAP)
    # when she logs in, and in vain before
    assert accounts.log_in("anna", "ten letterz") is None
    assert accounts.users()["anna"].password == former
    user = accounts.log_in("anna", "ten letters")
    # then her hash has today's cost, and the session that opens is one of the new hash
    assert user is not None
    assert user == Accounts(path, CHEAP).users()["anna"]
    assert not needs_new_hash(user.password, CHEAP)
    assert verify_password("ten letters", user.password)


def test_a_user_who_is_removed_during_the_login_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a login whose hash is to be replaced
    accounts, other_process = (Accounts(tmp_path / "users.json", cost) for cost in (CHEAP, ScryptCost(8)))
    other_process.add("anna", "analyst", PASSWORDS["anna"])

    def hash_slowly(password: str, cost: ScryptCost) -> str:
        other_process.remove("anna")
        return hash_password(password, cost)

    # when another process removes the user meanwhile
    monkeypatch.setattr(accounts_module, "hash_password", hash_slowly)
    accounts.log_in("anna", PASSWORDS["anna"])
    # then the user stays removed
    assert accounts.users() == {}


def test_changes_of_two_processes_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    one, other = Accounts(path, CHEAP), Accounts(path, CHEAP)

    def add(accounts: Accounts, prefix: str) -> None:
        for number in range(40):
            accounts.add(f"{prefix}{number}", "viewer", "a long password")

    threads = [threading.Thread(target=add, args=pair) for pair in ((one, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one.users()) == 80


def test_a_refusal_takes_as_long_for_an_old_hash_as_for_a_name_that_nobody_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work: list[int] = []
    monkeypatch.setattr(
        hashlib,
        "scrypt",
        lambda *_, n, r, p, **__: work.append(n * r * p) or b"0" * 32,  # type: ignore[func-returns-value]
    )
    totals = []
    for cost in (ScryptCost(1 << 15), OWASP_COST):
        work.clear()
        hashed = hash_password("a long password", cost)
        work.clear()
        verify_password("another", hashed)
        spend_difference("another", hashed, OWASP_COST)
        totals.append(sum(work))
    assert totals[0] == totals[1] == OWASP_COST.n * OWASP_COST.r * OWASP_COST.p


def test_a_flood_of_logins_computes_two_hashes_at_a_time_and_turns_the_rest_away(
    offline_dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given passwords that take long to check, and nobody who is slowed down by name or address
    limits, context = offline_dashboard.context.limits, offline_dashboard.context
    for limit in (limits.logins_by_address, limits.logins_by_name):
        monkeypatch.setattr(limit, "take", lambda _: True)
    running, most, may_end = [0], [0], threading.Event()
    lock = threading.Lock()

    def verify_slowly(password: str, hashed: str) -> bool:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        may_end.wait(20)
        with lock:
            running[0] -= 1
        return False

    monkeypatch.setattr(accounts_module, "verify_password", verify_slowly)
    vera = context.sessions.open(context.accounts.users()["vera"])
    # when 30 come at once
    codes: list[int] = []

    def try_login(number: int) -> None:
        body = {"name": f"user{number}", "password": "not this one"}
        codes.append(offline_dashboard.browser().post("login", body).status_code)

    threads = [threading.Thread(target=try_login, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    # then two are checked, six wait, and 22 must come again
    wait_for(lambda: codes.count(503) == 22)
    assert most == [2]
    # and the page works for others meanwhile
    reader = offline_dashboard.browser()
    reader.client.cookies.set("fraud", vera)
    assert reader.get("me").status_code == 200
    may_end.set()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [401] * 8 + [503] * 22


def test_a_slot_is_free_again_after_an_error() -> None:
    slots = HashingSlots(running=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="wrong"), slots.take():
            raise ValueError("wrong")
    with slots.take(), pytest.raises(TooManyLoginsError), slots.take():
        raise AssertionError


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_first_user_is_added_once_by_whichever_replica_is_first(store: Store) -> None:
    from serving.dashboard.auth.stored_accounts import StoredAccounts

    replicas = [StoredAccounts(store, CHEAP) for _ in range(2)]
    added = [one.add_first("admin", f"a long password {number}") for number, one in enumerate(replicas)]
    assert added == [True, False]
    assert replicas[1].log_in("admin", "a long password 0") is not None
