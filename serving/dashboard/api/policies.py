"""Routes of policies: versions, what they say, and who may change what."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import Field

from fraud.decisions.log.events import PolicyAlias
from fraud.decisions.log.fold import same_person
from fraud.decisions.log.publishing import (
    PolicyProposal,
    approve,
    attach_what_if,
    propose,
    reject,
    rollback,
    set_alias,
)
from fraud.decisions.log.state import PolicyVersion
from fraud.decisions.policy import Policy
from fraud.errors import ConfigurationError, FraudError, UnreachableError
from serving.dashboard.api.queries import decided_since
from serving.dashboard.auth.access import REFUSALS, RequestBody, SessionOf, may_change
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context
from serving.dashboard.decisions.descriptions import changed_lines, describe_policies, describe_policy
from serving.dashboard.decisions.parsed import ParsedPolicy
from serving.dashboard.decisions.what_if import key_of
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.clock import now_ms

log = logging.getLogger(__name__)
ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "there is no such version"},
    409: {"description": "the change is not allowed now; the answer says why"},
    413: {"description": "the policy is too long for this page"},
    503: {"description": "Kafka does not answer, or has not been read yet"},
}
router = APIRouter(prefix="/api/policies", responses=REFUSALS | ERRORS)
DAY_MS = 86_400_000
_DEFAULT = "default"
"""In place of a version: the policy that decides while none is live."""

_VersionOrDefault = Annotated[str, Path(pattern="^([0-9]{1,9}|default)$")]
_VersionNumber = Annotated[int, Path(ge=1, le=10**9)]
Analyst = Annotated[Session, Depends(may_change("analyst"))]
_Reason = Annotated[str, Field(min_length=3, max_length=500)]
PolicyText = Annotated[str, Field(min_length=1)]
"""As long as the body of a request may be."""


class CheckRequest(RequestBody):
    """A text that is being written."""

    text: PolicyText


class ProposalRequest(RequestBody):
    """A new version, and why; `override` is why it may decline more than it allows."""

    text: PolicyText
    reason: _Reason
    override: str = Field(default="", max_length=500)


class ApprovalRequest(RequestBody):
    """Why a version is approved."""

    reason: str = Field(default="", max_length=500)


class ReasonRequest(RequestBody):
    """Why a version is rejected, or a policy rolled back."""

    reason: _Reason


class AliasRequest(RequestBody):
    """The version that an alias gets; None: none."""

    alias: PolicyAlias
    version: int | None = Field(ge=1, le=10**9)
    reason: _Reason


@router.get("")
def policies(context: Context, _: SessionOf) -> dict[str, Any]:
    """Every version with who proposed and approved it, what is in force, and the history."""
    return policies_now(context)


def policies_now(context: AppContext, position: int = 0) -> dict[str, Any]:
    """The policies once the log is read up to a position, which takes no longer than two seconds."""
    context.decisions.wait_for(lambda state: state.policies.position >= position)
    state = context.decisions.state
    return describe_policies(state.policies, context.settings.decisions.approvals) | {
        "problem": state.problem
    }


@router.get("/{version}")
def policy(version: _VersionOrDefault, context: Context, _: SessionOf) -> dict[str, Any]:
    """A version: its text, and lists, rules and bands in the order in which they decide."""
    number = None if version == _DEFAULT else int(version)
    parsed = _parsed(context, number)
    return {"version": number} | _described(context, parsed)


@router.get("/{version}/changes")
def changes(version: _VersionNumber, since: int, context: Context, _: SessionOf) -> dict[str, Any]:
    """The lines in which a version differs from another."""
    before, after = (_version(context, number).text for number in (since, version))
    return {"lines": changed_lines(before, after)}


@router.post("/check")
def check(request: CheckRequest, context: Context, _: Analyst) -> dict[str, Any]:
    """What is wrong with a text, or remarkable about it."""
    return _described(context, context.parser.parse(request.text))


@router.post("", status_code=201, responses={428: {"description": "say why what was found is meant"}})
def propose_policy(wanted: ProposalRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Propose a text as the next version; a what-if of it that was run here goes with it."""
    parsed = context.parser.parse(wanted.text)
    if parsed.policy is None:
        raise HTTPException(409, "the policy has mistakes; correct them first")
    require_read(context)
    unchecked = _check_on_payments(context, parsed.policy, wanted.override)
    name = session.user.name
    proposal = PolicyProposal(parsed.policy, name, wanted.reason, wanted.override)
    detail = {"reason": wanted.reason, "override": wanted.override}
    with changing(context, name, "policy proposed", parsed.policy.name, detail):
        number = propose(context.settings, proposal).version
    run = context.what_ifs.find(key_of(wanted.text))
    if run is not None and run.result is not None:
        attach(context, number, json.dumps(run.result), name)
    context.decisions.wait_for(lambda state: len(state.policies.versions) >= number)
    return {"version": number, "unchecked": unchecked}


def _check_on_payments(context: AppContext, policy: Policy, override: str) -> str:
    """Try a policy on yesterday's payments; returns why that was not possible, or nothing.

    Raises:
        HTTPException: 428 its author must say that what was found is meant.
    """
    from fraud.decisions.log.checking import check_proposal  # takes long to import

    try:
        checked = check_proposal(context.settings, policy)
    except UnreachableError as error:
        raise HTTPException(503, str(error), {"Retry-After": "5"}) from None
    found = [str(one) for one in checked.findings if one.level == "override"]
    if found and not override.strip():
        raise HTTPException(428, f"{'; '.join(found)}. Correct it, or say why it is meant.")
    return checked.unchecked


def attach(context: AppContext, number: int, result: str, name: str) -> None:
    """Attach a what-if (JSON) to a version; the version is good without it."""
    try:
        attach_what_if(context.settings, number, result, name)
    except FraudError as error:
        log.warning("the what-if of version %d is not attached: %s", number, error)
    else:
        record(context, name, "what-if attached", str(number), {})


@router.post("/{version}/approve")
def approve_version(
    version: _VersionNumber, request: ApprovalRequest, context: Context, session: Analyst
) -> dict[str, Any]:
    """Approve a version that somebody else proposed."""
    name = session.user.name
    _require_other(context, name, _version(context, version), "approve")
    with changing(context, name, "policy approved", str(version), {"reason": request.reason}):
        after = approve(context.settings, version, name, request.reason)
    return _policies_with(context, after)


@router.post("/{version}/reject")
def reject_version(
    version: _VersionNumber, request: ReasonRequest, context: Context, session: Analyst
) -> dict[str, Any]:
    """Reject a version, or withdraw one's own."""
    _version(context, version)
    name = session.user.name
    with changing(context, name, "policy rejected", str(version), {"reason": request.reason}):
        after = reject(context.settings, version, name, request.reason)
    return _policies_with(context, after)


@router.post("/aliases")
def move_alias(request: AliasRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Make a version live, run it in shadow, or end that: an admin, or an analyst who is not its author."""
    name = session.user.name
    if request.version is not None:
        _require_mover(context, session, _version(context, request.version))
    detail = {"alias": request.alias, "reason": request.reason}
    with changing(context, name, "policy moved", str(request.version or "none"), detail):
        position = set_alias(context.settings, request.alias, request.version, name, request.reason).position
    return policies_now(context, position)


@router.post("/rollback")
def roll_back(request: ReasonRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Make live what was live before."""
    name, live = session.user.name, context.decisions.state.policies.live
    with changing(context, name, "policy rolled back", str(live or "none"), {"reason": request.reason}):
        position = rollback(context.settings, name, request.reason).position
    return policies_now(context, position)


def _policies_with(context: AppContext, after: PolicyVersion) -> dict[str, Any]:
    """The policies once this dashboard has read what became of a version."""
    number = after.version
    context.decisions.wait_for(lambda state: state.policies.versions[number - 1 : number] == (after,))
    return policies_now(context)


def require_read(context: AppContext) -> None:
    """See that policies and lists are known; HTTP 503 otherwise."""
    problem = context.decisions.state.problem
    if problem is not None:
        raise HTTPException(503, f"policies and lists cannot be changed now: {problem}", {"Retry-After": "5"})


@contextmanager
def changing(
    context: AppContext, who: str, action: str, subject: str, detail: dict[str, str]
) -> Iterator[None]:
    """Around a change: limits it, and writes it to the audit, also if it is refused.

    Raises:
        HTTPException: 409 it is refused; 429 too many; 503 Kafka does not answer.
    """
    require_read(context)
    if not context.limits.changes_by_user.take(who):
        raise HTTPException(429, "too many changes at once; wait a moment", {"Retry-After": "5"})
    detail = {name: text for name, text in detail.items() if text}
    try:
        yield
    except FraudError as error:
        record(context, who, f"{action}: refused", subject, detail | {"error": str(error)})
        status = 503 if isinstance(error, UnreachableError) else 409
        raise HTTPException(status, str(error)) from None
    record(context, who, action, subject, detail)


def record(context: AppContext, who: str, action: str, subject: str, detail: dict[str, str]) -> None:
    """Add a line to the audit."""
    with context.store.write_transaction() as connection:
        add_audit_entry(connection, who, action, subject, detail)


def _require_other(context: AppContext, name: str, version: PolicyVersion, verb: str) -> None:
    if same_person(name, version.author):
        detail = {"error": f"it is their own: somebody else must {verb} it"}
        record(context, name, "policy: refused", str(version.version), detail)
        raise HTTPException(403, f"version {version.version} is yours; somebody else must {verb} it")


def _require_mover(context: AppContext, session: Session, version: PolicyVersion) -> None:
    if not session.user.may("admin"):
        _require_other(context, session.user.name, version, "move an alias to")


def _described(context: AppContext, parsed: ParsedPolicy) -> dict[str, Any]:
    described = {"text": parsed.text, "key": key_of(parsed.text), "findings": parsed.findings, "policy": None}
    if parsed.policy is None:
        return described
    entries = {name: count for name, (count, _) in context.decisions.state.entries.counts(now_ms()).items()}
    midnight = now_ms() - now_ms() % DAY_MS
    with context.store.reading() as connection:
        decided = Counter(decided_since(connection, midnight))
    return described | {"policy": describe_policy(parsed.policy, entries, decided)}


def _parsed(context: AppContext, number: int | None) -> ParsedPolicy:
    return (
        context.parser.default() if number is None else context.parser.parse(_version(context, number).text)
    )


def _version(context: AppContext, number: int) -> PolicyVersion:
    try:
        return context.decisions.state.policies.version(number)
    except ConfigurationError as error:
        raise HTTPException(404, str(error)) from None
