"""The names under which people of an issuer act here: each is one person's for good.

A person is the issuer's `sub`. The name claim can change, and can be given to another person, so it only
proposes the name at the first login. Audit, reviews and approvals name people by what is stored here.
"""

from itertools import count

from sqlalchemy import Connection, select

from serving.dashboard.database.statements import insert_into
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import oidc_names

_COLUMNS = oidc_names.c
_LONGEST = 64


class OidcNames:
    """The names in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def name_of(self, issuer: str, subject: str, proposed: str) -> str:
        """The person's name; at the first login the proposed one, with a number if another person has it."""
        with self._store.write_transaction() as connection:
            for number in count(1):
                known = _find(connection, issuer, subject)
                if known is not None:
                    return known
                ending = "" if number == 1 else f"-{number}"
                _claim(connection, issuer, subject, proposed[: _LONGEST - len(ending)] + ending)
        raise AssertionError("unreachable")


def _find(connection: Connection, issuer: str, subject: str) -> str | None:
    of_person = (_COLUMNS.issuer == issuer, _COLUMNS.subject == subject)
    return connection.scalar(select(_COLUMNS.name).where(*of_person))


def _claim(connection: Connection, issuer: str, subject: str, name: str) -> None:
    """Store the name, unless another person has it in any spelling, or another replica was first."""
    row = {"issuer": issuer, "subject": subject, "name": name, "name_key": name.casefold(), "since": now_ms()}
    connection.execute(insert_into(connection, oidc_names).on_conflict_do_nothing(), row)
