"""The models and how they fare: from the registry, the monitor's reports, and the scores in shadow."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import Field

from fraud.errors import FraudError
from serving.dashboard.api.queries import refused_messages, shadow
from serving.dashboard.api.reviews import audit
from serving.dashboard.auth.access import REFUSALS, Body, PartsOf, SessionOf, needs
from serving.dashboard.auth.sessions import Session

router = APIRouter(prefix="/api", responses=REFUSALS)


class Promotion(Body):
    """Which version takes which alias, and why."""

    alias: Literal["champion", "challenger"] = "champion"
    reason: str = Field(min_length=3, max_length=500)


@router.get("/models")
def models(parts: PartsOf, _: SessionOf) -> dict[str, Any]:
    """Versions with their aliases and figures, and how challengers answer in shadow."""
    return parts.insights.models.get() | {"shadow": shadow(parts.store.reader)}


@router.post(
    "/models/{version}/promote", responses={409: {"description": "the version cannot take the alias"}}
)
def promote(
    version: Annotated[str, Path(pattern="^[0-9]{1,9}$")],
    promotion: Promotion,
    parts: PartsOf,
    session: Annotated[Session, Depends(needs("admin"))],
) -> dict[str, Any]:
    """Give a version an alias; it is loaded and checked first, and engines swap to it within seconds."""
    from fraud.registry import aliases

    name, detail = session.user.name, {"alias": promotion.alias, "reason": promotion.reason}
    with parts.store.desk() as desk:
        audit(desk, name, "promotion asked", version, detail)
    try:
        aliases.promote(parts.settings, version, f"{promotion.reason} ({name})", promotion.alias)
    except FraudError as error:
        with parts.store.desk() as desk:
            audit(desk, name, "promotion refused", version, detail | {"error": str(error)})
        raise HTTPException(409, str(error)) from None
    with parts.store.desk() as desk:
        audit(desk, name, "promotion", version, detail)
    return parts.insights.models.get(anew=True)


@router.get("/monitoring")
def monitoring(parts: PartsOf, _: SessionOf) -> dict[str, Any]:
    """The monitor's reports in the lake, the newest first, and how many messages could not be read."""
    topics, reader = parts.settings.topics, parts.store.reader
    refused = {
        "labels": refused_messages(reader, topics.labels),
        "payments": refused_messages(reader, topics.transactions),
    }
    return parts.insights.reports.get() | {"psi": parts.settings.monitoring.psi, "refused": refused}
