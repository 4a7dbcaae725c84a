"""Users from the command line: the first password, and what the audit says of each change."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud.errors import ConfigurationError
from fraud.settings import Settings
from serving.dashboard.auth.first_password import add_first_user
from serving.dashboard.auth.user_admin import administering
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import CHEAP, PASSWORDS, DashboardServer, stored_accounts

FIRST = "chosen by the operator"


def test_the_audit_names_who_added_changed_and_removed_which_user(
    offline_dashboard: DashboardServer, offline_settings: Settings
) -> None:
    with administering(offline_settings, "carol", CHEAP) as admin:
        admin.add("dora", "viewer", "a password for her")
        admin.set_role("dora", "analyst")
        admin.add("dora", "admin", "another password for her")
        admin.remove("dora")
    entries = offline_dashboard.browser("adam").get("audit", who="carol").json()["entries"]
    assert [(one["action"], one["subject"], one["detail"]) for one in reversed(entries)] == [
        ("user added", "dora", {"role": "viewer"}),
        ("role changed", "dora", {"role": "analyst", "former": "viewer"}),
        ("password set", "dora", {}),
        ("role changed", "dora", {"role": "admin", "former": "analyst"}),
        ("user removed", "dora", {}),
    ]


def test_a_role_that_is_taken_away_counts_at_once(
    offline_dashboard: DashboardServer, offline_settings: Settings
) -> None:
    adam = offline_dashboard.browser("adam")
    assert adam.get("audit").status_code == 200
    with administering(offline_settings, "carol", CHEAP) as admin:
        admin.set_role("adam", "viewer")
    assert adam.get("audit").status_code == 403


def test_an_admin_ends_all_sessions_of_a_person(
    offline_dashboard: DashboardServer, offline_settings: Settings
) -> None:
    browsers = [offline_dashboard.browser("anna") for _ in range(2)]
    with administering(offline_settings, "carol", CHEAP) as admin:
        assert admin.log_out("anna") == 2
    assert [one.get("me").status_code for one in browsers] == [401, 401]


def test_who_gets_a_password_from_an_admin_must_change_it(
    offline_dashboard: DashboardServer, offline_settings: Settings
) -> None:
    with administering(offline_settings, "carol", CHEAP) as admin:
        admin.add("dora", "viewer", PASSWORDS["vera"])
    answer = offline_dashboard.browser().post("login", {"name": "dora", "password": PASSWORDS["vera"]})
    assert answer.json()["must_change_password"] is True


def test_the_first_password_is_that_of_the_file_and_no_text_has_it(
    make_settings: SettingsFactory, tmp_path: Path, database_url: str | None
) -> None:
    # given a secret that is mounted as a file
    file = tmp_path / "password"
    file.write_text(FIRST + "\n")
    settings = make_settings(dashboard={"first_password_file": str(file), "database_url": database_url})
    # when the dashboard starts twice, without a terminal and then with one
    said = [add_first_user(settings, may_show=may_show, cost=CHEAP) for may_show in (False, True)]
    # then the user is added once, must change the password, and nothing that is printed has it
    assert said == [f"user admin, password in {file}", None]
    with stored_accounts(settings) as accounts:
        user = accounts.log_in("admin", FIRST)
    assert user is not None
    assert (user.role, user.must_change) == ("admin", True)
    assert FIRST not in repr(settings)


def test_without_a_file_a_log_gets_the_place_of_the_password_and_a_terminal_the_password(
    make_settings: SettingsFactory,
) -> None:
    settings = make_settings()
    said = add_first_user(settings, may_show=False, cost=CHEAP)
    file = settings.home / "dashboard" / "first-password"
    assert said == f"user admin, password in {file}"
    assert file.stat().st_mode & 0o777 == 0o600
    password = file.read_text().strip()
    assert len(password) >= 12
    assert password not in said
    with stored_accounts(settings) as accounts:
        assert accounts.log_in("admin", password) is not None
        # and on a terminal, of another home, it is shown
        accounts.remove("admin")
        shown = add_first_user(settings, may_show=True, cost=CHEAP)
        assert shown is not None
        assert accounts.log_in("admin", shown.rpartition(" ")[2]) is not None


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda file: file.unlink(), "cannot be read"),
        (lambda file: file.write_text(" \n"), "is empty"),
        (lambda file: file.write_text("too short"), "12 to 256"),
        (lambda file: file.write_bytes(b"\xff\xfe classified"), "no UTF-8"),
    ],
    ids=["missing", "empty", "short", "bytes"],
)
def test_a_file_that_will_not_do_is_a_sentence_without_its_content(
    make_settings: SettingsFactory, tmp_path: Path, write: Callable[[Path], object], said: str
) -> None:
    file = tmp_path / "password"
    file.write_text(FIRST)
    write(file)
    settings = make_settings(dashboard={"first_password_file": str(file)})
    with pytest.raises(ConfigurationError, match=said) as refused:
        add_first_user(settings, may_show=False, cost=CHEAP)
    assert "classified" not in str(refused.value)
    with stored_accounts(settings) as accounts:
        assert accounts.users() == {}


def test_with_the_companys_login_alone_there_is_no_first_user(make_settings: SettingsFactory) -> None:
    oidc = {"issuer": "https://login.example.org", "client_id": "x"}
    settings = make_settings(dashboard={"oidc": oidc, "password_login": False})
    assert add_first_user(settings, may_show=True, cost=CHEAP) is None
    with stored_accounts(settings) as accounts:
        assert accounts.users() == {}
    with (
        administering(settings, "carol", CHEAP) as admin,
        pytest.raises(ConfigurationError, match="issuer's"),
    ):
        admin.add("dora", "viewer", "a password for her")


def test_users_leave_no_connection_open_once_their_store_is_closed(offline_settings: Settings) -> None:
    # given users that were read and changed, through a store of the caller's
    with stored_accounts(offline_settings) as accounts:
        accounts.add("dora", "viewer", "a password for her")
        assert accounts.users().keys() == {"dora"}
    # when nobody has them any longer, then none of their connections is found open: that would be a warning
    del accounts
    gc.collect()
