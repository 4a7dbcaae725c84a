"""Events for tests, short to write."""

from fraud.decisions.log.events import (
    AliasMoved,
    PolicyApproved,
    PolicyEvent,
    PolicyProposed,
    PolicyRejected,
    encode_event,
)
from fraud.decisions.log.fold import fold_policies
from fraud.decisions.log.state import PolicyState

TEXT = "version: 1\nname: acme\nbands: {on: probability, review: model}\n"


def proposed(by: str = "ann", rules: dict[str, str] | None = None, approvals: int = 1) -> PolicyProposed:
    digests = {name: letter * 16 for name, letter in (rules or {}).items()}
    return PolicyProposed(TEXT, "0" * 16, digests, approvals, by, 1_000, "because")


def approved(version: int, by: str = "bob") -> PolicyApproved:
    return PolicyApproved(version, by, 2_000)


def rejected(version: int, by: str = "bob") -> PolicyRejected:
    return PolicyRejected(version, by, 2_000, "no")


def moved(version: int | None, former: int | None = None, *, is_rollback: bool = False) -> AliasMoved:
    return AliasMoved("live", version, former, "ann", 3_000, is_rollback=is_rollback)


def in_shadow(version: int | None, former: int | None = None) -> AliasMoved:
    return AliasMoved("shadow", version, former, "ann", 3_000)


def folded(*events: PolicyEvent) -> PolicyState:
    return fold_policies(map(encode_event, events))


def reasons(state: PolicyState) -> list[str]:
    return [one.reason for one in state.refused]
