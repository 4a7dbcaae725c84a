"""Names and addresses that are locked after failed logins, in the store: a restart frees none of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, update

from serving.dashboard.database.statements import insert_into
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import login_failures

_COLUMNS = login_failures.c
_MOST_REMOVED = 1_000


@dataclass(frozen=True)
class LockoutLimits:
    """How many logins in a row may fail for a name and from an address, and how long the lock holds."""

    of_name: int
    of_address: int
    duration: timedelta


@dataclass(frozen=True)
class Admission:
    """Whether a login may be tried; `locks`: what is locked now unless this try succeeds."""

    is_allowed: bool
    locks: tuple[Literal["account", "address"], ...] = ()


class Lockouts:
    """Counts tries before the password is checked, so that simultaneous ones cannot be more than allowed.

    A name that no user has is counted and locked as any other: a lock does not show which names exist.
    """

    def __init__(self, store: Store, limits: LockoutLimits) -> None:
        self._store = store
        self._limits = limits
        self._duration_ms = round(limits.duration.total_seconds() * 1_000)

    def admit(self, name: str, address: str) -> Admission:
        """Count a try of a name from an address, unless one of them is locked."""
        now = now_ms()
        with self._store.write_transaction() as connection:
            self._remove_old(connection, now)
            of_name = _require_row(connection, _of_name(name))
            of_address = _require_row(connection, _of_address(address)) if address else None
            if any(row is not None and row["locked_until"] > now for row in (of_name, of_address)):
                return Admission(is_allowed=False)
            locks: list[Literal["account", "address"]] = []
            if self._count(connection, of_name, self._limits.of_name, now):
                locks.append("account")
            if of_address is not None and self._count(connection, of_address, self._limits.of_address, now):
                locks.append("address")
        return Admission(is_allowed=True, locks=tuple(locks))

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name, and this try of the address: not what it failed with other names."""
        self.take_back(name, address)
        with self._store.write_transaction() as connection:
            connection.execute(delete(login_failures).where(_COLUMNS.key == _of_name(name)))

    def take_back(self, name: str, address: str) -> None:
        """Do not count a try whose password was not looked at."""
        one_less = {"failures": _COLUMNS.failures - 1, "locked_until": 0}
        of = (_of_name(name), _of_address(address))
        with self._store.write_transaction() as connection:
            connection.execute(update(login_failures).where(_COLUMNS.key.in_(of)).values(one_less))

    def release(self, name: str) -> bool:
        """End the lock of a name; returns whether there was one."""
        return self._release(_of_name(name))

    def release_address(self, address: str) -> bool:
        """End the lock of an address; returns whether there was one."""
        return self._release(_of_address(address))

    def locked(self, names: Sequence[str]) -> dict[str, int]:
        """Those of these names that are locked, and until when (ms)."""
        keys = {_of_name(name): name for name in names}
        query = select(_COLUMNS.key, _COLUMNS.locked_until).where(
            _COLUMNS.key.in_(keys), _COLUMNS.locked_until > now_ms()
        )
        with self._store.reading() as connection:
            return {keys[key]: int(until) for key, until in connection.execute(query)}

    def _release(self, key: str) -> bool:
        now = now_ms()
        removed = delete(login_failures).where(_COLUMNS.key == key).returning(_COLUMNS.locked_until)
        with self._store.write_transaction() as connection:
            until = connection.execute(removed).scalar()
        return until is not None and until > now

    def _count(self, connection: Connection, row: Any, most: int, now: int) -> bool:
        """Store one more failure, from 1 again when the lock or the last one is past; whether that locks."""
        is_past = row["locked_until"] > 0 or row["last_at"] < now - self._duration_ms
        failures = 1 if is_past else row["failures"] + 1
        locked_until = now + self._duration_ms if failures >= most else 0
        values = {"failures": failures, "last_at": now, "locked_until": locked_until}
        connection.execute(update(login_failures).where(_COLUMNS.key == row["key"]).values(values))
        return locked_until > 0

    def _remove_old(self, connection: Connection, now: int) -> None:
        """Rows that count no more: otherwise made-up names would fill the database."""
        over = (_COLUMNS.last_at < now - self._duration_ms) & (_COLUMNS.locked_until <= now)
        old = select(_COLUMNS.key).where(over).limit(_MOST_REMOVED)
        free = old.with_for_update(skip_locked=True)
        connection.execute(delete(login_failures).where(_COLUMNS.key.in_(free)))


def _require_row(connection: Connection, key: str) -> Any:
    """The row of a key, made if it is missing; other transactions that count the key wait for this one."""
    empty = {"key": key, "failures": 0, "last_at": 0, "locked_until": 0}
    insert = insert_into(connection, login_failures)
    same = insert.on_conflict_do_update(index_elements=["key"], set_={"key": insert.excluded["key"]})
    return connection.execute(same.returning(login_failures), empty).mappings().one()


def _of_name(name: str) -> str:
    """An unknown name may be a password in the wrong field, so that none is stored."""
    return "name:" + hashlib.sha256(name.encode()).hexdigest()


def _of_address(address: str) -> str:
    return f"address:{address}"
