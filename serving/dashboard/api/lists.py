"""Routes of lists: entries, adding and removing them, and the lists that a case's payment is or can be on."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import Field

from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.publishing import publish_entries, remove_entries, stored_value
from fraud.decisions.policy import Policy, PolicyList
from fraud.definitions.fields import CORE_FIELDS
from fraud.errors import ConfigurationError
from serving.dashboard.api.policies import DAY_MS, ERRORS, Analyst, changing, require_read
from serving.dashboard.api.requested_alert import ALERT_ERRORS, CardRef, require_alert
from serving.dashboard.auth.access import REFUSALS, MaskedText, RequestBody, SessionOf
from serving.dashboard.context import AppContext, Context
from serving.dashboard.decisions.entries import describe_entry
from serving.dashboard.feed.clock import now_ms

router = APIRouter(prefix="/api", responses=REFUSALS)
_CARD = "card_id"
_MOST_SHOWN = 200
_MOST_DAYS = 3_650
ListName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,63}$")]
_Value = Annotated[str, Field(min_length=1, max_length=256)]


class EntryRequest(RequestBody):
    """A value for a list: `days` is how long it stays, 0 until it is removed; the case it comes from."""

    value: _Value
    reason: MaskedText = Field(min_length=3, max_length=500)
    days: int = Field(default=0, ge=0, le=_MOST_DAYS)
    transaction_id: str = Field(default="", max_length=64)


class RemovalRequest(RequestBody):
    """A value that leaves a list, and why."""

    value: _Value
    reason: MaskedText = Field(default="", max_length=500)


@router.get("/lists")
def lists(context: Context, _: SessionOf) -> dict[str, Any]:
    """The lists of the live policy, then those that only have entries."""
    state = context.decisions.state
    counts, policy = state.entries.counts(now_ms()), _live_policy(context)
    known = {one.name: one for one in policy.lists} if policy else {}
    names = [*known, *sorted(counts.keys() - known.keys())]
    return {"problem": state.problem, "lists": [_overview(name, known.get(name), counts) for name in names]}


def _overview(name: str, one: PolicyList | None, counts: dict[str, tuple[int, int]]) -> dict[str, Any]:
    holding, expired = counts.get(name, (0, 0))
    described: dict[str, Any] = {"field": None, "outcome": None, "reason": ""}
    if one is not None:
        described = {"field": one.field, "outcome": one.outcome, "reason": one.reason}
    return {"name": name, "entries": holding, "expired": expired} | described


@router.get("/lists/{name}/entries")
def entries(
    name: ListName,
    context: Context,
    _: SessionOf,
    text: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, Any]:
    """The newest entries of a list with a text in value, reason or author, and how many there are."""
    shown, found = context.decisions.state.entries.search(name, text, _MOST_SHOWN)
    return {"entries": [describe_entry(one) | _card_of(context, name, one) for one in shown], "found": found}


@router.post("/lists/{name}/entries", status_code=201, responses=ERRORS)
def add(name: ListName, request: EntryRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Put a value on a list of the live policy; it counts within seconds."""
    one = _require_list(context, name)
    value = _stored_value(context, request.value)
    _require_value(context, one, value)
    now, name_of_user = now_ms(), session.user.name
    expires = now + request.days * DAY_MS if request.days else None
    entry = ListEntry(name, value, name_of_user, now, request.reason, expires)
    detail = {"reason": request.reason, "days": str(request.days or "")}
    if request.transaction_id:
        detail["transaction"] = request.transaction_id
    with changing(context, name_of_user, "list entry", name, detail | subject_of(context, one, value)):
        position = publish_entries(context.settings, [entry]).position
    _wait_for(context, position)
    return {"added": True}


@router.post("/lists/{name}/removals", responses=ERRORS)
def remove(name: ListName, request: RemovalRequest, context: Context, session: Analyst) -> dict[str, Any]:
    """Take a value off a list."""
    require_read(context)
    names = context.settings.card_rule.lookups(request.value)
    value = next((one for one in names if context.decisions.state.entries.entry(name, one)), None)
    if value is None:
        raise HTTPException(404, f"the value is not on the list {name}; somebody may have removed it")
    one = next((one for one in _lists_of(context) if one.name == name), None)
    detail = {"reason": request.reason} | subject_of(context, one, value)
    with changing(context, session.user.name, "list entry removed", name, detail):
        position = remove_entries(context.settings, name, [value], session.user.name, request.reason).position
    _wait_for(context, position)
    return {"removed": True}


@router.get("/case/lists", responses=ALERT_ERRORS)
def lists_of_case(
    transaction_id: Annotated[str, Query(max_length=64)],
    context: Context,
    _: SessionOf,
    card_ref: CardRef | None = None,
) -> dict[str, Any]:
    """The lists of the live policy that a payment is on or can be put on."""
    alert = require_alert(context, transaction_id, card_ref)
    return {"lists": lists_with(context, lambda field: value_of(alert, field))}


def lists_with(context: AppContext, value: Callable[[str], object]) -> list[dict[str, Any]]:
    """The lists of the live policy that take values of fields, and the entries that these have there."""
    found = []
    for one in _lists_of(context):
        of_field = value(one.field)
        if isinstance(of_field, str) and of_field:
            found.append(_of_case(context, one, of_field))
    return found


def _card_of(context: AppContext, name: str, entry: ListEntry) -> dict[str, str]:
    """The reference of a list's card, for its link."""
    one = next((one for one in _lists_of(context) if one.name == name), None)
    return {"card_ref": context.store.card_ref(entry.value)} if one and one.field == _CARD else {}


def value_of(alert: dict[str, Any], field: str) -> object:
    """A field of an alert's payment; one that is declared may be called as something else of the alert."""
    return (alert if field in CORE_FIELDS else alert["fields"]).get(field)


def _of_case(context: AppContext, one: PolicyList, value: str) -> dict[str, Any]:
    entry = context.decisions.state.entries.entry(one.name, value)
    field = context.settings.loaded_definitions.field_by_name.get(one.field)
    label = (field and field.text) or one.field.removesuffix("_id").replace("_", " ")
    holds = entry is not None and entry.holds_at(now_ms())
    return {
        "list": one.name, "field": one.field, "label": label, "value": value, "outcome": one.outcome,
        "entry": describe_entry(entry) if entry is not None and holds else None,
    }  # fmt: skip


def _live_policy(context: AppContext) -> Policy | None:
    return context.parser.live(context.decisions.state.policies).policy


def _lists_of(context: AppContext) -> tuple[PolicyList, ...]:
    policy = _live_policy(context)
    return policy.lists if policy else ()


def _require_list(context: AppContext, name: str) -> PolicyList:
    require_read(context)
    for one in _lists_of(context):
        if one.name == name:
            return one
    raise HTTPException(404, f"the live policy has no list {name}, so an entry would have no effect")


def _stored_value(context: AppContext, value: str) -> str:
    """The value as payments have it: pseudonyms stand for card numbers."""
    try:
        return stored_value(context.settings, value)
    except ConfigurationError as error:
        raise HTTPException(409, str(error)) from None


def _require_value(context: AppContext, one: PolicyList, value: str) -> None:
    from fraud.decisions.lists.values import value_problem  # takes long to import

    problem = value_problem(context.settings.loaded_definitions.field_by_name[one.field], value)
    if problem:
        raise HTTPException(409, f"{problem}; write it as payments have it")


def subject_of(context: AppContext, one: PolicyList | None, value: str) -> dict[str, str]:
    """A value in the audit: of a card, or where nobody knows of what field it is, its reference."""
    if one is None or one.field == _CARD:
        return {"card_ref": context.store.card_ref(value)}
    return {"value": value}


def _wait_for(context: AppContext, position: int) -> None:
    """Wait until the page would show a change."""
    context.decisions.wait_for(lambda state: state.entries.position >= position)
