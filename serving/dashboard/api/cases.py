"""Routes of alerts: the feed, a case, a review, and the stream of events."""

import dataclasses
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from fraud.schema import MAX_MILLIS
from serving.dashboard.api.alert_list import AlertFilter, Order, Shown, State, list_alerts
from serving.dashboard.api.live_updates import state_event
from serving.dashboard.api.queries import (
    countries,
    fraud_types,
    live,
    read_case,
)
from serving.dashboard.api.requested_alert import ALERT_ERRORS, CardRef, require_alert
from serving.dashboard.api.reviews import Review, ReviewOutcome
from serving.dashboard.auth.access import (
    REFUSALS,
    MaskedText,
    RequestBody,
    RowNumber,
    SessionOf,
    cookie_name,
    may_change,
    require_number,
)
from serving.dashboard.auth.sessions import Session
from serving.dashboard.cases.reviewing import Known, Reviewer, review_check, send_alerts, store_reviews
from serving.dashboard.cases.summaries import read_case_of
from serving.dashboard.context import Context
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.hub import encode_event
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.payment_rows import COUNTRY
from serving.dashboard.records.views import CASE

router = APIRouter(prefix="/api", responses=REFUSALS)
Span = Literal["10m", "1h", "24h"]
_SPANS_MS: dict[Span, tuple[int, int]] = {
    "10m": (600_000, 5_000),
    "1h": (3_600_000, 30_000),
    "24h": (86_400_000, 600_000),
}
_SESSION_CHECK_S = 5.0


class ReviewRequest(RequestBody):
    """An analyst's review; the page makes `id`, once for each decision. `verdict` is the former `outcome`."""

    id: UUID
    transaction_id: str = Field(min_length=1, max_length=64)
    card_ref: CardRef | None = None
    outcome: ReviewOutcome = Field(validation_alias=AliasChoices("outcome", "verdict"))
    note: MaskedText = Field(default="", max_length=2_000)
    known: Known = ()


_FILTER_FIELDS = {one.name for one in dataclasses.fields(AlertFilter)} - {"fraud_type"}


NUMBERS_OF_FILTERS = ("least_score", "least_amount", "since", "until", "before", "limit")


class AlertQuery(BaseModel):
    """The query of the feed; `campaign` is the former `fraud_type`."""

    model_config = ConfigDict(frozen=True)

    order: Order = "newest"
    state: State = "all"
    shown: Shown | None = None
    least_score: float | None = Field(None, ge=0, le=1)
    least_amount: float | None = Field(None, ge=0, le=1e15)
    country: str | None = Field(None, max_length=3)
    fraud_type: str | None = Field(None, max_length=64)
    campaign: str | None = Field(None, max_length=64, deprecated=True)
    text: str | None = Field(None, max_length=64)
    since: int | None = Field(None, ge=0, le=MAX_MILLIS)
    until: int | None = Field(None, ge=0, le=MAX_MILLIS)
    before: RowNumber | None = None
    limit: int = Field(50, ge=1, le=200)

    def filter(self) -> AlertFilter:
        """What the store is asked for."""
        fields = self.model_dump(include=_FILTER_FIELDS)
        return AlertFilter(**fields, fraud_type=self.fraud_type or self.model_dump()["campaign"])


class AlertSearch(AlertQuery):
    """The same as the body of a request, in which numbers are numbers."""

    _numbers = field_validator(*NUMBERS_OF_FILTERS, mode="before")(require_number)


@router.get("/alerts")
def list_feed(query: Annotated[AlertQuery, Query()], context: Context, _: SessionOf) -> dict[str, Any]:
    """Flagged transactions: newest first, or by money at risk."""
    definitions = context.settings.loaded_definitions
    with context.store.reading() as connection:
        known_types = fraud_types(connection)
        return {
            "alerts": list_alerts(connection, query.filter()),
            "countries": countries(connection) if COUNTRY in definitions.field_by_name else None,
            "fraud_types": known_types,
            "campaigns": known_types,  # the former name
        }


@router.get("/case", responses=ALERT_ERRORS)
def case(
    transaction_id: Annotated[str, Query(max_length=64)],
    context: Context,
    session: SessionOf,
    card_ref: CardRef | None = None,
) -> dict[str, Any]:
    """Everything stored about one alert; `card_ref` is needed where alerts of several cards have the id."""
    alert = require_alert(context, transaction_id, card_ref)
    context.views.note(session.user.name, CASE, alert["transaction_id"], alert["card_ref"])
    with context.store.reading() as connection:
        found = read_case(connection, alert, context.settings.loaded_definitions)
        found["case"] = read_case_of(connection, alert, context.case_gap_ms, context.base)
    reasons = context.parser.reasons(context.decisions.state.policies, alert["policy"])
    return found | {"decision_reasons": reasons}


@router.post("/reviews", status_code=201, responses=ALERT_ERRORS)
@router.post("/verdict", status_code=201, responses=ALERT_ERRORS, deprecated=True)
def add_review(
    review_request: ReviewRequest,
    context: Context,
    session: Annotated[Session, Depends(may_change("analyst"))],
) -> dict[str, Any]:
    """Store a review; `delivered` is false while its label waits, to be undone or for Kafka."""
    if not context.limits.reviews_by_analyst.take(session.user.name):
        raise HTTPException(429, "too many reviews at once; wait a moment", {"Retry-After": "5"})
    alert = require_alert(context, review_request.transaction_id, review_request.card_ref)
    key = PaymentKey(alert["transaction_id"], alert["card_id"])
    review = Review(
        id=str(review_request.id),
        transaction_id=key.transaction_id,
        card_id=key.card_id,
        outcome=review_request.outcome,
        note=review_request.note,
        analyst=session.user.name,
        decided_at=now_ms(),
    )
    reviewer = Reviewer(session.user, review_request.known)
    check = review_check(reviewer, alert["card_ref"], [alert["seq"]], [key], context.case_gap_ms)
    return store_reviews(context, [review], check) | {"alert": send_alerts(context, [key])[0]}


@router.get("/live")
def live_figures(context: Context, _: SessionOf, span: Span = "10m") -> dict[str, Any]:
    """Throughput, alerts, latencies and scores over a span."""
    with context.store.reading() as connection:
        return live(connection, *_SPANS_MS[span], now_ms())


@router.get("/stream")
async def stream(request: Request, context: Context, session: SessionOf) -> StreamingResponse:
    """Server-sent events: figures each second, alerts as they arrive, the state of Kafka."""
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    token = request.cookies.get(cookie_name(context), "")
    events = context.hub.stream(partial(_first_events, context, session.user.name))
    return StreamingResponse(
        _while_allowed(context, token, events), media_type="text/event-stream", headers=headers
    )


async def _first_events(context: Context, user: str) -> list[bytes]:
    """What a page that opens does not know yet."""
    return [
        encode_event("hello", {"user": user}),
        encode_event("kafka", state_event(context.follower.state)),
        encode_event("viewers", {"viewers": await run_in_threadpool(context.case_updates.viewers)}),
        encode_event("figures", await run_in_threadpool(context.updates.figures)),
    ]


async def _while_allowed(context: Context, token: str, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events until the session ends: logged out, expired, user removed, password changed."""
    checked = time.monotonic()
    async for event in events:
        if time.monotonic() - checked > _SESSION_CHECK_S:
            if await run_in_threadpool(context.sessions.find, token) is None:
                return
            checked = time.monotonic()
        yield event
