"""Routes of filtered alerts: a list and counts, with the filter in the body.

A text that is looked for may be a card's number, which must be in no address and in no log of a proxy.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection, and_, case, func, select

from serving.dashboard.api.alert_list import AlertFilter, conditions
from serving.dashboard.api.alert_rows import ALERTS
from serving.dashboard.api.cases import AlertSearch, list_feed
from serving.dashboard.api.queries import sums_at_risk
from serving.dashboard.auth.access import REFUSALS, may_change
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import Context

router = APIRouter(prefix="/api/alerts", responses=REFUSALS)
_Viewer = Annotated[Session, Depends(may_change("viewer"))]


@router.post("/search")
def search_alerts(query: AlertSearch, context: Context, session: _Viewer) -> dict[str, Any]:
    """As `GET /alerts`."""
    return list_feed(query, context, session)


@router.post("/counts")
def counts(query: AlertSearch, context: Context, _: _Viewer) -> dict[str, Any]:
    """All alerts that a filter passes, and those to review with their money at risk."""
    money = context.settings.loaded_definitions.money
    with context.store.reading() as connection:
        return count_alerts(connection, query.filter(), money.code if money else None)


def count_alerts(connection: Connection, wanted: AlertFilter, base: str | None) -> dict[str, Any]:
    """Counts of the alerts that a filter passes.

    Args:
        connection: to the store.
        wanted: the filter; its order, position and limit do not count.
        base: the base currency, in which money at risk is; None: by currency, the most first.
    """
    passed = ALERTS.where(*conditions(wanted, connection.dialect.name)).subquery()
    column = passed.c
    is_work = and_((column.decision == "review") | (column.is_sample == 1), column.is_history != 1)
    is_open = case((and_(is_work, column.outcome.is_(None), column.is_fraud.is_(None)), 1), else_=0)
    query = select(
        column.currency,
        func.count().label("alerts"),
        func.sum(is_open).label("open"),
        func.sum(is_open * column.at_risk).label("at_risk"),
        func.sum(is_open * column.amount * column.score).label("paid_at_risk"),
    ).group_by(column.currency)
    rows = connection.execute(query).mappings().all()
    counted = {name: sum(row[name] for row in rows) for name in ("alerts", "open")}
    return counted | {"at_risk": sums_at_risk(rows, base)}
