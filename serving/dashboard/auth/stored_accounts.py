"""Users in the database, for several replicas: a file would be each replica's own."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import delete, select

from fraud.settings import Settings
from serving.dashboard.auth.accounts import SCRYPT_N, Accounts, User
from serving.dashboard.database.statements import insert_into
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import users


class StoredAccounts(Accounts):
    """The users of a shared database."""

    def __init__(self, store: Store, scrypt_n: int = SCRYPT_N) -> None:
        super().__init__(Path("users"), scrypt_n)
        self._store = store

    def users(self) -> dict[str, User]:
        """All users by name."""
        with self._store.reading() as connection:
            rows = connection.execute(select(users)).mappings().all()
        return {row["name"]: User(row["name"], row["role"], row["password"]) for row in rows}

    def _change(self, change: Callable[[dict[str, User]], object]) -> None:
        before = self.users()
        after = dict(before)
        change(after)
        with self._store.write_transaction() as connection:
            connection.execute(delete(users).where(users.c.name.in_(before.keys() - after.keys())))
            insert = insert_into(connection, users)
            values = {name: insert.excluded[name] for name in ("role", "password")}
            upsert = insert.on_conflict_do_update(index_elements=["name"], set_=values)
            for one in set(after.values()) - set(before.values()):
                connection.execute(upsert, {"name": one.name, "role": one.role, "password": one.password})


def open_accounts(settings: Settings, store: Store | None = None, scrypt_n: int = SCRYPT_N) -> Accounts:
    """The users of the settings' dashboard: in its database if that is PostgreSQL, else in a file.

    Args:
        settings: name the home or the database.
        store: is opened if it is not given.
        scrypt_n: cost of new password hashes, a power of two.
    """
    if settings.dashboard.database_url is None:
        return Accounts(settings.home / "dashboard" / "users.json", scrypt_n)
    return StoredAccounts(store or Store(database_of(settings)), scrypt_n)
