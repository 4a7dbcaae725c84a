"""Users in the database, for several replicas: a file would be each replica's own."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, delete, func, select

from fraud.settings import Settings
from serving.dashboard.auth.accounts import Accounts, User
from serving.dashboard.auth.password_rules import PasswordRules
from serving.dashboard.auth.passwords import OWASP_COST, ScryptCost
from serving.dashboard.database.statements import insert_into
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import users

_LOCK = 7_204_161
"""Two changes must not both start from the users as they were before; no other lock has this number."""


class StoredAccounts(Accounts):
    """The users of a shared database."""

    def __init__(
        self, store: Store, cost: ScryptCost = OWASP_COST, rules: PasswordRules | None = None
    ) -> None:
        super().__init__(Path("users"), cost, rules)
        self._store = store

    def users(self) -> dict[str, User]:
        """All users by name."""
        with self._store.reading() as connection:
            return _read(connection)

    def _change(self, change: Callable[[dict[str, User]], object]) -> None:
        with self._store.write_transaction() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            before = _read(connection)
            after = dict(before)
            change(after)
            connection.execute(delete(users).where(users.c.name.in_(before.keys() - after.keys())))
            insert = insert_into(connection, users)
            values = {name: insert.excluded[name] for name in ("role", "password", "must_change")}
            upsert = insert.on_conflict_do_update(index_elements=["name"], set_=values)
            for one in set(after.values()) - set(before.values()):
                row = {"name": one.name, "role": one.role, "password": one.password}
                connection.execute(upsert, row | {"must_change": int(one.must_change)})


def _read(connection: Connection) -> dict[str, User]:
    rows = connection.execute(select(users)).mappings().all()
    return {
        row["name"]: User(row["name"], row["role"], row["password"], bool(row["must_change"])) for row in rows
    }


def open_accounts(settings: Settings, store: Store, cost: ScryptCost = OWASP_COST) -> Accounts:
    """The users of the settings' dashboard: in its database if that is PostgreSQL, else in a file.

    Args:
        settings: name the home or the database, and a list of breached passwords.
        store: its database, which the caller closes when the users are no longer needed.
        cost: of new password hashes.

    Raises:
        ConfigurationError: the list does not exist.
    """
    rules = PasswordRules(settings.dashboard.breached_passwords)
    if settings.dashboard.database_url is None:
        return Accounts(settings.home / "dashboard" / "users.json", cost, rules)
    return StoredAccounts(store, cost, rules)
