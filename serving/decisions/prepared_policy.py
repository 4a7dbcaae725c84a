"""Which policies are in force for a state of their log: the newest that this worker can apply."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.log.state import PolicyState, PolicyVersion
from fraud.decisions.policy import Policy
from fraud.definitions.definitions import Definitions
from fraud.errors import PolicyError
from serving.ops.metrics import Metrics

log = logging.getLogger(__name__)

DEFAULT_VERSION = "default"
"""What metrics and logs name the policy of who has none."""


@dataclass(frozen=True)
class PreparedPolicy:
    """A policy that is ready to decide.

    Attributes:
        version: in the log, None of the default policy.
        decider: decides by it, with the lists of the serving loop.
        rule_names: what predictions record of each rule, `name@version`, in the policy's order.
    """

    version: int | None
    decider: PolicyDecider
    rule_names: tuple[str, ...]

    @property
    def policy(self) -> Policy:
        """What it says."""
        return self.decider.policy

    @property
    def name(self) -> str:
        """For logs and metrics."""
        return DEFAULT_VERSION if self.version is None else str(self.version)


@dataclass(frozen=True)
class ChosenPolicies:
    """What is in force.

    Attributes:
        live: decides.
        shadow: is recorded; None: there is none.
        refused: versions that an alias names and that are refused, by alias.
    """

    live: PreparedPolicy
    shadow: PreparedPolicy | None
    refused: dict[str, int]


class PolicyChooser:
    """Prepares what the aliases name; used by one thread.

    A live version that does not fit the worker's definitions is refused, and the newest one before it that
    fits is in force: after a start the same as before it.
    """

    def __init__(self, definitions: Definitions, index: ListIndex, metrics: Metrics) -> None:
        self._definitions, self._index, self._metrics = definitions, index, metrics
        self._prepared: dict[int | None, PreparedPolicy] = {}
        self._refused: set[tuple[int, str]] = set()

    def default(self) -> PreparedPolicy:
        """The policy of who has none."""
        if None not in self._prepared:
            decider = PolicyDecider(self._definitions, default_policy(self._definitions), self._index)
            self._prepared[None] = PreparedPolicy(None, decider, ())
        return self._prepared[None]

    def choose(self, state: PolicyState) -> ChosenPolicies:
        """What is in force after the events of the log so far."""
        live = next(filter(None, map(self._prepare_live, _live_candidates(state))), self.default())
        shadow = None if state.shadow_version is None else self._prepare(state.shadow_version)
        named = {"live": (state.live, live), "shadow": (state.shadow, shadow)}
        refused = {
            alias: wanted
            for alias, (wanted, found) in named.items()
            if wanted is not None and (found is None or found.version != wanted)
        }
        kept = {None, live.version, None if shadow is None else shadow.version}
        self._prepared = {version: one for version, one in self._prepared.items() if version in kept}
        return ChosenPolicies(live, shadow, refused)

    def _prepare_live(self, version: PolicyVersion | None) -> PreparedPolicy | None:
        return self.default() if version is None else self._prepare(version)

    def _prepare(self, version: PolicyVersion) -> PreparedPolicy | None:
        """The version, or None if it is refused."""
        if (version.version, version.digest) in self._refused:
            return None
        known = self._prepared.get(version.version)
        if known is not None and known.policy.text == version.text:
            return known
        try:
            made = prepare_policy(self._definitions, version, self._index)
        except PolicyError as error:
            self._refuse(version, "; ".join(error.problems))
            return None
        except Exception as error:
            # Whatever a version that other code has checked makes this code raise: payments go on.
            log.exception("preparing version %d of the policy failed", version.version)
            self._refuse(version, repr(error))
            return None
        self._prepared[version.version] = made
        return made

    def _refuse(self, version: PolicyVersion, reason: str) -> None:
        self._refused.add((version.version, version.digest))
        self._metrics.policies.refused_policies.inc()
        log.error(
            "version %d of the policy does not fit %s and is refused: %s",
            version.version, self._definitions.source, reason,
        )  # fmt: skip


def prepare_policy(definitions: Definitions, version: PolicyVersion, index: ListIndex) -> PreparedPolicy:
    """Parse and compile a version, and load what decides, so that the first batch waits for nothing.

    Raises:
        PolicyError: it does not fit the definitions.
    """
    policy = parse_policy(definitions, version.text, f"version {version.version}")
    names = tuple(
        f"{rule.name}@{version.rule_versions.get(rule.name, version.version)}" for rule in policy.rules
    )
    return PreparedPolicy(version.version, PolicyDecider(definitions, policy, index), names)


def _live_candidates(state: PolicyState) -> Iterator[PolicyVersion | None]:
    """What the alias `live` names, then what it named before, without what was rolled back or rejected."""
    for number in reversed(state.live_stack):
        version = None if number is None else state.version(number)
        if version is None or version.status != "rejected":
            yield version
