"""Sessions: a token in a cookie, whose hash is in the store, and a CSRF token."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from fraud.settings import OidcSettings
from serving.dashboard.auth.accounts import Accounts, User
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import sessions


@dataclass(frozen=True)
class Session:
    """A user who is logged in; requests that change something carry `csrf` in a header."""

    user: User
    csrf: str

    def confirms(self, csrf: str) -> bool:
        """Whether a request carries this session's CSRF token."""
        return hmac.compare_digest(csrf.encode(), self.csrf.encode())


class Sessions:
    """The open sessions; they outlive a restart.

    A user without a password logged in at the company's issuer: the session stores the role, and ends when
    the issuer's settings change.
    """

    def __init__(self, store: Store, accounts: Accounts, length: timedelta, oidc: OidcSettings) -> None:
        self._store = store
        self._accounts = accounts
        self._length_ms = round(length.total_seconds() * 1_000)
        self._issuer = _hash(f"{oidc.issuer} {oidc.client_id} {oidc.role_claim} {sorted(oidc.roles.items())}")

    def open(self, user: User) -> str:
        """Open a session; returns the cookie's value."""
        token, now = secrets.token_urlsafe(32), now_ms()
        stamp, role = (user.stamp, None) if user.password else (self._issuer, user.role)
        row = {
            "token": _hash(token), "user": user.name, "stamp": stamp, "csrf": secrets.token_urlsafe(24),
            "expires_at": now + self._length_ms, "role": role,
        }  # fmt: skip
        with self._store.write_transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at < now))
            connection.execute(insert(sessions), row)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a cookie; None once it expired, or its user was removed or has a new password."""
        open_ones = select(sessions).where(sessions.c.expires_at >= now_ms())
        with self._store.reading() as connection:
            found = connection.execute(open_ones.where(sessions.c.token == _hash(token)))
            row = found.mappings().first()
        user = self._user(row) if row else None
        return Session(user, row["csrf"]) if row and user else None

    def names_of_analysts(self) -> set[str]:
        """Analysts and admins who are logged in at the company's issuer."""
        query = select(sessions.c.user).where(
            sessions.c.role.in_(("analyst", "admin")),
            sessions.c.stamp == self._issuer,
            sessions.c.expires_at >= now_ms(),
        )
        with self._store.reading() as connection:
            return set(connection.scalars(query))

    def close(self, token: str) -> None:
        """End a session."""
        with self._store.write_transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.token == _hash(token)))

    def _user(self, row: Mapping[Any, Any]) -> User | None:
        if row["role"] is not None:
            return User(row["user"], row["role"], "") if row["stamp"] == self._issuer else None
        user = self._accounts.users().get(row["user"])
        return user if user and user.stamp == row["stamp"] else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
