"""Logins at an issuer that have begun: what must come back, and from which browser."""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

PATIENCE_S = 600
_MOST_PENDING = 1_000


@dataclass(frozen=True)
class Challenge:
    """What is kept of a login until its answer comes: a nonce, and the verifier of PKCE (RFC 7636)."""

    nonce: str
    verifier: str
    redirect_url: str

    @classmethod
    def fresh(cls, redirect_url: str) -> "Challenge":
        """New secrets for one login."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48), redirect_url)

    @property
    def s256(self) -> str:
        """What the issuer gets to know of the verifier beforehand."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class _Begun:
    challenge: Challenge
    browser: str
    expires: float


class Pending:
    """Logins that have begun and wait for their answer, each of which counts once; bounded."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, challenge: Challenge) -> tuple[str, str]:
        """Keep it; returns the `state` for the issuer and a secret for the browser's cookie."""
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        with self._lock:
            self._begun[state] = _Begun(challenge, _hash(browser), time.monotonic() + PATIENCE_S)
            while len(self._begun) > _MOST_PENDING:
                self._begun.popitem(last=False)
        return state, browser

    def take(self, state: str, browser: str) -> Challenge | None:
        """The login of a `state`, if this browser began it not too long ago; it cannot be taken again."""
        with self._lock:
            begun = self._begun.pop(state, None)
        if begun is None or begun.expires < time.monotonic():
            return None
        return begun.challenge if hmac.compare_digest(begun.browser, _hash(browser)) else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
