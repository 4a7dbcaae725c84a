"""Logins at an issuer that wait for its answer, each bound to the browser that started it.

Authlib can keep this in a signed session cookie; here it stays in the process, so that an answer counts once
even when the browser's cookie is replayed.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

TIMEOUT_S = 600
_MAX_PENDING = 1_000


@dataclass(frozen=True)
class LoginSecrets:
    """Stored until the answer to a login arrives: the nonce of its ID token, the verifier of PKCE."""

    nonce: str
    verifier: str
    redirect_url: str


@dataclass(frozen=True)
class _PendingLogin:
    secrets: LoginSecrets
    browser_hash: str
    expires_at: float


class PendingLogins:
    """Logins that have started and wait for their answer, each of which counts once; bounded."""

    def __init__(self) -> None:
        self._pending: OrderedDict[str, _PendingLogin] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, state: str, login: LoginSecrets) -> str:
        """Keep a login under its `state`; returns a secret for the browser's cookie."""
        browser = secrets.token_urlsafe(32)
        with self._lock:
            self._pending[state] = _PendingLogin(login, _hash(browser), time.monotonic() + TIMEOUT_S)
            while len(self._pending) > _MAX_PENDING:
                self._pending.popitem(last=False)
        return browser

    def take(self, state: str, browser: str) -> LoginSecrets | None:
        """The login of a `state`, if this browser started it not too long ago; it cannot be taken again."""
        with self._lock:
            pending = self._pending.pop(state, None)
        if pending is None or pending.expires_at < time.monotonic():
            return None
        return pending.secrets if hmac.compare_digest(pending.browser_hash, _hash(browser)) else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
