"""What a log of policies comes to: versions, aliases, and an audit of every event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fraud.decisions.log.events import EventKind, PolicyAlias
from fraud.errors import ConfigurationError

VersionStatus = Literal["proposed", "approved", "rejected", "superseded"]
"""`superseded`: a newer version went live before it was approved, and it would undo what that one changed."""


@dataclass(frozen=True)
class Approval:
    """Somebody's approval, or rejection, of a version at `at` (ms)."""

    by: str
    at: int
    note: str


@dataclass(frozen=True)
class PolicyVersion:
    """A proposed policy; text, digest, author and rule versions never change.

    Attributes:
        version: 1 for the first proposal of the log.
        text: the YAML.
        digest: of the policy.
        author: who proposed it.
        proposed_at: when, ms.
        note: of the author.
        override_declines: why it may decline more payments than it allows; empty: it may not.
        position: offset of the proposal.
        status: of the version.
        approvals: of people other than the author, each once.
        approvals_needed: how many there must be.
        rejection: by whom and why; None if it is not rejected.
        rule_versions: for each rule the version that changed it last.
        what_if: JSON of the newest what-if attached to it; None if there is none.
    """

    version: int
    text: str
    digest: str
    author: str
    proposed_at: int
    note: str
    override_declines: str
    position: int
    status: VersionStatus
    approvals: tuple[Approval, ...]
    approvals_needed: int
    rejection: Approval | None
    rule_versions: Mapping[str, int]
    what_if: str | None = None


@dataclass(frozen=True)
class AliasMove:
    """An alias moved from the version `former` to `version`; None: it names none."""

    alias: PolicyAlias
    version: int | None
    former: int | None
    by: str
    at: int
    note: str
    is_rollback: bool
    position: int


@dataclass(frozen=True)
class AuditLine:
    """An event of the log in words.

    Attributes:
        position: offset.
        at: ms.
        by: who.
        event: its kind.
        version: that it is about; None for an alias that names none.
        text: what was done.
        note: the reason that was given.
    """

    position: int
    at: int
    by: str
    event: EventKind
    version: int | None
    text: str
    note: str


@dataclass(frozen=True)
class RefusedEvent:
    """A message of the log that does not count, and why; `by` is empty where it is no event at all."""

    position: int
    by: str
    reason: str


@dataclass(frozen=True)
class PolicyState:
    """A log of policies up to a position.

    Attributes:
        versions: by number, from 1 on.
        live: the version that decides; None: the default policy.
        shadow: the version that is only recorded; None: there is none.
        moves: of both aliases, oldest first.
        live_stack: what was live up to now, without what was rolled back; the last is `live`.
        audit: every event that counts.
        refused: those that do not.
        position: the offset before which everything is in this state.
    """

    versions: tuple[PolicyVersion, ...] = ()
    live: int | None = None
    shadow: int | None = None
    moves: tuple[AliasMove, ...] = ()
    live_stack: tuple[int | None, ...] = (None,)
    audit: tuple[AuditLine, ...] = ()
    refused: tuple[RefusedEvent, ...] = ()
    position: int = 0

    def version(self, number: int) -> PolicyVersion:
        """A version by its number.

        Raises:
            ConfigurationError: there is none.
        """
        if not 1 <= number <= len(self.versions):
            known = f"there are 1 to {len(self.versions)}" if self.versions else "none is proposed yet"
            raise ConfigurationError(f"no version {number} of the policy; {known}")
        return self.versions[number - 1]

    @property
    def live_version(self) -> PolicyVersion | None:
        """The version that decides; None: the default policy."""
        return None if self.live is None else self.version(self.live)

    @property
    def shadow_version(self) -> PolicyVersion | None:
        """The version that is only recorded; None: there is none."""
        return None if self.shadow is None else self.version(self.shadow)

    def alias(self, alias: PolicyAlias) -> int | None:
        """The version that an alias names."""
        return self.live if alias == "live" else self.shadow

    def open_versions(self) -> tuple[PolicyVersion, ...]:
        """Those that wait for approval."""
        return tuple(one for one in self.versions if one.status == "proposed")
