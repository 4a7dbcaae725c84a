"""From events to the state of policies: a pure function of the log, the same for every reader.

Rules that a writer cannot get around:

- A version's number is the count of proposals up to it, and its content never changes.
- An approval by the author does not count, nobody counts twice, and there are no more than can be needed.
- A version needs as many approvals as its proposal says, and never fewer than the newest version that went
  live said: fewer are enough only after a version that says so was approved by as many as before. What was
  live once may be again.
- `live` names approved versions only, `shadow` none that is rejected.
- An alias moves only from the version that the event expects.
- Where signatures are required, an event counts only with one, and only once.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from fraud.decisions.log.events import (
    MAX_APPROVALS,
    AliasMoved,
    EventKind,
    LogSigned,
    PolicyApproved,
    PolicyEvent,
    PolicyProposed,
    PolicyRejected,
    WhatIfAttached,
    decode_event,
)
from fraud.decisions.log.signatures import SignatureCheck, log_digest, signature_of
from fraud.decisions.log.state import (
    AliasMove,
    Approval,
    AuditLine,
    PolicyState,
    PolicyVersion,
    RefusedEvent,
    VersionStatus,
)
from fraud.messages.decoding import MessageError
from fraud.signing.keys import TrustedKeys

if TYPE_CHECKING:
    from confluent_kafka import Message


class PolicyLog:
    """The state after some of the log's messages, taken in their order."""

    def __init__(self, keys: TrustedKeys | None = None) -> None:
        """Begin an empty log.

        Args:
            keys: whose signatures count; None: events count without one.
        """
        self._check = None if keys is None else SignatureCheck(keys)
        self._before_signatures: list[tuple[int, bytes | None]] = []
        self._start: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._versions: list[PolicyVersion] = []
        self._rules: dict[tuple[str, str], int] = {}
        self._aliases: dict[str, int | None] = {"live": None, "shadow": None}
        self._live_stack: list[int | None] = [None]
        self._stated_approvals: list[int] = []
        self._newest_live = 0
        self._moves: list[AliasMove] = []
        self._audit: list[AuditLine] = []
        self._refused: list[RefusedEvent] = []
        self._position = 0

    @property
    def unsigned(self) -> int:
        """How many messages have no signature that counts, and are not vouched for."""
        return 0 if self._check is None else self._check.unsigned

    def take(self, message: "Message") -> None:
        """The next message of the topic."""
        self.apply(message.offset() or 0, message.value(), signature_of(message))

    def apply(self, position: int, value: bytes | None, signature: str = "") -> None:
        """The next message, at the offset `position`; one that does not count is among the refused ones.

        Where the log does not begin at 0, nothing counts: its versions cannot be numbered.
        """
        self._start = position if self._start is None else self._start
        check = self._check
        if check is not None and not check.is_signed:
            self._before_signatures.append((position, value))
        self._apply_message(position, value, signature, check)

    def try_event(self, value: bytes) -> int:
        """Take an event as the next one, as if it were signed; returns the position that it gets."""
        position = self._position
        self._start = position if self._start is None else self._start
        self._apply_message(position, value, "", None)
        return position

    def _apply_message(
        self, position: int, value: bytes | None, signature: str, check: SignatureCheck | None
    ) -> None:
        by = ""
        try:
            self._require_beginning()
            event = decode_event(value)
            by = event.by
            is_first = check is not None and not check.is_signed
            if check is not None:
                check.require_signed(value, signature)
            if is_first and isinstance(event, LogSigned):
                self._vouch(event)
            if is_first:
                self._before_signatures.clear()
            self._apply(position, event)
        except MessageError as error:
            self._refused.append(RefusedEvent(position, by, str(error)))
        self._position = position + 1

    def state(self) -> PolicyState:
        """As of the messages so far."""
        return PolicyState(
            versions=tuple(self._versions),
            live=self._aliases["live"],
            shadow=self._aliases["shadow"],
            moves=tuple(self._moves),
            live_stack=tuple(self._live_stack),
            audit=tuple(self._audit),
            refused=tuple(self._refused),
            position=self._position,
        )

    def _require_beginning(self) -> None:
        if self._start:
            raise MessageError(
                f"the events before offset {self._start} are gone, so that versions cannot be numbered"
            )

    def _apply(self, position: int, event: PolicyEvent) -> None:
        match event:
            case PolicyProposed():
                self._propose(position, event)
            case PolicyApproved():
                self._approve(position, event)
            case PolicyRejected():
                self._reject(position, event)
            case AliasMoved():
                self._move(position, event)
            case WhatIfAttached():
                self._attach(position, event)
            case LogSigned():
                self._note(position, event, "log_signed", None, f"signed the log before {event.position}")

    def _vouch(self, event: LogSigned) -> None:
        """Let the events count that were written before there were signatures."""
        covered = [(at, value) for at, value in self._before_signatures if at < event.position]
        later = [at for at, _ in self._before_signatures[:-1] if at >= event.position]
        if log_digest(value for _, value in covered) != event.digest:
            raise MessageError("the events before it are not those that it was signed for")
        self._clear()
        for at, value in covered:
            self._apply_message(at, value, "", None)
        for at in later:
            self._refused.append(RefusedEvent(at, "", "the event is not signed, so that it changes nothing"))
        if self._check is not None:
            self._check.unsigned = len(later)

    def _propose(self, position: int, event: PolicyProposed) -> None:
        number = len(self._versions) + 1
        needed = max(event.approvals, self._approvals_in_force())
        self._versions.append(
            PolicyVersion(
                version=number,
                text=event.text,
                digest=event.digest,
                author=event.by,
                proposed_at=event.at,
                note=event.note,
                override_declines=event.override_declines,
                position=position,
                status="proposed" if needed else "approved",
                approvals=(),
                approvals_needed=needed,
                rejection=None,
                rule_versions={
                    name: self._rules.setdefault((name, digest), number)
                    for name, digest in event.rules.items()
                },
            )
        )
        self._stated_approvals.append(event.approvals)
        self._note(position, event, "proposed", number, f"proposed version {number}")

    def _approve(self, position: int, event: PolicyApproved) -> None:
        version = self._known(event.version)
        _require_open(version)
        if same_person(event.by, version.author):
            raise MessageError(f"{event.by} is the author of version {version.version}; another must approve")
        if any(same_person(event.by, one.by) for one in version.approvals):
            raise MessageError(f"{event.by} has approved version {version.version} already")
        if len(version.approvals) >= MAX_APPROVALS:
            raise MessageError(f"version {version.version} has {MAX_APPROVALS} approvals, and needs no more")
        approvals = (*version.approvals, Approval(event.by, event.at, event.note))
        is_enough = len(approvals) >= version.approvals_needed
        status: VersionStatus = "approved" if is_enough else "proposed"
        self._replace(version, approvals=approvals, status=status)
        count = f"{len(approvals)} of {version.approvals_needed}"
        text = f"approved version {version.version} ({count})"
        self._note(position, event, "approved", version.version, text)

    def _reject(self, position: int, event: PolicyRejected) -> None:
        version = self._known(event.version)
        if version.status == "rejected":
            raise MessageError(f"version {version.version} is rejected already")
        if self._aliases["live"] == version.version:
            raise MessageError(f"version {version.version} is live; make another one live first")
        self._replace(version, status="rejected", rejection=Approval(event.by, event.at, event.note))
        text = f"rejected version {version.version}"
        self._note(position, event, "rejected", version.version, text)
        if self._aliases["shadow"] == version.version:
            self._aliases["shadow"] = None
            move = AliasMove("shadow", None, version.version, event.by, event.at, "rejected", False, position)
            self._moves.append(move)

    def _move(self, position: int, event: AliasMoved) -> None:
        now = self._aliases[event.alias]
        if event.former != now:
            expected = _named(event, event.former)
            raise MessageError(
                f"{event.alias} names {_named(event, now)} and no longer {expected}; look again"
            )
        if event.version is not None:
            self._require_movable(event, self._known(event.version))
        if event.alias == "live":
            self._move_live(event)
        self._aliases[event.alias] = event.version
        self._moves.append(
            AliasMove(
                event.alias, event.version, event.former, event.by, event.at, event.note,
                event.is_rollback, position,
            )
        )  # fmt: skip
        doing = "rolled back" if event.is_rollback else "moved"
        former, version = _named(event, event.former), _named(event, event.version)
        text = f"{doing} {event.alias} from {former} to {version}"
        self._note(position, event, "moved", event.version, text)

    def _require_movable(self, event: AliasMoved, version: PolicyVersion) -> None:
        name = f"version {version.version}"
        if version.status == "rejected":
            raise MessageError(f"{name} is rejected")
        if event.alias == "shadow" or version.version in self._live_stack:
            return
        needed = max(version.approvals_needed, self._approvals_in_force())
        if version.status != "approved" or len(version.approvals) < needed:
            count = f"{len(version.approvals)} of {needed} approvals"
            raise MessageError(f"{name} is {version.status}, with {count}, so it cannot be live")

    def _approvals_in_force(self) -> int:
        """What the newest version that went live said."""
        return self._stated_approvals[self._newest_live - 1] if self._newest_live else 0

    def _move_live(self, event: AliasMoved) -> None:
        if event.is_rollback:
            if event.version not in self._live_stack[:-1]:
                raise MessageError(
                    f"{_named(event, event.version)} was not live before; there is no way back to it"
                )
            while len(self._live_stack) > 1:
                self._live_stack.pop()
                if self._live_stack[-1] == event.version:
                    break
        else:
            self._live_stack.append(event.version)
            self._supersede(event.version)
        self._newest_live = max(self._newest_live, event.version or 0)

    def _supersede(self, live: int | None) -> None:
        for version in self._versions[: (live or 1) - 1]:
            if version.status == "proposed":
                self._replace(version, status="superseded")

    def _attach(self, position: int, event: WhatIfAttached) -> None:
        version = self._known(event.version)
        self._replace(version, what_if=event.result)
        text = f"attached a what-if to version {version.version}"
        self._note(position, event, "what_if", version.version, text)

    def _known(self, number: int) -> PolicyVersion:
        if number > len(self._versions):
            raise MessageError(f"there is no version {number} yet")
        return self._versions[number - 1]

    def _replace(self, version: PolicyVersion, **changes: object) -> None:
        self._versions[version.version - 1] = replace(version, **changes)  # type: ignore[arg-type]

    def _note(
        self, position: int, event: PolicyEvent, kind: EventKind, version: int | None, text: str
    ) -> None:
        note = "" if isinstance(event, WhatIfAttached) else event.note
        self._audit.append(AuditLine(position, event.at, event.by, kind, version, text, note))


def fold_policies(values: Iterable[bytes | None]) -> PolicyState:
    """The state of a log that begins with these messages, at the offsets from 0 on."""
    log = PolicyLog()
    for position, value in enumerate(values):
        log.apply(position, value)
    return log.state()


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: case and the forms of Unicode make no difference."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def _named(event: AliasMoved, version: int | None) -> str:
    nothing = "the default policy" if event.alias == "live" else "none"
    return nothing if version is None else f"version {version}"


def _require_open(version: PolicyVersion) -> None:
    if version.status == "rejected":
        raise MessageError(f"version {version.version} is rejected; propose it again")
    if version.status == "superseded":
        raise MessageError(
            f"version {version.version} is superseded by a newer one that went live; propose it again"
        )
