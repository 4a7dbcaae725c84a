"""`POST /api/reveal`: a card's identifier as it is stored, for the role admin; the audit says who asked.

Since card numbers are not stored, there is something to reveal only of a history that an earlier version
wrote. Nobody can turn a pseudonym back into its number.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field

from serving.dashboard.api.find.cards import card_of
from serving.dashboard.auth.access import REFUSALS, MaskedText, RequestBody, may_change
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import Context
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.payment_key import CARD_REF_PATTERN

router = APIRouter(prefix="/api", responses=REFUSALS)


class RevealRequest(RequestBody):
    """The card, and why its identifier is needed."""

    card_ref: str = Field(pattern=CARD_REF_PATTERN)
    reason: MaskedText = Field(min_length=3, max_length=500)


@router.post("/reveal", responses={404: {"description": "no payment and no alert of the card is stored"}})
def reveal(
    request: RevealRequest, context: Context, session: Annotated[Session, Depends(may_change("admin"))]
) -> dict[str, str]:
    """The card's identifier, not masked; the line of the audit is written before it is answered."""
    if not context.limits.changes_by_user.take(session.user.name):
        raise HTTPException(429, "too many at once; wait a moment", {"Retry-After": "5"})
    with context.store.reading() as reader:
        card_id = card_of(reader, request.card_ref)
    with context.store.write_transaction() as connection:
        detail = {"reason": request.reason, "found": card_id is not None}
        add_audit_entry(connection, session.user.name, "card revealed", request.card_ref, detail)
    if card_id is None:
        raise HTTPException(404, "no payment of this card is stored; it may have been removed to make room")
    return {"card_id": card_id}
