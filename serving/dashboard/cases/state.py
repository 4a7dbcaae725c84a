"""Who has a case: the state that follows from the actions on it, and which actions that state allows.

| action | allowed | state afterwards |
|---|---|---|
| claim | nobody else has it; escalated: admins | CLAIMED by who claims |
| assign | nobody else has it; always: admins | CLAIMED by the named person |
| release | who has it; always: admins | OPEN |
| escalate | nobody else has it | ESCALATED: waits for an admin |

A case without actions is OPEN. The state is that after the last action, so that two cases which a late
alert joins have the later of their states. What another person has is refused with what happened; the
request can be repeated with the refusal's token, which says that it is meant.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from serving.dashboard.cases.conflicts import ConflictError, refuse_unless_known

CaseActionName = Literal["claim", "assign", "release", "escalate"]
CaseStatus = Literal["open", "claimed", "escalated", "reviewed"]


class CaseAction(NamedTuple):
    """What somebody did with a case: `at` in ms UTC; `timestamp` is the event time of the open alert."""

    seq: int
    card_ref: str
    timestamp: int
    transaction_id: str
    action: CaseActionName
    by: str
    at: int
    assignee: str | None
    note: str


@dataclass(frozen=True)
class CaseState:
    """The state of a case after its last action."""

    last: CaseAction | None = None

    @property
    def assignee(self) -> str | None:
        """Who has the case."""
        return self.last.assignee if self.last else None

    @property
    def is_escalated(self) -> bool:
        """Whether the case waits for an admin."""
        return self.last is not None and self.last.action == "escalate"

    def status(self, is_open: bool) -> CaseStatus:
        """The status of a case that has open alerts or none."""
        if not is_open:
            return "reviewed"
        if self.is_escalated:
            return "escalated"
        return "claimed" if self.assignee else "open"

    def require_free(self, user: str, is_admin: bool, known: Collection[str]) -> None:
        """Refuse work on a case that another person has, or that waits for an admin.

        Args:
            user: who asks.
            is_admin: whether they are an admin.
            known: tokens of the refusals that they have seen.

        Raises:
            ConflictError: it is not free, and `known` does not have the refusal's token.
        """
        last = self.last
        if last is None or last.assignee == user:
            return
        token = f"action-{last.seq}"
        if last.assignee:
            text = f"{last.assignee} has this case: {_how(last)}"
            refuse_unless_known(known, ConflictError(text, token, last.assignee, last.action, last.at))
        elif self.is_escalated and not is_admin:
            text = f"{last.by} escalated this case; it waits for an admin"
            refuse_unless_known(known, ConflictError(text, token, last.by, last.action, last.at))


def _how(last: CaseAction) -> str:
    return "claimed" if last.action == "claim" else f"assigned by {last.by}"


def state_after(actions: Iterable[CaseAction]) -> CaseState:
    """The state after these actions; the order in which they are given does not matter."""
    return CaseState(max(actions, key=lambda one: one.seq, default=None))
