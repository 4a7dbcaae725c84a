"""Sessions: a token in a cookie, whose hash is in the store, and a CSRF token."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from fraud.settings import OidcSettings
from serving.dashboard.auth.accounts import Accounts, User
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import sessions

_SEEN_STEP_MS = 60_000
_STEPS_OF_IDLE = 10
"""That somebody is active is written once a minute, or ten times within the idle time if that is shorter."""


@dataclass(frozen=True)
class SessionRules:
    """`idle`: without anything done by its user; `length`: from the login on, whatever is done.

    Without `with_password` only sessions of the company's issuer count.
    """

    idle: timedelta
    length: timedelta
    with_password: bool = True


@dataclass(frozen=True)
class Session:
    """A user who is logged in; requests that change something carry `csrf` in a header."""

    user: User
    csrf: str

    def confirms(self, csrf: str) -> bool:
        """Whether a request carries this session's CSRF token."""
        return hmac.compare_digest(csrf.encode(), self.csrf.encode())


class Sessions:
    """The open sessions; they outlive a restart, and end on all replicas at once.

    A user without a password logged in at the company's issuer: the session stores the role, and ends when
    the issuer's settings change.
    """

    def __init__(self, store: Store, accounts: Accounts, rules: SessionRules, oidc: OidcSettings) -> None:
        self._store = store
        self._accounts = accounts
        self._length_ms = round(rules.length.total_seconds() * 1_000)
        self._idle_ms = round(rules.idle.total_seconds() * 1_000)
        self._with_password = rules.with_password
        self._seen_step_ms = min(_SEEN_STEP_MS, self._idle_ms // _STEPS_OF_IDLE)
        self._issuer = _hash(f"{oidc.issuer} {oidc.client_id} {oidc.role_claim} {sorted(oidc.roles.items())}")

    def open(self, user: User, former: str = "") -> str:
        """Open a session in place of the one that the browser had; returns the cookie's value."""
        token, now = secrets.token_urlsafe(32), now_ms()
        stamp, role = (user.stamp, None) if user.password else (self._issuer, user.role)
        row = {
            "token": _hash(token), "user": user.name, "stamp": stamp, "csrf": secrets.token_urlsafe(24),
            "expires_at": now + self._length_ms, "role": role, "seen_at": now,
        }  # fmt: skip
        over = or_(sessions.c.expires_at < now, sessions.c.token == _hash(former))
        with self._store.write_transaction() as connection:
            connection.execute(delete(sessions).where(over))
            connection.execute(insert(sessions), row)
        return token

    def find(self, token: str, active_ms_ago: int | None = None) -> Session | None:
        """The session of a cookie; None once it ended, or its user was removed or has a new password.

        Args:
            token: of the cookie.
            active_ms_ago: when the user last did something; None: this request does not say.
        """
        with self._store.reading() as connection:
            found = connection.execute(
                select(sessions).where(self._is_open(), sessions.c.token == _hash(token))
            )
            row = found.mappings().first()
        user = self._user(row) if row else None
        if row is None or user is None:
            return None
        if active_ms_ago is not None:
            self._note_activity(row, now_ms() - active_ms_ago)
        return Session(user, row["csrf"])

    def names_of_analysts(self) -> set[str]:
        """Analysts and admins who logged in at the company's issuer today, also those who are idle."""
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

    def close_all(self, name: str) -> int:
        """End all sessions of a user, wherever they are; returns how many there were."""
        return close_sessions_of(self._store, name)

    def _is_open(self) -> ColumnElement[bool]:
        now = now_ms()
        return and_(sessions.c.expires_at >= now, sessions.c.seen_at >= now - self._idle_ms)

    def _note_activity(self, row: Mapping[Any, Any], at: int) -> None:
        """Later activity than what is stored; not each time, which would be a write for each request."""
        if at - row["seen_at"] < self._seen_step_ms:
            return
        later = update(sessions).where(sessions.c.token == row["token"], sessions.c.seen_at < at)
        with self._store.write_transaction() as connection:
            connection.execute(later.values(seen_at=at))

    def _user(self, row: Mapping[Any, Any]) -> User | None:
        if row["role"] is not None:
            return User(row["user"], row["role"], "") if row["stamp"] == self._issuer else None
        user = self._accounts.users().get(row["user"]) if self._with_password else None
        return user if user and user.stamp == row["stamp"] else None


def close_sessions_of(store: Store, name: str) -> int:
    """End all sessions of a user; returns how many there were."""
    with store.write_transaction() as connection:
        return connection.execute(delete(sessions).where(sessions.c.user == name)).rowcount


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
