"""Who has a case follows from its actions, and what another has is refused until it is meant."""

from typing import Any

import pytest

from serving.dashboard.cases.conflicts import ConflictError
from serving.dashboard.cases.state import CaseAction, CaseState, state_after


def action(seq: int, name: Any, by: str = "anna", assignee: str | None = None) -> CaseAction:
    return CaseAction(seq, "card", 0, "t1", name, by, 1_764_000_000_000, assignee, "")


CLAIMED = state_after([action(1, "claim", assignee="anna")])
ASSIGNED = state_after([action(1, "claim", assignee="anna"), action(2, "assign", assignee="bert")])
RELEASED = state_after([action(1, "claim", assignee="anna"), action(2, "release")])
ESCALATED = state_after([action(1, "claim", assignee="anna"), action(2, "escalate")])


@pytest.mark.parametrize(
    ("state", "status", "assignee"),
    [
        (CaseState(), "open", None),
        (CLAIMED, "claimed", "anna"),
        (ASSIGNED, "claimed", "bert"),
        (RELEASED, "open", None),
        (ESCALATED, "escalated", None),
    ],
)
def test_the_last_action_counts(state: CaseState, status: str, assignee: str | None) -> None:
    assert (state.status(is_open=True), state.assignee) == (status, assignee)
    assert state.status(is_open=False) == "reviewed"


def test_the_order_in_which_actions_are_read_does_not_matter() -> None:
    assert state_after([action(2, "release"), action(1, "claim", assignee="anna")]) == RELEASED


@pytest.mark.parametrize("user", ["anna", "bert", "adam"])
@pytest.mark.parametrize("state", [CaseState(), RELEASED])
def test_what_nobody_has_is_free(state: CaseState, user: str) -> None:
    state.require_free(user, is_admin=False, known=())


def test_what_another_has_is_refused_with_what_happened() -> None:
    CLAIMED.require_free("anna", is_admin=False, known=())
    with pytest.raises(
        ConflictError, match=r"anna has this case: claimed \(16:00:00 UTC, 24 November 2025\)"
    ):
        CLAIMED.require_free("bert", is_admin=False, known=())
    with pytest.raises(ConflictError, match="bert has this case: assigned by anna"):
        ASSIGNED.require_free("anna", is_admin=True, known=())


def test_what_was_refused_can_be_meant_until_it_changes() -> None:
    # given a refusal
    with pytest.raises(ConflictError) as refusal:
        CLAIMED.require_free("bert", is_admin=False, known=())
    token = refusal.value.details["token"]
    # then its token repeats the request knowingly
    CLAIMED.require_free("bert", is_admin=False, known=[token])
    # and stands for nothing that happens later
    with pytest.raises(ConflictError):
        ASSIGNED.require_free("carl", is_admin=False, known=[token])


def test_an_escalated_case_is_for_admins() -> None:
    ESCALATED.require_free("adam", is_admin=True, known=())
    with pytest.raises(ConflictError, match="anna escalated this case; it waits for an admin"):
        ESCALATED.require_free("anna", is_admin=False, known=())
