"""The feed, the case, the verdict, and the stream of what happens."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import Field

from serving.dashboard.api.queries import (
    AlertFilter,
    Order,
    State,
    alerts_by_key,
    alerts_named,
    campaigns,
    countries,
    list_alerts,
    live,
    read_audit,
    read_case,
)
from serving.dashboard.api.reviews import RepeatedVerdictError, Verdict, VerdictName
from serving.dashboard.auth.access import REFUSALS, Body, PartsOf, SessionOf, cookie_name, needs, only
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import state_of
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.hub import encode_event
from serving.dashboard.feed.payment_key import CARD_REF_PATTERN, PaymentKey

router = APIRouter(prefix="/api", responses=REFUSALS)
Span = Literal["10m", "1h", "24h"]
_UNCLEAR: dict[int | str, dict[str, Any]] = {
    404: {"description": "there is no such alert"},
    409: {"description": "it has been taken already, or alerts of several cards have this id"},
}
_CardRef = Annotated[str, Field(pattern=CARD_REF_PATTERN)]
_SPANS_MS: dict[Span, tuple[int, int]] = {
    "10m": (600_000, 5_000),
    "1h": (3_600_000, 30_000),
    "24h": (86_400_000, 600_000),
}
_SESSION_CHECK_S = 15.0


class Judgement(Body):
    """What an analyst decided; `id` is made by the page, once for each decision."""

    id: UUID
    transaction_id: str = Field(min_length=1, max_length=64)
    card_ref: _CardRef | None = None
    verdict: VerdictName
    note: str = Field(default="", max_length=2_000)


@router.get("/alerts")
def alerts(
    parts: PartsOf,
    _: SessionOf,
    order: Order = "newest",
    state: State = "all",
    least_score: Annotated[float | None, Query(ge=0, le=1)] = None,
    least_amount: Annotated[float | None, Query(ge=0, le=1e15)] = None,
    country: Annotated[str | None, Query(max_length=3)] = None,
    campaign: Annotated[str | None, Query(max_length=64)] = None,
    text: Annotated[str | None, Query(max_length=64)] = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Flagged transactions: newest first, or by money at risk."""
    wanted = AlertFilter(order, state, least_score, least_amount, country, campaign, text, before, limit)
    reader = parts.store.reader
    return {
        "alerts": list_alerts(reader, wanted),
        "countries": countries(reader),
        "campaigns": campaigns(reader),
    }


@router.get("/case", responses=_UNCLEAR)
def case(
    transaction_id: Annotated[str, Query(max_length=64)],
    parts: PartsOf,
    _: SessionOf,
    card_ref: _CardRef | None = None,
) -> dict[str, Any]:
    """All that is known of one alert; `card_ref` is that of the alert, needed where cards share the id."""
    return read_case(parts.store.reader, _alert_named(parts, transaction_id, card_ref))


def _alert_named(parts: PartsOf, transaction_id: str, card_ref: str | None) -> dict[str, Any]:
    found = alerts_named(parts.store.reader, transaction_id, card_ref)
    if not found:
        raise HTTPException(404, "there is no such alert, or it has made room for newer ones")
    if len(found) > 1:
        raise HTTPException(
            409, "alerts of several cards have this transaction id; open the one that is meant from the feed"
        )
    return found[0]


@router.post("/verdict", status_code=201, responses=_UNCLEAR)
def judge(
    judgement: Judgement,
    parts: PartsOf,
    session: Annotated[Session, Depends(needs("analyst"))],
) -> dict[str, Any]:
    """Take a verdict; `delivered` is false while its label waits for Kafka."""
    if not parts.judgements.take(session.user.name):
        raise HTTPException(429, "too many verdicts at once; wait a moment", {"Retry-After": "5"})
    alert = _alert_named(parts, judgement.transaction_id, judgement.card_ref)
    key = PaymentKey(alert["transaction_id"], alert["card_id"])
    verdict = Verdict(
        str(judgement.id), key.transaction_id, key.card_id, judgement.verdict, judgement.note,
        session.user.name, now_ms(),
    )  # fmt: skip
    try:
        delivered = parts.verdicts.take(verdict)
    except RepeatedVerdictError:
        raise HTTPException(409, "this verdict has been taken already") from None
    changed = alerts_by_key(parts.store.reader, [key])
    parts.hub.publish("alerts", {"alerts": changed, "more": 0})
    return {"delivered": delivered, "alert": changed[0]}


@router.get("/live")
def figures(parts: PartsOf, _: SessionOf, span: Span = "10m") -> dict[str, Any]:
    """Throughput, alerts, latencies and scores over a span."""
    return live(parts.store.reader, *_SPANS_MS[span], now_ms())


@router.get("/audit")
def audit_trail(parts: PartsOf, _: Annotated[Session, Depends(only("admin"))]) -> dict[str, Any]:
    """Who did what, newest first."""
    return {"entries": read_audit(parts.store.reader)}


@router.get("/stream")
async def stream(request: Request, parts: PartsOf, session: SessionOf) -> StreamingResponse:
    """Server-sent events: figures each second, alerts as they come, Kafka's coming and going."""
    first = [
        encode_event("hello", {"user": session.user.name}),
        encode_event("kafka", state_of(parts.follower.state)),
        encode_event("figures", await run_in_threadpool(parts.figures)),
    ]
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    token = request.cookies.get(cookie_name(parts), "")
    return StreamingResponse(
        _while_allowed(parts, token, first), media_type="text/event-stream", headers=headers
    )


async def _while_allowed(parts: PartsOf, token: str, first: list[bytes]) -> AsyncIterator[bytes]:
    """The stream ends with the session: logged out, run out, the user removed, the password changed."""
    checked = time.monotonic()
    async for event in parts.hub.stream(first):
        if time.monotonic() - checked > _SESSION_CHECK_S:
            if await run_in_threadpool(parts.sessions.find, token) is None:
                return
            checked = time.monotonic()
        yield event
