"""The file of API keys: hashes, scopes and rates, read again when it changes.

A key has 32 random bytes, so one round of SHA-256 is enough: nobody can guess it, and nothing is gained by
making a guess slow. The key itself is shown once and stored nowhere.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from fraud.errors import ConfigurationError, DataError
from fraud.settings import GatewayScope

log = logging.getLogger(__name__)

PREFIX = "fk"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_KEY = re.compile(rf"{PREFIX}_(?P<id>[0-9a-f]{{12}})_(?P<secret>[A-Za-z0-9_-]{{43}})")
_LOOK_EVERY_S = 1.0
_UNKNOWN = hashlib.sha256(b"no key").hexdigest()


class ApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key of a caller: `id` is in the key, `digest` the SHA-256 of the whole; times are UTC ms."""

    id: str
    name: str
    digest: str
    scopes: tuple[GatewayScope, ...]
    rate: float
    created: int
    expires: int | None = None


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; `text` is what the caller sends."""

    text: str
    key: ApiKey


class KeyFile:
    """The keys of a file; a change by another process counts within a second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: tuple[int, int, int] | None = None
        self._looked_at = float("-inf")
        self._keys: dict[str, ApiKey] = {}

    def load(self) -> list[ApiKey]:
        """All keys as they are in the file now; none without a file.

        Raises:
            DataError: the file is damaged or cannot be read.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=list[ApiKey])
        except FileNotFoundError:
            return []
        except (msgspec.DecodeError, OSError) as error:
            raise DataError(
                f"{self.path}: the keys cannot be read ({error}); restore the file or create the keys again"
            ) from None

    def find(self, text: str) -> ApiKey | None:
        """The key with this text, if it is known and has not expired."""
        self._refresh()
        match = _KEY.fullmatch(text)
        known = self._keys.get(match["id"]) if match else None
        # An unknown key takes as long as a wrong one.
        digest = hashlib.sha256(text.encode()).hexdigest()
        is_right = hmac.compare_digest(digest, known.digest if known else _UNKNOWN)
        if known is None or not is_right:
            return None
        is_expired = known.expires is not None and known.expires <= _now_ms()
        return None if is_expired else known

    def create(self, name: str, scopes: Sequence[GatewayScope], rate: float) -> NewKey:
        """Make the first key of a name.

        Raises:
            ConfigurationError: the name is not allowed or has a key.
        """
        keys = self.load()
        if _NAME.fullmatch(name) is None:
            raise ConfigurationError(
                f"{name!r} is no name of a key: up to 64 letters, digits or . _ @ -, no sign first"
            )
        if any(key.name == name for key in keys):
            raise ConfigurationError(
                f"{name!r} has a key already; `fraud gateway key rotate` makes another one for it"
            )
        made = _make(name, tuple(dict.fromkeys(scopes)), rate)
        self._write([*keys, made.key])
        return made

    def rotate(self, name: str, overlap: timedelta) -> NewKey:
        """Make another key for a name; those it had end after `overlap`.

        Raises:
            ConfigurationError: the name has no key.
        """
        keys = self.load()
        newest = self._of(name, keys)[-1]
        made = _make(name, newest.scopes, newest.rate)
        end = _now_ms() + int(overlap.total_seconds() * 1_000)
        kept = [_ending(key, end) if key.name == name else key for key in keys if not _has_ended(key)]
        self._write([*kept, made.key])
        return made

    def revoke(self, name: str) -> int:
        """Remove all keys of a name; returns how many there were.

        Raises:
            ConfigurationError: the name has no key.
        """
        keys = self.load()
        count = len(self._of(name, keys))
        self._write([key for key in keys if key.name != name])
        return count

    def _of(self, name: str, keys: Sequence[ApiKey]) -> list[ApiKey]:
        found = [key for key in keys if key.name == name]
        if not found:
            raise ConfigurationError(f"{name!r} has no key; `fraud gateway key list` shows all")
        return found

    def _write(self, keys: Sequence[ApiKey]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}.draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(list(keys))))
        draft.replace(self.path)

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = now
        try:
            status = self.path.stat()
            version = (status.st_mtime_ns, status.st_ino, status.st_size)
            if version != self._version:
                self._keys = {key.id: key for key in self.load()}
                self._version = version
        except FileNotFoundError:
            self._keys, self._version = {}, None
        except (DataError, OSError) as error:
            log.warning("%s; the keys known before stay in use", error)


def _make(name: str, scopes: tuple[GatewayScope, ...], rate: float) -> NewKey:
    identifier = secrets.token_hex(6)
    text = f"{PREFIX}_{identifier}_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewKey(text, ApiKey(identifier, name, digest, scopes, rate, _now_ms()))


def _ending(key: ApiKey, end: int) -> ApiKey:
    return msgspec.structs.replace(key, expires=min(end, key.expires or end))


def _has_ended(key: ApiKey) -> bool:
    return key.expires is not None and key.expires <= _now_ms()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
