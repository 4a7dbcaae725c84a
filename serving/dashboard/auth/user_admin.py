"""What an admin does with users outside the page, each with its line in the audit."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from fraud.errors import ConfigurationError
from fraud.settings import Settings
from serving.dashboard.auth.accounts import Role, User
from serving.dashboard.auth.lockouts import LockoutLimits, Lockouts
from serving.dashboard.auth.passwords import OWASP_COST, ScryptCost
from serving.dashboard.auth.sessions import close_sessions_of
from serving.dashboard.auth.stored_accounts import open_accounts
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store


class UserAdmin:
    """Changes users in the name of `who`; beside a running dashboard, which sees each change at once."""

    def __init__(self, settings: Settings, store: Store, who: str, cost: ScryptCost = OWASP_COST) -> None:
        self._store = store
        self._who = who
        self._with_password = settings.dashboard.password_login
        self._accounts = open_accounts(settings, store, cost)
        self._lockouts = open_lockouts(settings, store)

    def users(self) -> dict[str, User]:
        """All users by name."""
        return self._accounts.users()

    def locked(self) -> dict[str, int]:
        """Users whose login is locked, and until when (ms)."""
        return self._lockouts.locked(list(self.users()))

    def add(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give an existing one a role and a password, which its user must change.

        Raises:
            ConfigurationError: the name or the password is not allowed, or nobody logs in with one.
        """
        if not self._with_password:
            raise ConfigurationError(
                "nobody logs in with a password here (FRAUD_DASHBOARD__PASSWORD_LOGIN is false); people and "
                "their roles are the issuer's"
            )
        former = self.users().get(name)
        self._accounts.add(name, role, password, must_change=True)
        self._lockouts.release(name)
        if former is None:
            self._record("user added", name, role=role)
            return
        self._record("password set", name)
        if former.role != role:
            self._record("role changed", name, role=role, former=former.role)

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role, which counts at once.

        Raises:
            ConfigurationError: there is no such user.
        """
        former = self._accounts.set_role(name, role)
        self._record("role changed", name, role=role, former=former)

    def remove(self, name: str) -> None:
        """Remove a user, whose sessions end at once.

        Raises:
            ConfigurationError: there is no such user.
        """
        self._accounts.remove(name)
        self._record("user removed", name)

    def log_out(self, name: str) -> int:
        """End all sessions of a person, also of one of the company's issuer; returns how many there were."""
        count = close_sessions_of(self._store, name)
        self._record("sessions ended", name, sessions=count)
        return count

    def unlock(self, name: str) -> bool:
        """End the lock of a user's login; returns whether there was one."""
        was_locked = self._lockouts.release(name)
        if was_locked:
            self._record("account unlocked", name)
        return was_locked

    def unlock_address(self, address: str) -> bool:
        """End the lock of an address; returns whether there was one."""
        was_locked = self._lockouts.release_address(address)
        if was_locked:
            self._record("address unlocked", address)
        return was_locked

    def add_first(self, name: str, password: str | None) -> str | None:
        """Add the first admin, who must change the password; returns it, or None if there are users already.

        Raises:
            ConfigurationError: the password is not allowed.
        """
        chosen = secrets.token_urlsafe(12) if password is None else password
        if self.users() or not self._accounts.add_first(name, chosen):
            return None
        self._record("user added", name, role="admin")
        return chosen

    def _record(self, action: str, subject: str, **detail: object) -> None:
        with self._store.write_transaction() as connection:
            add_audit_entry(connection, self._who, action, subject, detail)


def open_lockouts(settings: Settings, store: Store) -> Lockouts:
    """The locks of names and addresses in a store."""
    dashboard = settings.dashboard
    limits = LockoutLimits(
        dashboard.lockout_failures, dashboard.lockout_failures_of_address, dashboard.lockout
    )
    return Lockouts(store, limits)


@contextmanager
def administering(settings: Settings, who: str, cost: ScryptCost = OWASP_COST) -> Iterator[UserAdmin]:
    """Users of the settings' dashboard, while its store is open."""
    store = Store(database_of(settings))
    try:
        yield UserAdmin(settings, store, who, cost)
    finally:
        store.close()
