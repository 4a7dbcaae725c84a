"""Routes of the models: versions in the registry, the monitor's reports, scores of challengers."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import Field

from fraud.errors import FraudError
from serving.dashboard.api.queries import refused_messages
from serving.dashboard.auth.access import REFUSALS, RequestBody, SessionOf, may_change
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.shadow import shadow_agreement

router = APIRouter(prefix="/api", responses=REFUSALS)


class PromotionRequest(RequestBody):
    """The alias that a version gets, and why."""

    alias: Literal["champion", "challenger"] = "champion"
    reason: str = Field(min_length=3, max_length=500)


@router.get("/models")
def models(context: Context, _: SessionOf) -> dict[str, Any]:
    """Versions with their aliases and figures, and how challengers in shadow agree with champions."""
    sources = context.sources
    with context.store.reading() as connection:
        shadow = shadow_agreement(connection, sources.thresholds.get)
    return sources.models.get() | {"shadow": shadow}


@router.post(
    "/models/{version}/promote", responses={409: {"description": "the version cannot take the alias"}}
)
def promote(
    version: Annotated[str, Path(pattern="^[0-9]{1,9}$")],
    promotion: PromotionRequest,
    context: Context,
    session: Annotated[Session, Depends(may_change("admin"))],
) -> dict[str, Any]:
    """Give a version an alias; it is loaded and checked first, and engines load it within seconds.

    Where two people must promote, the first one's request changes nothing but the version's reason.
    """
    from fraud.registry import aliases

    name, detail = session.user.name, {"alias": promotion.alias, "reason": promotion.reason}
    _record(context, name, "promotion asked", version, detail)
    try:
        reason = f"{promotion.reason} ({name})"
        has_moved = aliases.promote(context.settings, version, reason, promotion.alias, name)
    except FraudError as error:
        _record(context, name, "promotion refused", version, detail | {"error": str(error)})
        raise HTTPException(409, str(error)) from None
    _record(context, name, "promotion" if has_moved else "promotion proposed", version, detail)
    return context.sources.models.get(refresh=True)


def _record(context: AppContext, name: str, action: str, version: str, detail: dict[str, str]) -> None:
    with context.store.write_transaction() as connection:
        add_audit_entry(connection, name, action, version, detail)


@router.get("/monitoring")
def monitoring(context: Context, _: SessionOf) -> dict[str, Any]:
    """The monitor's reports in the lake, newest first, and how many messages were refused."""
    topics = context.settings.topics
    with context.store.reading() as connection:
        refused = {
            "labels": refused_messages(connection, topics.labels),
            "payments": refused_messages(connection, topics.transactions),
        }
    making, psi = asdict(context.report_maker.state), context.settings.monitoring.psi
    return context.sources.reports.get() | {"psi": psi, "refused": refused, "making": making}


@router.post(
    "/monitoring/report", status_code=202, responses={409: {"description": "no reports are made here"}}
)
def ask_for_report(
    context: Context, session: Annotated[Session, Depends(may_change("analyst"))]
) -> dict[str, Any]:
    """Make a report of the monitor now; it takes up to some minutes."""
    if not context.limits.changes_by_user.take(session.user.name):
        raise HTTPException(429, "too many changes at once; wait a moment", {"Retry-After": "5"})
    if not context.report_maker.ask():
        raise HTTPException(409, "this dashboard makes no reports; run the flow: python flows/monitor.py")
    _record(context, session.user.name, "report asked", "monitor", {})
    return asdict(context.report_maker.state)
