"""Stores what people do with cases: claim, assign, release, escalate."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from serving.dashboard.auth.accounts import User
from serving.dashboard.cases.case_rows import StoredCase, case_of_alert
from serving.dashboard.cases.state import CaseActionName
from serving.dashboard.cases.tables import case_actions, lock_card
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.store import Store


@dataclass(frozen=True)
class CaseAlertKey:
    """The alert by which a request names a case."""

    seq: int
    card_ref: str
    transaction_id: str
    timestamp: int


@dataclass(frozen=True)
class WantedAction:
    """What somebody wants to do: `known` are tokens of the refusals that they have seen."""

    action: CaseActionName
    user: User
    to: str | None
    note: str
    known: Collection[str]

    @property
    def assignee(self) -> str | None:
        """Who has the case afterwards."""
        if self.action == "assign":
            return self.to
        return self.user.name if self.action == "claim" else None


def act_on_case(store: Store, alert: CaseAlertKey, wanted: WantedAction, gap_ms: int) -> bool:
    """Store an action with its line in the audit, if the state of the case allows it.

    Returns:
        Whether it is stored: not if the alert was removed meanwhile.

    Raises:
        ConflictError: another person has the case.
    """
    with store.write_transaction() as connection:
        lock_card(connection, alert.card_ref)
        stored = case_of_alert(connection, alert.card_ref, alert.seq, gap_ms)
        if stored is None:
            return False
        _require_allowed(stored, wanted)
        _store(connection, alert, wanted)
        add_audit_entry(connection, wanted.user.name, wanted.action, stored.case.id, _detail(alert, wanted))
    return True


def _require_allowed(stored: StoredCase, wanted: WantedAction) -> None:
    is_admin = wanted.user.may("admin")
    if is_admin and wanted.action in ("assign", "release"):
        return
    stored.state.require_free(wanted.user.name, is_admin, wanted.known)


def _store(connection: Connection, alert: CaseAlertKey, wanted: WantedAction) -> None:
    row = {
        "card_ref": alert.card_ref, "timestamp": alert.timestamp, "transaction_id": alert.transaction_id,
        "action": wanted.action, "by": wanted.user.name, "at": now_ms(), "assignee": wanted.assignee,
        "note": wanted.note,
    }  # fmt: skip
    connection.execute(insert(case_actions).values(row))


def _detail(alert: CaseAlertKey, wanted: WantedAction) -> dict[str, str]:
    detail = {"card_ref": alert.card_ref, "transaction_id": alert.transaction_id}
    if wanted.action == "assign":
        detail["to"] = wanted.to or ""
    return detail | ({"note": wanted.note} if wanted.note else {})
