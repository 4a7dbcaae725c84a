"""The alert that a request means: its parameters, and the answers where there is none."""

from typing import Annotated, Any

from fastapi import HTTPException
from pydantic import Field

from serving.dashboard.api.queries import find_alerts
from serving.dashboard.context import AppContext
from serving.dashboard.feed.payment_key import CARD_REF_PATTERN

CardRef = Annotated[str, Field(pattern=CARD_REF_PATTERN)]
ALERT_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "there is no such alert"},
    409: {"description": "the review is stored already, or alerts of several cards have this id"},
}


def require_alert(context: AppContext, transaction_id: str, card_ref: str | None) -> dict[str, Any]:
    """The one alert that a request means.

    Raises:
        HTTPException: 404 there is none; 409 alerts of several cards have the id.
    """
    with context.store.reading() as connection:
        found = find_alerts(connection, transaction_id, card_ref)
    if not found:
        raise HTTPException(404, "there is no such alert, or it was removed to make space for newer ones")
    if len(found) > 1:
        raise HTTPException(
            409, "alerts of several cards have this transaction id; open the one that you mean from the feed"
        )
    return found[0]
