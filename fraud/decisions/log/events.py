"""The events of the topic of policies, as JSON; their order in the topic is the order in which they count.

An event says what somebody wants. Whether it counts is decided by those who read the log
(`fraud.decisions.log.fold`), all of them by the same rules.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Millis

PolicyAlias = Literal["live", "shadow"]
EventKind = Literal["proposed", "approved", "rejected", "moved", "what_if", "log_signed"]

MAX_POLICY_TEXT = 500_000
"""Characters of a policy's YAML."""
MAX_WHAT_IF = 262_144
"""Characters of the JSON of a what-if."""
MAX_APPROVALS = 9
"""That a version may need, and that are kept of one."""

_Person = Annotated[str, Meta(min_length=1, max_length=64)]
_Note = Annotated[str, Meta(max_length=2_000)]
_Number = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]


class PolicyProposed(msgspec.Struct, frozen=True, tag_field="event", tag="proposed", omit_defaults=True):
    """A new policy; the first proposal of the log is version 1, the next one version 2.

    `rules` has the digest of each rule's content by its name: rules with the same digest are the same rule.
    `approvals` is how many people besides the author must approve. `override_declines` is the reason for
    which a policy may decline more payments than it itself allows.
    """

    text: Annotated[str, Meta(min_length=1, max_length=MAX_POLICY_TEXT)]
    digest: _Digest
    rules: dict[str, _Digest]
    approvals: Annotated[int, Meta(ge=0, le=MAX_APPROVALS)]
    by: _Person
    at: Millis
    note: _Note = ""
    override_declines: _Note = ""


class PolicyApproved(msgspec.Struct, frozen=True, tag_field="event", tag="approved", omit_defaults=True):
    """Somebody approves a version."""

    version: _Number
    by: _Person
    at: Millis
    note: _Note = ""


class PolicyRejected(msgspec.Struct, frozen=True, tag_field="event", tag="rejected", omit_defaults=True):
    """Somebody rejects a version, or withdraws their own."""

    version: _Number
    by: _Person
    at: Millis
    note: _Note = ""


class AliasMoved(msgspec.Struct, frozen=True, tag_field="event", tag="moved", omit_defaults=True):
    """An alias names another version, or none; `former` is what it named when this was decided.

    The event counts only if the alias still names `former`, so that of two people at once one is refused.
    `is_rollback` returns to a version that was live before, and forgets what came after it.
    """

    alias: PolicyAlias
    version: _Number | None
    former: _Number | None
    by: _Person
    at: Millis
    note: _Note = ""
    is_rollback: bool = False


class WhatIfAttached(msgspec.Struct, frozen=True, tag_field="event", tag="what_if", omit_defaults=True):
    """What a version would have decided, as JSON, for those who approve it; the newest counts."""

    version: _Number
    result: Annotated[str, Meta(min_length=1, max_length=MAX_WHAT_IF)]
    by: _Person
    at: Millis


class LogSigned(msgspec.Struct, frozen=True, tag_field="event", tag="log_signed", omit_defaults=True):
    """Somebody who has a key vouches for the events before `position`, which were written without one.

    `digest` is the hash of their messages. It counts only before the first event that is signed itself.
    """

    position: Annotated[int, Meta(ge=0)]
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    by: _Person
    at: Millis
    note: _Note = ""


PolicyEvent = PolicyProposed | PolicyApproved | PolicyRejected | AliasMoved | WhatIfAttached | LogSigned


class _EventTag(msgspec.Struct):
    event: EventKind


_TAGS = Decoder(_EventTag)
_DECODERS: dict[str, Decoder[PolicyEvent]] = {
    str(kind.__struct_config__.tag): Decoder(kind, lambda event: _require_person(event.by))
    for kind in get_args(PolicyEvent)
}


def encode_event(event: PolicyEvent) -> bytes:
    """The event as a message."""
    return msgspec.json.encode(event)


def decode_event(value: bytes | None) -> PolicyEvent:
    """The event of a message.

    Raises:
        MessageError: it is none.
    """
    return _DECODERS[_TAGS.decode(value).event].decode(value)


def _require_person(name: str) -> None:
    if not name.isprintable() or name != name.strip():
        raise MessageError(f"{name!r} is no name of a person: it has blanks around it or control characters")
