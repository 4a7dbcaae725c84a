"""The policies that decide, and the entries of lists that they ask.

Two threads read the topics of policies and of lists; the serving loop takes over between two micro-batches.
Neither MLflow nor Prefect nor S3 is needed.
"""

import logging

from fraud.decisions.list_index import ListIndex
from fraud.settings import Settings
from serving.decisions.lists_reader import ListChanges, ListsReader
from serving.decisions.policy_reader import PolicyReader
from serving.decisions.prepared_policy import ChosenPolicies, PreparedPolicy
from serving.ops.metrics import Metrics
from serving.pipeline.topic_follower import FollowedTopics

log = logging.getLogger(__name__)


class ActivePolicies(FollowedTopics):
    """The policy that decides, the one in shadow, and their lists; used by the serving loop alone.

    Attributes:
        live: decides; the default policy until another one is made live.
        shadow: its decisions are recorded; None: there is none.
        lists_position: the offset of the topic of lists before which all entries are known.
        are_default: whether nothing but the model's threshold decides.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._metrics = metrics
        self._index = ListIndex()
        self._policy_reader = PolicyReader(settings, self._index, metrics)
        self._lists_reader = ListsReader(settings)
        super().__init__((self._policy_reader.follower, self._lists_reader.follower))
        self._refused: dict[str, int] = {}
        self.live = self._policy_reader.default
        self.shadow: PreparedPolicy | None = None
        self.lists_position = 0
        self.are_default = True
        metrics.policies.set_policy("live", self.live.name, self.live.policy.digest)

    def apply_pending(self) -> None:
        """Take over what was read since the last call; between two micro-batches."""
        policies, lists = self._policy_reader.pending, self._lists_reader.pending
        if policies.empty() and lists.empty():
            return
        while not lists.empty():
            self._apply_lists(lists.get_nowait())
        while not policies.empty():
            self._apply_policies(policies.get_nowait())
        is_default = self.live.version is None and self.live.decider.by_model_alone
        self.are_default = is_default and self.shadow is None

    @property
    def problem(self) -> str:
        """What a status adds while a version that an alias names is refused; or nothing."""
        live, shadow = self._refused.get("live"), self._refused.get("shadow")
        found = f", version {live} of the policy is refused: {self.live.name} is in force" if live else ""
        return found + (f", version {shadow} of the policy is refused in shadow" if shadow else "")

    def update_gauges(self) -> None:
        """Set the gauges of the live policy's lists."""
        for one in self.live.policy.lists:
            self._metrics.policies.list_entries.labels(one.name).set(self._index.count(one.name))
        self._metrics.policies.lists_position.set(self.lists_position)

    def _apply_lists(self, changes: ListChanges) -> None:
        if changes.is_complete:
            self._index.clear()
        for name, value in changes.removed:
            self._index.remove(name, value)
        by_list: dict[str, list[tuple[str, int | None]]] = {}
        for (name, value), expires in changes.entries.items():
            by_list.setdefault(name, []).append((value, expires))
        for name, entries in by_list.items():
            self._index.put_all(name, entries)
        self.lists_position = changes.position

    def _apply_policies(self, chosen: ChosenPolicies) -> None:
        for alias, former, policy in (
            ("live", self.live, chosen.live), ("shadow", self.shadow, chosen.shadow)
        ):  # fmt: skip
            if policy is not former:
                self._announce(alias, policy)
        if chosen.live is not self.live:
            self._metrics.decisions.set_rules(chosen.live.policy)
            self._metrics.policies.list_entries.clear()
        self.live, self.shadow = chosen.live, chosen.shadow
        self._refused = chosen.refused
        for alias in ("live", "shadow"):
            self._metrics.policies.policy_refused.labels(alias).set(alias in chosen.refused)

    def _announce(self, alias: str, policy: PreparedPolicy | None) -> None:
        if policy is None:
            self._metrics.policies.set_policy(alias, None, "")
            log.info("no policy is in shadow")
        else:
            self._metrics.policies.set_policy(alias, policy.name, policy.policy.digest)
            log.info("the policy %s (digest %s) is now %s", policy.name, policy.policy.digest, alias)
