"""The tables of cases: what people did with them, and who has which alert open."""

from sqlalchemy import Column, Connection, Index, Table, Text, func, select

from serving.dashboard.feed.tables import STRICT, Int64, metadata

case_actions = Table(
    "case_actions",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("card_ref", Text, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Int64, nullable=False),
    Column("assignee", Text),
    Column("note", Text, nullable=False),
    **STRICT,
)
"""Rows are only added. The columns are those of `state.CaseAction`; `assignee` is NULL where nobody has the
case afterwards. A case is of a card and a time, since a late alert may join two."""
Index("case_actions_of_card", case_actions.c.card_ref, case_actions.c.seq)

case_viewers = Table(
    "case_viewers",
    metadata,
    Column("page", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("card_ref", Text, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("seen_at", Int64, nullable=False),
    **STRICT,
)
"""Open pages with the alert that each shows, until `seen_at` (ms) is too long ago; `timestamp` is that of
the alert."""


def lock_card(connection: Connection, card_ref: str) -> None:
    """Wait for other replicas' actions on a card's cases, until the caller's transaction ends.

    SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(card_ref))))
