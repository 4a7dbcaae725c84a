"""Routes of what-ifs: what a policy would have done with stored payments."""

from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from pydantic import Field

from fraud.decisions.policy import Policy
from fraud.errors import DataError
from serving.dashboard.api.policies import Analyst, PolicyText
from serving.dashboard.auth.access import REFUSALS, RequestBody, SessionOf
from serving.dashboard.context import AppContext, Context
from serving.dashboard.decisions.what_if import BusyError, WhatIfRun, key_of, run_of
from serving.dashboard.feed.clock import now_ms

router = APIRouter(prefix="/api/what-if", responses=REFUSALS)
_Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class WhatIfRequest(RequestBody):
    """A policy to try, on the payments of the last days."""

    text: PolicyText
    days: int = Field(default=30, ge=1, le=366)


@router.post(
    "",
    status_code=202,
    responses={
        409: {"description": "the policy has mistakes, or another one is tried"},
        413: {"description": "the policy is too long for this page"},
    },
)
def start(request: WhatIfRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Start to decide stored payments again with a policy; one runs at a time."""
    candidate = context.parser.parse(request.text).policy
    live = _live_policy(context)
    if candidate is None:
        raise HTTPException(409, "the policy has mistakes; correct them first")

    def compute() -> object:
        if live is None:
            raise DataError(
                "the live policy does not fit this dashboard's definitions; there is nothing to compare"
            )
        return _what_if(context, candidate, live, request.days)

    try:
        run = context.what_ifs.start(key_of(request.text), request.days, session.user.name, compute)
    except BusyError:
        raise HTTPException(409, "another policy is being tried; wait until its what-if is done") from None
    return asdict(run)


@router.get("/{key}")
def find(key: _Key, context: Context, _: SessionOf) -> dict[str, Any]:
    """The newest what-if of a text, which may still run, or is attached to a version; null without."""
    run = context.what_ifs.find(key) or _attached(context, key)
    return {"run": None if run is None else asdict(run)}


def _attached(context: AppContext, key: str) -> WhatIfRun | None:
    for version in reversed(context.decisions.state.policies.versions):
        if version.what_if is not None and key_of(version.text) == key:
            return run_of(key, version)
    return None


def _live_policy(context: AppContext) -> Policy | None:
    """The policy in force, with its version in its name."""
    policies = context.decisions.state.policies
    live = context.parser.live(policies).policy
    if live is None or policies.live is None:
        return live
    return replace(live, name=f"{live.name}, version {policies.live}")


def _what_if(context: AppContext, candidate: Policy, live: Policy, days: int) -> object:
    # What decides and what reads the lake take seconds to import.
    from fraud.decisions.list_index import ListIndex
    from fraud.decisions.whatif.run import what_if

    lists = ListIndex()
    for entry in context.decisions.state.entries.all():
        lists.put(entry.list, entry.value, entry.expires)
    return what_if(context.settings, candidate, live, lists, days=days, now_ms=now_ms())
