"""Changes of policies: checked, written, and read back to see that they count.

Each function reads the log, sees that the change would count, writes its event, and reads up to it: of two
people who do something at once, the one whose event no longer counts gets the reason as an error.
"""

import hashlib
import time
from dataclasses import astuple, dataclass

import msgspec

from fraud.cards.masking import mask_text
from fraud.cards.numbers import holds_card_number
from fraud.decisions.log.events import (
    AliasMoved,
    LogSigned,
    PolicyAlias,
    PolicyApproved,
    PolicyEvent,
    PolicyProposed,
    PolicyRejected,
    WhatIfAttached,
    encode_event,
)
from fraud.decisions.log.fold import PolicyLog
from fraud.decisions.log.reading import read_policy_log, read_values
from fraud.decisions.log.signatures import SIGNATURE_HEADER, log_digest, sign_event
from fraud.decisions.log.state import PolicyState, PolicyVersion
from fraud.decisions.policy import Policy
from fraud.errors import ConfigurationError
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.sending import Record, send_records
from fraud.settings import Settings
from fraud.signing.signers import find_signer


class RefusedChangeError(ConfigurationError):
    """A change of a policy does not count by the rules of the log; the text says why."""


@dataclass(frozen=True)
class PolicyProposal:
    """A policy and who wants it.

    Attributes:
        policy: parsed, so that it is without mistakes.
        author: who proposes it.
        note: why.
        override_declines: why it may decline more payments than it allows; empty: it may not.
    """

    policy: Policy
    author: str
    note: str = ""
    override_declines: str = ""


def propose(settings: Settings, proposal: PolicyProposal) -> PolicyVersion:
    """Propose a policy; returns its version, which waits for approval.

    Raises:
        RefusedChangeError: it is the live policy, is proposed already, or holds a card number.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    if holds_card_number(proposal.policy.text):
        raise RefusedChangeError(
            "the policy holds a card number, which is never stored; put the card on a list of the policy"
        )
    log = read_policy_log(settings)
    _require_new(log.state(), proposal.policy)
    state = _publish(settings, log, proposal_event(settings, proposal))
    return state.versions[-1]


def proposal_event(settings: Settings, proposal: PolicyProposal) -> PolicyProposed:
    """The event of a proposal now, by the settings' number of approvals."""
    policy = proposal.policy
    return PolicyProposed(
        text=policy.text,
        digest=policy.digest,
        rules=rule_digests(policy),
        approvals=settings.decisions.approvals,
        by=proposal.author,
        at=_now(),
        note=mask_text(proposal.note),
        override_declines=mask_text(proposal.override_declines),
    )


def approve(settings: Settings, version: int, by: str, note: str = "") -> PolicyVersion:
    """Approve a version; returns it with this approval.

    Raises:
        RefusedChangeError: it does not count: by its author, twice, of a version that is rejected, ...
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    event = PolicyApproved(version, by, _now(), mask_text(note))
    return _publish(settings, read_policy_log(settings), event).version(version)


def reject(settings: Settings, version: int, by: str, note: str = "") -> PolicyVersion:
    """Reject a version, or withdraw it; returns it.

    Raises:
        RefusedChangeError: it is live, or rejected already.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    event = PolicyRejected(version, by, _now(), mask_text(note))
    return _publish(settings, read_policy_log(settings), event).version(version)


def set_alias(
    settings: Settings, alias: PolicyAlias, version: int | None, by: str, note: str = ""
) -> PolicyState:
    """Let an alias name a version, or none; engines follow within two seconds.

    Raises:
        RefusedChangeError: the version is not approved, or somebody moved the alias meanwhile.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    log = read_policy_log(settings)
    return _publish(
        settings, log, AliasMoved(alias, version, log.state().alias(alias), by, _now(), mask_text(note))
    )


def rollback(settings: Settings, by: str, note: str = "") -> PolicyState:
    """Put back what was live before the live version; the first version gives way to the default policy.

    Raises:
        RefusedChangeError: nothing was live before, or somebody moved the alias meanwhile.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    log = read_policy_log(settings)
    state = log.state()
    event = AliasMoved(
        "live", previous_live(state), state.live, by, _now(), mask_text(note), is_rollback=True
    )
    return _publish(settings, log, event)


def attach_what_if(settings: Settings, version: int, result: str, by: str) -> PolicyVersion:
    """Attach a what-if (JSON) to a version, for those who approve it; returns the version.

    Raises:
        RefusedChangeError: there is no such version, or the result is too long.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    event = WhatIfAttached(version, result, by, _now())
    return _publish(settings, read_policy_log(settings), event).version(version)


def sign_log(settings: Settings, by: str, note: str = "") -> PolicyState:
    """Vouch for a log whose events were written before there was a key; returns the state with them.

    Raises:
        ConfigurationError: there is no key to sign with.
        RefusedChangeError: an event of the log is signed already.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    if find_signer(settings) is None:
        raise ConfigurationError(
            "there is no key to sign with: set FRAUD_SIGNING__PRIVATE_KEY to its file; `fraud up` makes one"
        )
    values, signed = read_values(settings)
    if signed:
        raise RefusedChangeError(f"the event at offset {signed[0]} is signed already, so the log is, too")
    return write_event(settings, LogSigned(len(values), log_digest(values), by, _now(), note))


def previous_live(state: PolicyState) -> int | None:
    """What a rollback puts back; None: the default policy.

    Raises:
        RefusedChangeError: nothing was live before.
    """
    for version in reversed(state.live_stack[:-1]):
        is_usable = version is None or state.version(version).status != "rejected"
        if version != state.live and is_usable:
            return version
    raise RefusedChangeError("no policy was live before this one, so there is nothing to roll back to")


def rule_digests(policy: Policy) -> dict[str, str]:
    """A digest of all that each rule says, by its name."""
    return {
        rule.name: hashlib.sha256(msgspec.json.encode(astuple(rule))).hexdigest()[:16]
        for rule in policy.rules
    }


def _require_new(state: PolicyState, policy: Policy) -> None:
    for version in state.versions:
        is_same = version.digest == policy.digest
        if is_same and version.version == state.live:
            raise RefusedChangeError(f"version {version.version} has the same content, and is live")
        if is_same and version.status == "proposed":
            raise RefusedChangeError(
                f"version {version.version} has the same content, and waits for approval"
            )


def require_counts(log: PolicyLog, event: PolicyEvent) -> None:
    """Take an event as the next one of a log, before it is written.

    Raises:
        RefusedChangeError: it would not count.
    """
    position = log.try_event(encode_event(event))
    _require_accepted(log.state(), position)


def _publish(settings: Settings, log: PolicyLog, event: PolicyEvent) -> PolicyState:
    """Write an event that would count after the log that was read, and see that it does."""
    require_counts(log, event)
    return write_event(settings, event)


def write_event(settings: Settings, event: PolicyEvent) -> PolicyState:
    """Write an event; returns the state with it.

    Raises:
        ConfigurationError: signatures are required, and there is no key to sign with.
        RefusedChangeError: it does not count, because of what others wrote meanwhile.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    topic, value, signer = settings.topics.policies, encode_event(event), find_signer(settings)
    headers = {} if signer is None else {SIGNATURE_HEADER: sign_event(signer, value)}
    require_topic(settings, topic, "read", "write")
    end = send_records(settings, topic, [Record(None, value, headers)])
    state = read_policy_log(settings, until=end).state()
    _require_accepted(state, end - 1)
    return state


def _require_accepted(state: PolicyState, position: int) -> None:
    for refused in reversed(state.refused):
        if refused.position == position:
            raise RefusedChangeError(refused.reason)


def _now() -> int:
    return time.time_ns() // 1_000_000
