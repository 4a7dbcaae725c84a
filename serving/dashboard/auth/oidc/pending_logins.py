"""Logins at an issuer that wait for its answer, each bound to the browser that started it.

Authlib can keep this in a signed session cookie; here it is in the store, so that an answer counts once even
when the browser's cookie is replayed, whichever replica it reaches.
"""

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import pending_logins

TIMEOUT_S = 600
_MAX_PENDING = 1_000
_TABLE = pending_logins.c


@dataclass(frozen=True)
class LoginSecrets:
    """Stored until the answer to a login arrives: the nonce of its ID token, the verifier of PKCE."""

    nonce: str
    verifier: str
    redirect_url: str


class PendingLogins:
    """Logins that have started and wait for their answer, each of which counts once; bounded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, state: str, login: LoginSecrets) -> str:
        """Keep a login under its `state`; returns a secret for the browser's cookie."""
        browser, now = secrets.token_urlsafe(32), now_ms()
        row = asdict(login) | {
            "state": state, "browser_hash": _hash(browser), "expires_at": now + TIMEOUT_S * 1_000
        }  # fmt: skip
        newest = select(_TABLE.state).order_by(_TABLE.expires_at.desc()).limit(_MAX_PENDING - 1)
        with self._store.write_transaction() as connection:
            connection.execute(delete(pending_logins).where(_TABLE.state.not_in(newest)))
            connection.execute(insert(pending_logins), row)
        return browser

    def take(self, state: str, browser: str) -> LoginSecrets | None:
        """The login of a `state`, if this browser started it not too long ago; it cannot be taken again."""
        taken = delete(pending_logins).where(_TABLE.state == state).returning(pending_logins)
        with self._store.write_transaction() as connection:
            row = connection.execute(taken).mappings().first()
        if row is None or row["expires_at"] < now_ms():
            return None
        if not hmac.compare_digest(row["browser_hash"], _hash(browser)):
            return None
        return LoginSecrets(row["nonce"], row["verifier"], row["redirect_url"])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
