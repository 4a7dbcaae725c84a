"""Removes a card from the dashboard's database; its audit keeps who did what, without the card."""

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from fraud.privacy.cards import NamedCard
from fraud.privacy.forgotten import ForgottenCard, card_digest
from fraud.privacy.results import StoreResult
from serving.dashboard.cases.tables import case_actions, case_viewers
from serving.dashboard.database.known_ids import IdsOfPayment, cards, remove_unused_ids
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import alerts, events, labels, payments, reviews
from serving.dashboard.privacy.audit_changes import entries_naming, new_token, replace_in_audit
from serving.dashboard.privacy.forgotten_filter import lock_recording, remember_forgotten

_BY_ID = (payments, alerts, labels, reviews)
_BY_REFERENCE = (cards, case_actions, case_viewers)
_AUDIT_KEPT = "kept by law, with a random token instead of the card"
_OTHERS_KEEP = "the server's write-ahead log and backups have their own retention"


def find_in_history(store: Store, card: NamedCard) -> list[StoreResult]:
    """What `forget_in_history` would remove."""
    named = _with_references(store, card)
    with store.reading() as connection:
        found = [(table, _count(connection, table, where)) for table, where in _conditions(card, named)]
        audited = entries_naming(connection, named)
    return [*_results(found), StoreResult("dashboard: audit", audited, _AUDIT_KEPT if audited else "")]


def forget_in_history(store: Store, card: NamedCard, forgotten: ForgottenCard, by: str) -> list[StoreResult]:
    """Remove the card from all tables, replace it in the audit, and see that nothing brings it back.

    Args:
        store: the database.
        card: its ids.
        forgotten: until when the recorder leaves the card out.
        by: who does it, for the audit.
    """
    named, token = _with_references(store, card), new_token()
    with store.write_transaction() as connection:
        lock_recording(connection)
        remember_forgotten(connection, {card_digest(one): forgotten for one in card.ids})
        merchants = _merchants(connection, card)
        removed = [(table, _remove(connection, table, where)) for table, where in _conditions(card, named)]
        removed.append((events, _remove_events(connection, named)))
        remove_unused_ids(connection, merchants)
        audited = replace_in_audit(connection, named, token)
        rows = {table.name: count for table, count in removed if count}
        add_audit_entry(connection, by, "forget card", token, rows | {"audit": audited})
    is_clean = store.vacuum()
    kept = _OTHERS_KEEP if store.is_shared else "" if is_clean else "in the file until readers let go of it"
    audit = StoreResult("dashboard: audit", audited, _AUDIT_KEPT if audited else "")
    return [*_results(removed, kept), audit]


def _results(counts: list[tuple[Table, int]], kept: str = "") -> list[StoreResult]:
    return [StoreResult(f"dashboard: {table.name}", count, kept if count else "") for table, count in counts]


def _with_references(store: Store, card: NamedCard) -> NamedCard:
    """The card by its ids and its references, which pages, the audit and events have instead of them."""
    return NamedCard(card.ids | {store.card_ref(one) for one in card.ids})


def _conditions(card: NamedCard, named: NamedCard) -> list[tuple[Table, ColumnElement[bool]]]:
    ids, references = sorted(card.ids), sorted(named.ids)
    return [
        *((table, table.c.card_id.in_(ids)) for table in _BY_ID),
        *((table, table.c.card_ref.in_(references)) for table in _BY_REFERENCE),
    ]


def _count(connection: Connection, table: Table, where: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(where)) or 0


def _remove(connection: Connection, table: Table, where: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(where)).rowcount


def _merchants(connection: Connection, card: NamedCard) -> list[IdsOfPayment]:
    """The card and merchants of the payments that go: no other payment may have them."""
    found: set[IdsOfPayment] = set()
    for table in (payments, alerts):
        columns = (table.c.card_ref, table.c.card_id, table.c.merchant_id)
        rows = connection.execute(select(*columns).where(table.c.card_id.in_(sorted(card.ids))).distinct())
        found |= {IdsOfPayment(*row) for row in rows}
    return sorted(found, key=str)


def _remove_events(connection: Connection, named: NamedCard) -> int:
    """Events for the pages of other replicas, which are a minute old at most."""
    rows = connection.execute(select(events.c.seq, events.c.event)).all()
    gone = [seq for seq, event in rows if named.is_named_in(bytes(event))]
    return _remove(connection, events, events.c.seq.in_(gone)) if gone else 0
