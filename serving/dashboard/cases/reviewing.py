"""Storing reviews, unless another person did something meanwhile that the reviewer has not seen."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import HTTPException
from pydantic import Field
from sqlalchemy import Connection, RowMapping, select

from serving.dashboard.api.queries import alerts_by_key
from serving.dashboard.api.reviews import RepeatedReviewError, Review
from serving.dashboard.auth.accounts import User
from serving.dashboard.cases.case_rows import case_of_alert
from serving.dashboard.cases.conflicts import KNOWN_LENGTH, ConflictError, refuse_unless_known
from serving.dashboard.cases.tables import lock_card
from serving.dashboard.context import AppContext
from serving.dashboard.feed.payment_key import PaymentKey, in_keys, select_keys
from serving.dashboard.feed.tables import reviews

Known = Annotated[tuple[Annotated[str, Field(max_length=KNOWN_LENGTH)], ...], Field(max_length=500)]
"""Tokens of what was seen: shown reviews, and refusals."""


@dataclass(frozen=True)
class Reviewer:
    """Who reviews, and the tokens of what they have seen: reviews, and refusals."""

    user: User
    known: Collection[str]


def review_check(
    reviewer: Reviewer, card_ref: str, seqs: Sequence[int], keys: Sequence[PaymentKey], gap_ms: int
) -> Callable[[Connection], None]:
    """A check for the transaction that stores reviews of alerts of one card.

    It raises ConflictError if another person has a case of the alerts, or reviewed one of them, and the
    reviewer has not seen it.
    """
    user, known = reviewer.user, reviewer.known

    def check(connection: Connection) -> None:
        lock_card(connection, card_ref)
        for seq in seqs:
            stored = case_of_alert(connection, card_ref, seq, gap_ms)
            if stored is not None:
                stored.state.require_free(user.name, user.may("admin"), known)
        _require_seen(connection, keys, reviewer)

    return check


def _require_seen(connection: Connection, keys: Sequence[PaymentKey], reviewer: Reviewer) -> None:
    """Refuse the review of an alert whose latest review is another person's, and was not seen."""
    rows = select_keys(connection, select(reviews).where(in_keys(reviews)), keys)
    latest = {
        (row["transaction_id"], row["card_id"]): row for row in sorted(rows, key=lambda row: row["seq"])
    }
    unseen = [
        row
        for row in latest.values()
        if row["analyst"] != reviewer.user.name and f"review-{row['id']}" not in reviewer.known
    ]
    if unseen:
        refuse_unless_known(reviewer.known, _conflict(unseen))


def _conflict(unseen: Sequence[RowMapping]) -> ConflictError:
    """What happened; the token says that all of it was seen."""
    newest = max(unseen, key=lambda row: row["decided_at"])
    more = f", and {len(unseen) - 1} more were reviewed" if len(unseen) > 1 else ""
    note = f", with the note “{newest['note']}”" if newest["note"] else ""
    text = f"{newest['analyst']} has reviewed this payment as {newest['outcome']}{note}{more}"
    ids = " ".join(sorted(row["id"] for row in unseen))
    token = f"reviews-{hashlib.sha256(ids.encode()).hexdigest()[:32]}"
    return ConflictError(text, token, newest["analyst"], newest["outcome"], newest["decided_at"])


def store_reviews(
    context: AppContext, reviewed: Sequence[Review], check: Callable[[Connection], None]
) -> dict[str, Any]:
    """Store reviews of one decision, all or none.

    Returns:
        Whether their labels are `delivered`, the reviews' `ids`, and until when (ms) they can be undone.

    Raises:
        HTTPException: 409 one of them is stored already.
    """
    try:
        delivered = context.reviews.add(reviewed, check)
    except RepeatedReviewError:
        raise HTTPException(409, "this review is stored already") from None
    undo_ms = context.reviews.undo_ms
    until = reviewed[0].decided_at + undo_ms if undo_ms else None
    return {"delivered": delivered, "ids": [one.id for one in reviewed], "undo_until": until}


def send_alerts(context: AppContext, keys: Sequence[PaymentKey]) -> list[dict[str, Any]]:
    """Send changed alerts to open pages; returns them."""
    with context.store.reading() as connection:
        changed = alerts_by_key(connection, keys)
    context.cases.forget()
    context.hub.publish("alerts", {"alerts": changed, "more": 0})
    return changed
