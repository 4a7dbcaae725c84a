"""What other users of the machine can read of payments: nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud.lake import open_lake
from fraud.machine.private_files import keep_private
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory


@pytest.fixture
def generous_umask() -> Iterator[None]:
    """As some systems have it: everybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(store: Store) -> None:
    with store.write_transaction() as connection:
        add_audit_entry(connection, "a", "b", "c", {})


def test_the_history_is_for_its_owner_whatever_the_umask(
    make_settings: SettingsFactory, generous_umask: None
) -> None:
    file = database_of(make_settings())
    assert isinstance(file, Path)
    store = Store(file)
    write(store)
    assert mode(file.parent) == 0o700
    names = {"history.db", "history.db-wal", "history.db-shm"}
    assert {one.name: mode(one) for one in file.parent.iterdir()} == dict.fromkeys(names, 0o600)
    store.close()


def test_a_history_that_everybody_could_read_is_closed_to_them(
    make_settings: SettingsFactory, generous_umask: None
) -> None:
    file = database_of(make_settings())
    assert isinstance(file, Path)
    Store(file).close()
    file.chmod(0o666)
    store = Store(file)
    write(store)
    assert {mode(one) for one in file.parent.iterdir()} == {0o600}
    store.close()


def test_nobody_else_enters_the_lake(make_settings: SettingsFactory, generous_umask: None) -> None:
    settings = make_settings()
    open_lake(settings).write_bytes(b"a payment", "raw/transactions/one")
    assert mode(Path(settings.lake_url)) == 0o700


def test_what_a_program_of_ours_writes_is_its_users_alone(tmp_path: Path, generous_umask: None) -> None:
    keep_private()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    assert (mode(tmp_path / "folder"), mode(tmp_path / "folder" / "file")) == (0o700, 0o600)
