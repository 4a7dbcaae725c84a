"""The two changes that the audit allows: a card's id is replaced, and entries end with their retention."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from fraud.privacy.cards import NamedCard
from serving.dashboard.database.audit_triggers import resume, suspend
from serving.dashboard.feed.tables import audit

_TEXTS = (audit.c.subject, audit.c.detail)


def new_token() -> str:
    """What stands for a forgotten card: random, so that nobody can compute it from an id."""
    return f"forgotten-{secrets.token_hex(4)}"


def entries_naming(connection: Connection, card: NamedCard) -> int:
    """How many entries name the card."""
    return len(_naming(connection, card))


def replace_in_audit(connection: Connection, card: NamedCard, token: str) -> int:
    """Put `token` in the place of the card, within the caller's transaction; returns how many entries."""
    rows = [
        {"entry": seq, "subject": card.replaced(subject, token), "detail": card.replaced(detail, token)}
        for seq, subject, detail in _naming(connection, card)
    ]
    change = update(audit).where(audit.c.seq == bindparam("entry"))
    with _changing(connection):
        for row in rows:
            connection.execute(
                change.values(subject=row["subject"], detail=row["detail"]), {"entry": row["entry"]}
            )
    return len(rows)


def remove_entries_before(connection: Connection, moment: int) -> int:
    """Remove entries of before a moment (ms), within the caller's transaction; returns how many."""
    if connection.scalar(select(audit.c.seq).where(audit.c.at < moment).limit(1)) is None:
        return 0
    with _changing(connection):
        return connection.execute(delete(audit).where(audit.c.at < moment)).rowcount


@contextmanager
def _changing(connection: Connection) -> Iterator[None]:
    """The triggers return with the end of the transaction, whatever happens: they are part of it."""
    suspend(connection)
    yield
    resume(connection)


def _naming(connection: Connection, card: NamedCard) -> list[tuple[int, str, str]]:
    named = or_(*(text.contains(form, autoescape=True) for text in _TEXTS for form in card.forms))
    rows = connection.execute(select(audit.c.seq, *_TEXTS).where(named)).all()
    return [
        (seq, subject, detail)
        for seq, subject, detail in rows
        if card.is_named_in(subject.encode()) or card.is_named_in(detail.encode())
    ]
