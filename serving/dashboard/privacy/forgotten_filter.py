"""Leaves forgotten cards out of what the recorder writes, within its transaction."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, or_, select

from fraud.privacy.forgotten import ForgottenCard, card_digest
from serving.dashboard.database.statements import insert_into
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.tables import forgotten_cards

if TYPE_CHECKING:
    from serving.dashboard.feed.recorder import Batch

_LOCK = 7_204_119


def lock_recording(connection: Connection) -> None:
    """Wait until no batch is being written, and keep the next one waiting until the transaction ends.

    A batch that had looked for forgotten cards before would otherwise be stored after the card's rows were
    removed. SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def remember_forgotten(connection: Connection, cards: dict[str, ForgottenCard]) -> None:
    """Add forgotten cards by digest, and drop those of which Kafka holds nothing any more."""
    over = forgotten_cards.c.until <= now_ms()
    connection.execute(delete(forgotten_cards).where(over))
    rows = [{"digest": digest, "until": one.until} for digest, one in sorted(cards.items())]
    if rows:
        insert = insert_into(connection, forgotten_cards)
        until = {"until": insert.excluded.until}
        connection.execute(insert.on_conflict_do_update(index_elements=["digest"], set_=until), rows)


def without_forgotten(connection: Connection, batch: "Batch") -> "Batch":
    """The batch without the cards that are forgotten."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
    digests = _digests(connection)
    if not digests:
        return batch
    return replace(
        batch,
        transactions=_others(batch.transactions, digests),
        predictions=_others(batch.predictions, digests),
        labels=_others(batch.labels, digests),
    )


def _digests(connection: Connection) -> set[str]:
    table = forgotten_cards.c
    still = or_(table.until.is_(None), table.until > now_ms())
    return set(connection.scalars(select(table.digest).where(still)))


def _others(messages: list[Any], digests: Collection[str]) -> list[Any]:
    return [one for one in messages if card_digest(one.card_id) not in digests]
