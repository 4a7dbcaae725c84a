"""Routes of the search, of cards and of merchants.

What is searched for comes in the body: it may be a card's number, which no address and no log of a proxy
may have.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import Field, field_validator
from sqlalchemy import Connection

from fraud.schema import MAX_MILLIS
from serving.dashboard.api.alert_list import AlertFilter, list_alerts
from serving.dashboard.api.find.cards import (
    card_of,
    merchants_of,
    other_cards,
    past_of_card,
    reviews_of_card,
    summarize_card,
)
from serving.dashboard.api.find.merchants import (
    merchants_in_common,
    past_at_merchant,
    read_profile,
    summarize_merchant,
)
from serving.dashboard.api.find.payments import (
    POSITION_PATTERN,
    EventPeriod,
    Position,
    position_around,
    read_page,
)
from serving.dashboard.api.find.search import Wanted, search
from serving.dashboard.api.lists import lists_with
from serving.dashboard.auth.access import REFUSALS, RequestBody, SessionOf, may_change, require_number
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context
from serving.dashboard.feed.payment_key import CARD_REF_PATTERN
from serving.dashboard.feed.tables import payments
from serving.dashboard.records.views import CARD, MERCHANT, SEARCH

router = APIRouter(prefix="/api", responses=REFUSALS)
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "no payment and no alert of it is stored"}}
_MOST_ALERTS = 50
_KINDS = ("cards", "merchants", "transactions")
_ID_PATTERN = "^[^\\x00]{1,64}$"
"""PostgreSQL refuses the character 0."""
MerchantId = Annotated[str, Query(pattern=_ID_PATTERN)]
CardPath = Annotated[str, Path(pattern=CARD_REF_PATTERN)]
PagePosition = Annotated[str | None, Query(pattern=POSITION_PATTERN)]
Moment = Annotated[int | None, Query(ge=0, le=MAX_MILLIS)]


class SearchRequest(RequestBody):
    """What to look for: a part of an id, or nothing; payments from `since` on and before `until`, UTC ms."""

    text: str = Field(default="", max_length=64)
    since: int | None = Field(default=None, ge=0, le=MAX_MILLIS)
    until: int | None = Field(default=None, ge=0, le=MAX_MILLIS)

    _numbers = field_validator("since", "until", mode="before")(require_number)


@router.post("/search")
def find(
    request: SearchRequest, context: Context, session: Annotated[Session, Depends(may_change("viewer"))]
) -> dict[str, Any]:
    """Cards, merchants and transactions whose id has a text, and what was searched."""
    if not context.limits.searches_by_user.take(session.user.name):
        raise HTTPException(429, "too many searches at once; wait a moment", {"Retry-After": "2"})
    # What is looked for may be a card's number, so that it is not in the audit.
    context.views.note(session.user.name, SEARCH, "payments")
    text = request.text.replace("\0", "").strip()
    period = EventPeriod(request.since, request.until)
    # A card number is looked for under its pseudonyms.
    names = context.settings.card_rule.lookups(text)
    with context.store.reading() as reader:
        found = search(reader, Wanted(names[0], period))
        for name in names[1:]:
            found = found if _has_any(found) else search(reader, Wanted(name, period))
        return found


def _has_any(found: dict[str, Any]) -> bool:
    return any(found[kind]["found"] for kind in _KINDS)


@router.get("/cards/{card_ref}", responses=_UNKNOWN)
def card(card_ref: CardPath, context: Context, session: SessionOf) -> dict[str, Any]:
    """A card: figures of its payments, its alerts and reviews, the merchants where it paid."""
    with context.store.reading() as reader:
        card_id = _require_card(reader, card_ref)
        _note_card(context, session, card_ref)
        past = past_of_card(reader, card_ref)
        return {
            "card_id": card_id,
            "card_ref": card_ref,
            "summary": summarize_card(reader, card_ref, past),
            "alerts": list_alerts(reader, AlertFilter(card_ref=card_ref, limit=_MOST_ALERTS)),
            "reviews": reviews_of_card(reader, card_ref),
            "merchants": merchants_of(past),
            "has_place": any(one.place for one in context.settings.loaded_definitions.fields),
        }


@router.get("/cards/{card_ref}/payments", responses=_UNKNOWN)
def payments_of_card(
    card_ref: CardPath,
    context: Context,
    session: SessionOf,
    before: PagePosition = None,
    around: Annotated[str | None, Query(pattern=_ID_PATTERN)] = None,
    since: Moment = None,
    until: Moment = None,
) -> dict[str, Any]:
    """Payments of a card, newest first; `more` is the `before` of the next page.

    The first page has the transaction `around`.
    """
    of = payments.c.card_ref == card_ref
    position = Position.parse(before) if before else None
    with context.store.reading() as reader:
        _require_card(reader, card_ref)
        _note_card(context, session, card_ref)
        if position is None and around:
            position = position_around(reader, of, around)
        return read_page(reader, of, EventPeriod(since, until), position)


@router.get("/cards/{card_ref}/others", responses=_UNKNOWN)
def others(
    card_ref: CardPath,
    context: Context,
    session: SessionOf,
    hours: Annotated[int, Query(ge=1, le=168)] = 24,
) -> dict[str, Any]:
    """Cards that paid at the merchants of a card's frauds, within hours of them."""
    with context.store.reading() as reader:
        _require_card(reader, card_ref)
        _note_card(context, session, card_ref)
        return other_cards(reader, past_of_card(reader, card_ref), hours)


@router.get("/merchants/{merchant_id:path}", responses=_UNKNOWN)
def merchant_by_path(
    merchant_id: Annotated[str, Path(pattern=_ID_PATTERN)], context: Context, session: SessionOf
) -> dict[str, Any]:
    """As `/merchant`; for ids that a path can have: `.` and `..` it cannot."""
    return merchant(merchant_id, context, session)


@router.get("/merchant", responses=_UNKNOWN)
def merchant(merchant_id: MerchantId, context: Context, session: SessionOf) -> dict[str, Any]:
    """A merchant: figures of its payments, its profile, its alerts, merchants with cards in common."""
    context.views.note(session.user.name, MERCHANT, merchant_id)
    with context.store.reading() as reader:
        past = past_at_merchant(reader, merchant_id)
        alerts = list_alerts(reader, AlertFilter(merchant_id=merchant_id, limit=_MOST_ALERTS))
        profile = read_profile(reader, merchant_id)
        if not past and not alerts and profile["profile"] is None:
            raise HTTPException(404, "no payment, alert or profile of this merchant is stored")
        return profile | {
            "merchant_id": merchant_id,
            "summary": summarize_merchant(reader, merchant_id, past),
            "alerts": alerts,
            "in_common": merchants_in_common(reader, merchant_id, past),
        }


@router.get("/merchant/payments")
def payments_at_merchant(
    merchant_id: MerchantId,
    context: Context,
    session: SessionOf,
    before: PagePosition = None,
    since: Moment = None,
    until: Moment = None,
) -> dict[str, Any]:
    """Payments at a merchant, newest first; `more` is the `before` of the next page."""
    context.views.note(session.user.name, MERCHANT, merchant_id)
    position = Position.parse(before) if before else None
    of = payments.c.merchant_id == merchant_id
    with context.store.reading() as reader:
        return read_page(reader, of, EventPeriod(since, until), position)


@router.get("/subject/lists", responses=_UNKNOWN)
def lists_of_subject(
    context: Context,
    _: SessionOf,
    card_ref: Annotated[str | None, Query(pattern=CARD_REF_PATTERN)] = None,
    merchant_id: Annotated[str | None, Query(pattern=_ID_PATTERN)] = None,
) -> dict[str, Any]:
    """The lists of the live policy that a card or a merchant is on or can be put on."""
    values = {"merchant_id": merchant_id}
    if card_ref is not None:
        with context.store.reading() as reader:
            values["card_id"] = _require_card(reader, card_ref)
    return {"lists": lists_with(context, values.get)}


def _note_card(context: AppContext, session: Session, card_ref: str) -> None:
    context.views.note(session.user.name, CARD, "card", card_ref)


def _require_card(reader: Connection, card_ref: str) -> str:
    card_id = card_of(reader, card_ref)
    if card_id is None:
        raise HTTPException(404, "no payment of this card is stored; it may have been removed to make room")
    return card_id
