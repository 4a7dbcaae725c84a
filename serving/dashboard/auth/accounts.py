"""Users who log in with a password: names, roles and hashes, in a file that is read again when it changes."""

import fcntl
import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

from fraud.errors import ConfigurationError, DataError
from fraud.machine.private_files import make_private_folder
from fraud.settings import DashboardRole
from serving.dashboard.auth.password_rules import PasswordRules
from serving.dashboard.auth.passwords import (
    OWASP_COST,
    HashingSlots,
    ScryptCost,
    hash_password,
    needs_new_hash,
    spend_difference,
    verify_password,
)

Role = DashboardRole
ROLES: tuple[Role, ...] = get_args(Role)
FIRST_USER = "admin"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class User:
    """A user who may log in; `password` is the hash with its cost, empty for one of the company's issuer.

    `must_change`: another person knows the password, so that nothing else is allowed before a new one.
    """

    name: str
    role: Role
    password: str
    must_change: bool = False

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


class Accounts:
    """The users of a file; changes by another process are seen at the next call.

    Args:
        path: of the file.
        cost: of new hashes; a hash of another cost is replaced at its user's next login.
        rules: of passwords that are chosen.
    """

    def __init__(self, path: Path, cost: ScryptCost = OWASP_COST, rules: PasswordRules | None = None) -> None:
        self.path = path
        self._cost = cost
        self._rules = rules or PasswordRules()
        self._slots = HashingSlots()
        self._lock = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        # Refusing an unknown name must take as long as refusing a wrong password.
        self._dummy_hash = hash_password(secrets.token_urlsafe(), cost)

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
        """The user, if the password is right.

        Raises:
            TooManyLoginsError: too many passwords are being checked.
        """
        user = self.users().get(name)
        with self._slots.take():
            hashed = user.password if user else self._dummy_hash
            is_right = verify_password(password, hashed)
            if user is None or not is_right:
                spend_difference(password, hashed, self._cost)
                return None
            if not needs_new_hash(user.password, self._cost):
                return user
            return self._with_hash(user, hash_password(password, self._cost), user.must_change)

    def add(self, name: str, role: Role, password: str, *, must_change: bool = False) -> None:
        """Add a user, or give an existing one a role and a password.

        Raises:
            ConfigurationError: the name or the password is not allowed.
        """
        if not is_name(name):
            raise ConfigurationError(
                f"{name!r} is not a valid user name: up to 64 letters, digits or . _ @ -, no sign first"
            )
        self._rules.require(password, name)
        user = User(name, role, hash_password(password, self._cost), must_change)
        self._change(lambda users: users.update({name: user}))

    def add_first(self, name: str, password: str) -> bool:
        """Add an admin, who must change the password; False: there are users already, and nothing changes.

        Raises:
            ConfigurationError: the password is not allowed.
        """
        self._rules.require(password, name)
        user = User(name, "admin", hash_password(password, self._cost), must_change=True)
        self._change(lambda users: None if users else users.update({name: user}))
        return self.users().get(name) == user

    def change_password(self, user: User, password: str) -> User:
        """Give a user the password that they chose, which ends their sessions.

        Raises:
            ConfigurationError: the password is not allowed, or is the one that the user has.
            TooManyLoginsError: too many passwords are being checked.
        """
        self._rules.require(password, user.name)
        with self._slots.take():
            if verify_password(password, user.password):
                raise ConfigurationError("the new password is the present one; choose another")
            return self._with_hash(user, hash_password(password, self._cost), must_change=False)

    def set_role(self, name: str, role: Role) -> Role:
        """Give a user a role; returns the former one.

        Raises:
            ConfigurationError: there is no such user.
        """
        former = self._require(name)
        self._change(lambda users: users.update({name: replace(users.get(name, former), role=role)}))
        return former.role

    def remove(self, name: str) -> None:
        """Remove a user, whose sessions end at once.

        Raises:
            ConfigurationError: there is no such user.
        """
        self._require(name)
        self._change(lambda users: users.pop(name, None))

    def _require(self, name: str) -> User:
        user = self.users().get(name)
        if user is None:
            raise ConfigurationError(f"there is no user {name!r}; `fraud dashboard user list` shows all")
        return user

    def _with_hash(self, user: User, hashed: str, must_change: bool) -> User:
        """Store another hash, unless the user was removed or changed meanwhile."""
        changed = replace(user, password=hashed, must_change=must_change)

        def change(users: dict[str, User]) -> None:
            if users.get(user.name) == user:
                users[user.name] = changed

        self._change(change)
        return changed

    def _change(self, change: Callable[[dict[str, User]], object]) -> None:
        make_private_folder(self.path.parent)
        with self._locked():
            users = self.users()
            change(users)
            draft = self.path.with_suffix(f".{os.getpid()}.draft")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump([asdict(user) for user in users.values()], file, indent=1)
            draft.replace(self.path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Until another process has made its change: neither may write what the other has read before."""
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _load(self) -> dict[str, User]:
        try:
            users = [User(**fields) for fields in json.loads(self.path.read_text())]
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self.path} is damaged ({error}); fix it, or remove it to start without users"
            ) from error
        return {user.name: user for user in users}
