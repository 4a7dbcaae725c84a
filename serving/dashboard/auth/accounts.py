"""The user file: names, roles and hashed passwords, read again whenever it changes."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from fraud.errors import ConfigurationError, DataError
from fraud.settings import DashboardRole

Role = DashboardRole
ROLES: tuple[Role, ...] = get_args(Role)

MIN_PASSWORD_LENGTH = 10
_MAX_PASSWORD_LENGTH = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SCRYPT_N = 1 << 15
"""The cost of a guess that OWASP recommends, with r = 8 and p = 1."""

_R, _P = 8, 1
_MEMORY = 64 << 20


@dataclass(frozen=True)
class User:
    """A user who may log in; `password` is the hash with its parameters."""

    name: str
    role: Role
    password: str

    @property
    def stamp(self) -> str:
        """A value that changes with the password, which ends the sessions of the former password."""
        return hashlib.sha256(self.password.encode()).hexdigest()[:16]

    def may(self, role: Role) -> bool:
        """Whether the user has at least this role."""
        return ROLES.index(self.role) >= ROLES.index(role)


def is_name(name: str) -> bool:
    """Whether a user may have this name."""
    return _NAME.fullmatch(name) is not None


def hash_password(password: str, n: int = SCRYPT_N) -> str:
    """Salt and scrypt (RFC 7914) with the cost `n`, as one text with its parameters."""
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=n, r=_R, p=_P, maxmem=_MEMORY, dklen=32)
    return "$".join(["scrypt", str(n), str(_R), str(_P), _text(salt), _text(key)])


def verify_password(password: str, hashed: str) -> bool:
    """Whether the password is the one that was hashed."""
    _, n, r, p, salt, key = hashed.split("$")
    found = hashlib.scrypt(
        password[:_MAX_PASSWORD_LENGTH].encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p),
        maxmem=_MEMORY, dklen=32,
    )  # fmt: skip
    return hmac.compare_digest(found, base64.b64decode(key))


class Accounts:
    """The users of a file; changes by another process are seen at the next call.

    `scrypt_n` is the cost of new hashes, a power of two.
    """

    def __init__(self, path: Path, scrypt_n: int = SCRYPT_N) -> None:
        self.path = path
        self._scrypt_n = scrypt_n
        self._lock = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        # Refusing an unknown name must take as long as refusing a wrong password.
        self._dummy_hash = hash_password(secrets.token_urlsafe(), scrypt_n)

    def users(self) -> dict[str, User]:
        """All users by name; none without a file.

        Raises:
            DataError: the file is damaged.
        """
        with self._lock:
            try:
                status = self.path.stat()
            except FileNotFoundError:
                self._read_at, self._users = None, {}
                return {}
            version = (status.st_mtime_ns, status.st_ino)
            if version != self._read_at:
                self._users, self._read_at = self._load(), version
            return dict(self._users)

    def log_in(self, name: str, password: str) -> User | None:
        """The user, if the password is right."""
        user = self.users().get(name)
        right = verify_password(password, user.password if user else self._dummy_hash)
        return user if right else None

    def add(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give an existing one a role and a password.

        Raises:
            ConfigurationError: the name or the password is not allowed.
        """
        if not is_name(name):
            raise ConfigurationError(
                f"{name!r} is not a valid user name: up to 64 letters, digits or . _ @ -, no sign first"
            )
        if not MIN_PASSWORD_LENGTH <= len(password) <= _MAX_PASSWORD_LENGTH:
            raise ConfigurationError(
                f"a password has {MIN_PASSWORD_LENGTH} to {_MAX_PASSWORD_LENGTH} characters; choose another"
            )
        user = User(name, role, hash_password(password, self._scrypt_n))
        self._change(lambda users: users.update({name: user}))

    def remove(self, name: str) -> None:
        """Remove a user, whose sessions end at once.

        Raises:
            ConfigurationError: there is no such user.
        """
        if name not in self.users():
            raise ConfigurationError(f"there is no user {name!r}; `fraud dashboard user list` shows all")
        self._change(lambda users: users.pop(name))

    def create_first(self) -> str | None:
        """Create the user `admin` if there is no user; returns the password, which is stored nowhere else."""
        if self.users():
            return None
        password = secrets.token_urlsafe(12)
        self.add("admin", "admin", password)
        return password

    def _change(self, change: Callable[[dict[str, User]], object]) -> None:
        users = self.users()
        change(users)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}.draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump([asdict(user) for user in users.values()], file, indent=1)
        draft.replace(self.path)

    def _load(self) -> dict[str, User]:
        try:
            users = [User(**fields) for fields in json.loads(self.path.read_text())]
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self.path} is damaged ({error}); fix it, or remove it to start without users"
            ) from error
        return {user.name: user for user in users}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
