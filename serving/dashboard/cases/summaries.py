"""Cases as the browser gets them: in the queue, and opened."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from fraud.schema import minor_digits
from serving.dashboard.api.queries import alerts_by_key
from serving.dashboard.cases.case_rows import StoredCase, case_of_alert
from serving.dashboard.cases.grouping import CaseAlert
from serving.dashboard.cases.state import CaseAction
from serving.dashboard.feed.payment_key import PaymentKey, in_keys, select_keys
from serving.dashboard.feed.tables import alerts, reviews

_MOST_MEMBERS = 200


def sums_at_risk(open_alerts: Iterable[CaseAlert], base: str | None) -> list[dict[str, Any]]:
    """Money at risk in major units: in the base currency, or by currency, the most first."""
    found = list(open_alerts)
    if base is not None:
        return [{"currency": base, "amount": round(math.fsum(one.at_risk for one in found), 2)}]
    by_currency: dict[str, list[CaseAlert]] = defaultdict(list)
    for one in found:
        by_currency[one.currency].append(one)
    by_risk = sorted(by_currency.items(), key=lambda item: -math.fsum(one.at_risk for one in item[1]))
    return [{"currency": currency, "amount": _major(of_currency)} for currency, of_currency in by_risk]


def _major(of_currency: list[CaseAlert]) -> float:
    minor = math.fsum(one.paid_at_risk for one in of_currency)
    return round(float(minor / 10 ** minor_digits(of_currency[0].currency)), 2)


def summarize(stored: StoredCase, main: dict[str, Any], base: str | None) -> dict[str, Any]:
    """A case as the queue shows it; `main` is its alert to begin with."""
    case, last, open_alerts = stored.case, stored.state.last, stored.case.open_alerts
    return {
        "id": case.id,
        "card_ref": case.card_ref,
        "first": case.first,
        "last": case.last,
        "alerts": len(case.alerts),
        "open": len(open_alerts),
        "at_risk": sums_at_risk(open_alerts, base),
        "status": stored.state.status(bool(open_alerts)),
        "assignee": stored.state.assignee,
        "by": last.by if last else None,
        "since": last.at if last else None,
        "note": last.note if last else "",
        "main": main,
    }


def read_case_of(
    connection: Connection, alert: dict[str, Any], gap_ms: int, base: str | None
) -> dict[str, Any] | None:
    """The case of an alert with its alerts and what was done; None if the alert was removed meanwhile."""
    stored = case_of_alert(connection, alert["card_ref"], alert["seq"], gap_ms)
    return _describe(connection, stored, alert["seq"], base) if stored else None


def _describe(connection: Connection, stored: StoredCase, seq: int, base: str | None) -> dict[str, Any]:
    members = _alerts_of(connection, _members(stored, seq))
    main = stored.case.main_alert.seq
    first = next((one for one in members if one["seq"] == main), members[0])
    given = _reviews_of(connection, [PaymentKey(one["transaction_id"], one["card_id"]) for one in members])
    events = [_action_event(one) for one in stored.actions] + [_review_event(one) for one in given]
    return summarize(stored, first, base) | {
        "members": members,
        "history": sorted(events, key=lambda event: -event["at"]),
        "known": [f"review-{one['id']}" for one in given],
    }


def _members(stored: StoredCase, seq: int) -> list[int]:
    """The alert that is shown, then the open ones, then the latest: not more than a page can show."""
    ranked = sorted(stored.case.alerts, key=lambda one: (one.seq != seq, not one.is_open, -one.timestamp))
    return [one.seq for one in ranked[:_MOST_MEMBERS]]


def _alerts_of(connection: Connection, seqs: Sequence[int]) -> list[dict[str, Any]]:
    """Alerts by event time."""
    keys = connection.execute(select(alerts.c.transaction_id, alerts.c.card_id).where(alerts.c.seq.in_(seqs)))
    found = alerts_by_key(connection, [PaymentKey(*key) for key in keys])
    return sorted(found, key=lambda one: (one["timestamp"], one["transaction_id"]))


def main_alerts(connection: Connection, cases: Sequence[StoredCase]) -> dict[int, dict[str, Any]]:
    """The alerts to begin with, by their number."""
    found = _alerts_of(connection, [stored.case.main_alert.seq for stored in cases])
    return {one["seq"]: one for one in found}


def _reviews_of(connection: Connection, keys: Sequence[PaymentKey]) -> list[Any]:
    query = select(reviews).where(in_keys(reviews))
    return list(select_keys(connection, query, keys))


def _action_event(action: CaseAction) -> dict[str, Any]:
    return {
        "at": action.at, "by": action.by, "what": action.action, "to": action.assignee, "note": action.note,
        "transaction_id": None,
    }  # fmt: skip


def _review_event(review: Any) -> dict[str, Any]:
    return {
        "at": review["decided_at"], "by": review["analyst"], "what": review["outcome"], "to": None,
        "note": review["note"], "transaction_id": review["transaction_id"],
    }  # fmt: skip
