"""Reads the stored alerts and actions that cases are made of."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, select

from serving.dashboard.api.alert_rows import LABEL_OF_ALERT
from serving.dashboard.api.queries import IS_OPEN
from serving.dashboard.cases.grouping import AlertCase, CaseAlert, CasePoint, group_alerts
from serving.dashboard.cases.state import CaseAction, CaseState, state_after
from serving.dashboard.cases.tables import case_actions
from serving.dashboard.feed.tables import alerts, labels

_MOST_ALERTS_OF_CARD = 2_000
"""The newest; only a card under attack for weeks has more."""
_CARDS_PER_QUERY = 500

_ALERTS = select(
    alerts.c.card_ref,
    alerts.c.timestamp,
    alerts.c.transaction_id,
    alerts.c.seq,
    alerts.c.scored_at,
    alerts.c.currency,
    alerts.c.score,
    alerts.c.at_risk,
    alerts.c.amount * alerts.c.score,
    case((IS_OPEN, 1), else_=0),
).select_from(alerts.outerjoin(labels, LABEL_OF_ALERT))
_ACTIONS = select(case_actions)


@dataclass(frozen=True)
class StoredCase:
    """A case with what was done with it, oldest first, and the state that follows."""

    case: AlertCase
    actions: tuple[CaseAction, ...]
    state: CaseState


def cases_of_cards(connection: Connection, card_refs: Collection[str], gap_ms: int) -> list[StoredCase]:
    """All cases of these cards."""
    wanted = sorted(card_refs)
    alerts_of_cards = [CaseAlert(*row) for row in _rows(connection, _ALERTS, alerts.c.card_ref, wanted)]
    actions = [CaseAction(*row) for row in _rows(connection, _ACTIONS, case_actions.c.card_ref, wanted)]
    return _with_actions(alerts_of_cards, actions, gap_ms)


def case_of_alert(connection: Connection, card_ref: str, seq: int, gap_ms: int) -> StoredCase | None:
    """The case that an alert is one of; None if the alert was removed meanwhile."""
    newest = _ALERTS.where(alerts.c.card_ref == card_ref).order_by(alerts.c.timestamp.desc())
    one = _ALERTS.where(alerts.c.seq == seq)
    rows = {
        CaseAlert(*row)
        for query in (newest.limit(_MOST_ALERTS_OF_CARD), one)
        for row in connection.execute(query)
    }
    actions = _rows(connection, _ACTIONS, case_actions.c.card_ref, [card_ref])
    found = _with_actions(rows, [CaseAction(*row) for row in actions], gap_ms)
    return next((stored for stored in found if stored.case.has(seq)), None)


def _rows(
    connection: Connection, query: Select[Any], column: Any, card_refs: Sequence[str]
) -> Iterator[Sequence[Any]]:
    for first in range(0, len(card_refs), _CARDS_PER_QUERY):
        yield from connection.execute(query.where(column.in_(card_refs[first : first + _CARDS_PER_QUERY])))


def _with_actions(rows: Iterable[CaseAlert], actions: Sequence[CaseAction], gap_ms: int) -> list[StoredCase]:
    by_card: dict[str, list[CaseAction]] = {}
    for action in sorted(actions, key=lambda one: one.seq):
        by_card.setdefault(action.card_ref, []).append(action)
    points = [CasePoint(one.card_ref, one.timestamp) for one in actions]
    return [_stored(case, by_card.get(case.card_ref, [])) for case in group_alerts(rows, points, gap_ms)]


def _stored(case: AlertCase, of_card: Sequence[CaseAction]) -> StoredCase:
    actions = tuple(one for one in of_card if case.covers(CasePoint(one.card_ref, one.timestamp)))
    return StoredCase(case, actions, state_after(actions))
