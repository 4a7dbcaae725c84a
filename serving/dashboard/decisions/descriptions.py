"""Policies as the page gets them."""

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fraud.decisions.log.publishing import RefusedChangeError, previous_live
from fraud.decisions.log.state import Approval, PolicyState, PolicyVersion
from fraud.decisions.policy import Policy, Rule

_CONTEXT = 3
_MOST_REFUSED = 20


def describe_policies(state: PolicyState, approvals: int) -> dict[str, Any]:
    """Every version, the newest first, the aliases, and the history.

    Args:
        state: of the log.
        approvals: people besides the author who must approve what is proposed now.
    """
    try:
        previous, can_roll_back = previous_live(state), True
    except RefusedChangeError:
        previous, can_roll_back = None, False
    return {
        "approvals": approvals,
        "live": state.live,
        "shadow": state.shadow,
        "can_roll_back": can_roll_back,
        "previous": previous,
        "refused": [
            {"position": one.position, "by": one.by, "reason": one.reason}
            for one in state.refused[-_MOST_REFUSED:]
        ],
        "versions": [describe_version(state, one) for one in reversed(state.versions)],
        "history": [
            {"at": one.at, "by": one.by, "text": f"{one.text}: {one.note}" if one.note else one.text}
            for one in reversed(state.audit)
        ],
    }


def describe_version(state: PolicyState, one: PolicyVersion) -> dict[str, Any]:
    """A version without its text."""
    return {
        "version": one.version,
        "status": one.status,
        "author": one.author,
        "at": one.proposed_at,
        "reason": one.note,
        "override_declines": one.override_declines,
        "approvals": [_statement(approval) for approval in one.approvals],
        "approvals_needed": one.approvals_needed,
        "rejection": None if one.rejection is None else _statement(one.rejection),
        "is_live": state.live == one.version,
        "is_shadow": state.shadow == one.version,
        "has_what_if": one.what_if is not None,
    }


def _statement(one: Approval) -> dict[str, Any]:
    return {"by": one.by, "at": one.at, "reason": one.note}


def describe_policy(policy: Policy, entries: Mapping[str, int], decided: Counter[str]) -> dict[str, Any]:
    """Lists, rules and bands in the order in which they decide.

    Args:
        policy: parsed.
        entries: number of entries of each list.
        decided: stored payments of today by what decided them, as `Prediction.decided_by`.
    """
    return {
        "name": policy.name,
        "lists": [asdict(one) | {"entries": entries.get(one.name, 0)} for one in policy.lists],
        "rules": [_rule(one, decided[f"rule {one.name}"]) for one in policy.rules],
        "segments": [asdict(one) for one in policy.segments],
        "review_capacity": policy.review_capacity,
        "control_share": policy.control_share,
        "sample_share": policy.sample_share,
        "most_declined": policy.most_declined,
    }


def _rule(one: Rule, decided_today: int) -> dict[str, Any]:
    return asdict(one) | {"decided_today": decided_today}


def reasons_of(policy: Policy | None) -> dict[str, str]:
    """What analysts read, by what decides, as `Prediction.decided_by`; nothing of one that cannot be used."""
    if policy is None:
        return {}
    rules = {f"rule {one.name}": one.reason for one in policy.rules}
    return {f"list {one.name}": one.reason for one in policy.lists} | rules


def changed_lines(before: str, after: str) -> list[dict[str, str]]:
    """The lines of a difference with those around them: `mark` is `+`, `-` or a blank."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT)
    body = list(lines)[2:]  # behind the names of two files
    return [
        {"mark": " ", "text": "…"} if line.startswith("@@") else {"mark": line[0], "text": line[1:]}
        for line in body
    ][1:]
