"""Routes of what-ifs: what a policy would have done with stored payments."""

from dataclasses import asdict, replace
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Path
from pydantic import Field

from fraud.decisions.policy import Policy
from fraud.errors import DataError
from serving.dashboard.api.policies import Analyst, PolicyText, attach
from serving.dashboard.auth.access import REFUSALS, RequestBody, SessionOf
from serving.dashboard.context import AppContext, Context
from serving.dashboard.decisions.what_if import WhatIfBusyError, WhatIfRun, key_of, run_of, try_policy

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
        result = try_policy(context.settings, context.decisions.state.entries, candidate, live, request.days)
        _attach_to_proposed(context, request.text, result, session.user.name)
        return result

    try:
        run = context.what_ifs.start(key_of(request.text), request.days, session.user.name, compute)
    except WhatIfBusyError:
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


def _attach_to_proposed(context: AppContext, text: str, result: object, name: str) -> None:
    """Attach a what-if to the versions of its text that wait for approval."""
    for version in context.decisions.state.policies.open_versions():
        if version.text == text:
            attach(context, version.version, msgspec.json.encode(result).decode(), name)


def _live_policy(context: AppContext) -> Policy | None:
    """The policy in force, with its version in its name."""
    policies = context.decisions.state.policies
    live = context.parser.live(policies).policy
    if live is None or policies.live is None:
        return live
    return replace(live, name=f"{live.name}, version {policies.live}")
