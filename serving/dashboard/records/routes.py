"""Routes of the audit and of exports as CSV; the audit names who exports."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from serving.dashboard.api.cases import AlertQuery, AlertSearch
from serving.dashboard.auth.access import REFUSALS, RowNumber, may_change, may_read
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.records.audit_pages import AuditFilter, read_audit_page
from serving.dashboard.records.exports import alerts_as_csv, audit_as_csv, reviews_as_csv

router = APIRouter(prefix="/api", responses=REFUSALS)
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}, "description": "the rows"}}
_NOT_NAMED = "(not recorded: it may be a card)"
_Name = Annotated[str | None, Query(max_length=64)]


class AuditQuery(BaseModel):
    """Which lines of the audit; `before` is the `seq` of the last line that the page has."""

    model_config = ConfigDict(frozen=True)

    who: str | None = Field(None, max_length=256)
    action: str | None = Field(None, max_length=64)
    before: RowNumber | None = None
    limit: int = Field(100, ge=1, le=500)
    views: bool = True

    def filter(self) -> AuditFilter:
        """What the store is asked for; an empty text does not restrict."""
        return AuditFilter(self.who or None, self.action or None, self.before, self.views)


@router.get("/audit")
def audit_trail(
    query: Annotated[AuditQuery, Query()], context: Context, _: Annotated[Session, Depends(may_read("admin"))]
) -> dict[str, Any]:
    """Who did what, newest first: a page, and whether there is more."""
    with context.store.reading() as connection:
        return read_audit_page(connection, query.filter(), query.limit)


@router.get("/export/alerts.csv", response_class=StreamingResponse, responses=_CSV)
def export_alerts(
    query: Annotated[AlertQuery, Query()],
    context: Context,
    session: Annotated[Session, Depends(may_read("analyst"))],
) -> StreamingResponse:
    """All alerts that pass the filter of the feed or the queue, whatever `limit` says."""
    return _export_alerts(query, context, session)


@router.post("/export/alerts.csv", response_class=StreamingResponse, responses=_CSV)
def export_found_alerts(
    query: AlertSearch, context: Context, session: Annotated[Session, Depends(may_change("analyst"))]
) -> StreamingResponse:
    """As `GET`, with the filter in the body: its text may be a card's number, which no address may have."""
    return _export_alerts(query, context, session)


def _export_alerts(query: AlertQuery, context: AppContext, session: Session) -> StreamingResponse:
    used = query.model_dump(exclude_defaults=True, exclude={"limit", "before", "text"})
    found = {name: str(value) for name, value in used.items()} | ({"text": _NOT_NAMED} if query.text else {})
    _record_export(context, session, "alerts", found)
    return _answer("alerts", alerts_as_csv(context.store, replace(query.filter(), before=None)))


@router.get("/export/reviews.csv", response_class=StreamingResponse, responses=_CSV)
def export_reviews(
    context: Context, session: Annotated[Session, Depends(may_read("analyst"))], analyst: _Name = None
) -> StreamingResponse:
    """All reviews, or those of one analyst."""
    _record_export(context, session, "reviews", {"analyst": analyst} if analyst else {})
    return _answer("reviews", reviews_as_csv(context.store, analyst or None))


@router.get("/export/audit.csv", response_class=StreamingResponse, responses=_CSV)
def export_audit(
    query: Annotated[AuditQuery, Query()],
    context: Context,
    session: Annotated[Session, Depends(may_read("admin"))],
) -> StreamingResponse:
    """All lines of the audit that pass the filter."""
    used = query.model_dump(exclude_defaults=True, exclude={"limit", "before"})
    _record_export(context, session, "audit", {name: str(value) for name, value in used.items() if value})
    return _answer("audit", audit_as_csv(context.store, replace(query.filter(), before=None)))


def _record_export(context: AppContext, session: Session, what: str, used: dict[str, str]) -> None:
    if not context.limits.changes_by_user.take(session.user.name):
        raise HTTPException(429, "too many exports at once; wait a moment", {"Retry-After": "5"})
    with context.store.write_transaction() as connection:
        add_audit_entry(connection, session.user.name, "export", what, used)


def _answer(what: str, lines: Iterator[str]) -> StreamingResponse:
    name = f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
