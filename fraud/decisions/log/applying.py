"""A policy that is kept in git: proposed, approved and live in one step, and nothing if it is live."""

from collections.abc import Sequence
from dataclasses import dataclass

from fraud.decisions.log.events import (
    MAX_APPROVALS,
    AliasMoved,
    PolicyApproved,
    PolicyEvent,
    PolicyProposed,
)
from fraud.decisions.log.fold import same_person
from fraud.decisions.log.publishing import (
    PolicyProposal,
    RefusedChangeError,
    proposal_event,
    require_counts,
    write_event,
)
from fraud.decisions.log.reading import read_policy_log
from fraud.decisions.log.state import PolicyState, PolicyVersion
from fraud.settings import Settings


@dataclass(frozen=True)
class AppliedPolicy:
    """The version that is live now, and whether it was so before."""

    version: PolicyVersion
    is_changed: bool


def apply_policy(settings: Settings, proposal: PolicyProposal, approved_by: Sequence[str]) -> AppliedPolicy:
    """Make a policy live: what its author and those who approved it have agreed upon elsewhere.

    A run that was cut off is completed by the next one. All events are tried before the first is written.

    Raises:
        RefusedChangeError: too few approvals, or one by the author; or somebody changed something meanwhile.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    log = read_policy_log(settings)
    before = log.state()
    live = before.live_version
    if live is not None and live.digest == proposal.policy.digest:
        return AppliedPolicy(live, is_changed=False)
    events = _events(settings, before, proposal, approved_by)
    for event in events:
        require_counts(log, event)
    after, proposed_as = before, len(before.versions) + 1
    for event in events:
        after = write_event(settings, event)
        if isinstance(event, PolicyProposed):
            _require_number(after, proposed_as)
    assert after.live_version is not None
    return AppliedPolicy(after.live_version, is_changed=True)


def _events(
    settings: Settings, state: PolicyState, proposal: PolicyProposal, approved_by: Sequence[str]
) -> list[PolicyEvent]:
    proposed = proposal_event(settings, proposal)
    there = _usable_version(state, proposal.policy.digest)
    number = there.version if there else len(state.versions) + 1
    missing = [
        name
        for name in approved_by
        if there is None or not any(same_person(name, one.by) for one in there.approvals)
    ]
    most = MAX_APPROVALS - (len(there.approvals) if there else 0)
    return [
        *([] if there else [proposed]),
        *(PolicyApproved(number, name, proposed.at, proposal.note) for name in missing[:most]),
        AliasMoved("live", number, state.live, proposal.author, proposed.at, proposal.note),
    ]


def _require_number(state: PolicyState, expected: int) -> None:
    """See that the newest version has the number that the events after its proposal name."""
    number = len(state.versions)
    if number != expected:
        raise RefusedChangeError(
            f"somebody else proposed version {expected} meanwhile, and nothing was approved; run again, to "
            f"complete version {number}"
        )


def _usable_version(state: PolicyState, digest: str) -> PolicyVersion | None:
    """The newest version of that content which is, or can still be, approved."""
    for version in reversed(state.versions):
        if version.digest == digest and version.status in ("proposed", "approved"):
            return version
    return None
