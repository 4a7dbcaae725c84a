"""Hashes of passwords, and how many may be computed at once."""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MAX_PASSWORD_LENGTH = 256
_MEMORY = 160 << 20
"""What OpenSSL may use for one hash, so that a stored cost of N = 2^17 still verifies."""


@dataclass(frozen=True)
class ScryptCost:
    """The cost of one guess (RFC 7914): `n` is a power of two, memory is 128 * n * r bytes."""

    n: int
    r: int = 8
    p: int = 1


OWASP_COST = ScryptCost(1 << 16, 8, 2)
"""One of the costs that OWASP's cheat sheet (Password Storage) names as equal to n = 2^17, r = 8, p = 1; it
takes 64 MiB instead of 128, which a pod has for several logins at once."""


class TooManyLoginsError(Exception):
    """More passwords are being checked than may be at once; the login can be repeated."""


class HashingSlots:
    """How many hashes are computed at once, and how many logins wait for one.

    Without it a flood of logins would take 64 MiB each, and every thread that answers requests.
    """

    def __init__(self, running: int = 2, waiting: int = 6, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._admitted = threading.BoundedSemaphore(running + waiting)
        self._running = threading.BoundedSemaphore(running)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a slot and hold it.

        Raises:
            TooManyLoginsError: too many wait already, or none became free in time.
        """
        if not self._admitted.acquire(blocking=False):
            raise TooManyLoginsError
        try:
            if not self._running.acquire(timeout=self._timeout_s):
                raise TooManyLoginsError
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._admitted.release()


def hash_password(password: str, cost: ScryptCost = OWASP_COST) -> str:
    """Salt and scrypt of a password as one text, with its cost."""
    salt = secrets.token_bytes(16)
    parts = ("scrypt", str(cost.n), str(cost.r), str(cost.p), _text(salt), _text(_key(password, salt, cost)))
    return "$".join(parts)


def verify_password(password: str, hashed: str) -> bool:
    """Whether the password is the one that was hashed, at whatever cost."""
    salt, key = (base64.b64decode(one) for one in hashed.split("$")[4:])
    return hmac.compare_digest(_key(password[:MAX_PASSWORD_LENGTH], salt, _cost_of(hashed)), key)


def spend_difference(password: str, hashed: str, cost: ScryptCost) -> None:
    """Work as long as a hash of a lower cost saved: how long a refusal takes must not show an old hash."""
    of_hash = _cost_of(hashed)
    saved = cost.n * cost.r * cost.p - of_hash.n * of_hash.r * of_hash.p
    rounds = saved // (of_hash.n * of_hash.r)
    if rounds > 0:
        _key(password[:MAX_PASSWORD_LENGTH], b"", ScryptCost(of_hash.n, of_hash.r, rounds))


def needs_new_hash(hashed: str, cost: ScryptCost) -> bool:
    """Whether a hash was made at another cost than new ones are."""
    return _cost_of(hashed) != cost


def _cost_of(hashed: str) -> ScryptCost:
    return ScryptCost(*(int(one) for one in hashed.split("$")[1:4]))


def _key(password: str, salt: bytes, cost: ScryptCost) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=_MEMORY, dklen=32
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
