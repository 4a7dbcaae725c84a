"""Routes of cases: the queue, who has which case, and reviews of their alerts."""

from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import Field, field_validator

from serving.dashboard.api.cases import NUMBERS_OF_FILTERS, AlertQuery
from serving.dashboard.api.queries import countries, fraud_types
from serving.dashboard.api.requested_alert import ALERT_ERRORS, CardRef, require_alert
from serving.dashboard.api.reviews import Review, ReviewOutcome, TooLateError
from serving.dashboard.auth.access import (
    REFUSALS,
    MaskedText,
    RequestBody,
    SessionOf,
    may_change,
    may_read,
    require_number,
)
from serving.dashboard.auth.sessions import Session
from serving.dashboard.cases.actions import CaseAlertKey, WantedAction, act_on_case
from serving.dashboard.cases.case_queue import CaseFilter, Whose
from serving.dashboard.cases.reviewing import Known, Reviewer, review_check, send_alerts, store_reviews
from serving.dashboard.cases.state import CaseActionName
from serving.dashboard.cases.viewers import OpenAlert
from serving.dashboard.context import AppContext, Context
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.payment_rows import COUNTRY

router = APIRouter(prefix="/api", responses=REFUSALS)
Analyst = Annotated[Session, Depends(may_change("analyst"))]
TransactionId = Annotated[str, Field(min_length=1, max_length=64)]
_MOST_AT_ONCE = 200


class CaseQuery(AlertQuery):
    """The query of the queue of cases."""

    whose: Whose | None = None


class CaseSearch(CaseQuery):
    """The same as the body of a request, in which numbers are numbers."""

    _numbers = field_validator(*NUMBERS_OF_FILTERS, mode="before")(require_number)


class CaseActionRequest(RequestBody):
    """An action on the case of an alert; `to` is for `assign`, `note` must be there for `escalate`."""

    action: CaseActionName
    transaction_id: TransactionId
    card_ref: CardRef
    to: str | None = Field(default=None, max_length=64)
    note: MaskedText = Field(default="", max_length=500)
    known: Known = ()


class CaseReviewRequest(RequestBody):
    """One outcome for alerts of one card; the page makes `id`, once for each decision."""

    id: UUID
    transaction_ids: tuple[TransactionId, ...] = Field(min_length=1, max_length=_MOST_AT_ONCE)
    card_ref: CardRef
    outcome: ReviewOutcome
    note: MaskedText = Field(default="", max_length=2_000)
    known: Known = ()


class UndoRequest(RequestBody):
    """The reviews to undo, which are the user's own."""

    ids: tuple[UUID, ...] = Field(min_length=1, max_length=_MOST_AT_ONCE)


class ViewerRequest(RequestBody):
    """The alert that a page shows, or none; the page makes `page`, once."""

    page: UUID
    transaction_id: TransactionId | None
    card_ref: CardRef


@router.get("/cases")
def list_cases(query: Annotated[CaseQuery, Query()], context: Context, session: SessionOf) -> dict[str, Any]:
    """Cases with an alert that passes the filter: by money at risk, or those with the newest alerts first."""
    wanted = CaseFilter(query.filter(), query.whose, session.user.name)
    with context.store.reading() as connection:
        return context.cases.list_cases(connection, wanted) | {
            "countries": countries(connection) if _has_country(context) else None,
            "fraud_types": fraud_types(connection),
        }


@router.post("/cases/search")
def search_cases(
    query: CaseSearch, context: Context, session: Annotated[Session, Depends(may_change("viewer"))]
) -> dict[str, Any]:
    """As `GET /cases`, with the filter in the body: its text may be a card number."""
    return list_cases(query, context, session)


@router.post("/case-actions", status_code=204, responses=ALERT_ERRORS)
def act(request: CaseActionRequest, context: Context, session: Analyst) -> None:
    """Claim, assign, release or escalate a case; 409 if another person has it."""
    _limit(context, session)
    alert = require_alert(context, request.transaction_id, request.card_ref)
    if request.action == "assign" and request.to not in _assignees(context):
        raise HTTPException(422, "a case can be assigned to analysts and admins only: name one of them")
    if request.action == "escalate" and len(request.note.strip()) < 3:
        raise HTTPException(
            422, "to escalate takes a note of at least 3 characters: why an admin should look"
        )
    key = CaseAlertKey(alert["seq"], alert["card_ref"], alert["transaction_id"], alert["timestamp"])
    wanted = WantedAction(request.action, session.user, request.to, request.note.strip(), request.known)
    if not act_on_case(context.store, key, wanted, context.case_gap_ms):
        raise HTTPException(404, "the alert was removed meanwhile, to make space for newer ones")
    context.cases.forget()
    context.case_updates.wake()


@router.get("/case-assignees")
def assignees(context: Context, _: Annotated[Session, Depends(may_read("analyst"))]) -> dict[str, Any]:
    """Who can have a case: users with a password, and those who are logged in at the company's issuer."""
    return {"names": _assignees(context)}


@router.post("/case-viewers", status_code=204, responses=ALERT_ERRORS)
def note_viewer(request: ViewerRequest, context: Context, session: Analyst) -> None:
    """A page shows an alert, still shows it, or shows none any more."""
    page, user = str(request.page), session.user.name
    if request.transaction_id is None:
        context.case_updates.closed(page, user)
        return
    alert = require_alert(context, request.transaction_id, request.card_ref)
    context.case_updates.opened(OpenAlert(page, user, alert["card_ref"], alert["timestamp"]))


@router.post("/case-reviews", status_code=201, responses=ALERT_ERRORS)
def review_alerts(request: CaseReviewRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Review alerts of one card; their labels are sent when `undo_until` (ms) is past."""
    _limit(context, session)
    found = [require_alert(context, one, request.card_ref) for one in dict.fromkeys(request.transaction_ids)]
    reviewed = [_review(request, alert, session) for alert in found]
    keys = [PaymentKey(one.transaction_id, one.card_id) for one in reviewed]
    reviewer, seqs = Reviewer(session.user, request.known), [alert["seq"] for alert in found]
    check = review_check(reviewer, request.card_ref, seqs, keys, context.case_gap_ms)
    return store_reviews(context, reviewed, check) | {"alerts": send_alerts(context, keys)}


@router.post("/reviews/undo", responses=ALERT_ERRORS)
def undo(request: UndoRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Undo own reviews whose labels are not sent yet: all of them, or 409."""
    try:
        keys = context.reviews.undo([str(one) for one in request.ids], session.user.name)
    except TooLateError:
        raise HTTPException(
            409, "the review can no longer be undone; review the payment again instead"
        ) from None
    return {"alerts": send_alerts(context, keys)}


def _review(request: CaseReviewRequest, alert: dict[str, Any], session: Session) -> Review:
    return Review(
        id=str(uuid5(request.id, alert["transaction_id"])),
        transaction_id=alert["transaction_id"],
        card_id=alert["card_id"],
        outcome=request.outcome,
        note=request.note,
        analyst=session.user.name,
        decided_at=now_ms(),
    )


def _limit(context: AppContext, session: Session) -> None:
    if not context.limits.reviews_by_analyst.take(session.user.name):
        raise HTTPException(429, "too many reviews at once; wait a moment", {"Retry-After": "5"})


def _assignees(context: AppContext) -> list[str]:
    named = {user.name for user in context.accounts.users().values() if user.may("analyst")}
    return sorted(named | context.sessions.names_of_analysts())


def _has_country(context: AppContext) -> bool:
    return COUNTRY in context.settings.loaded_definitions.field_by_name
