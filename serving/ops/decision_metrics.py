"""Metrics of decisions: outcomes, rules, lists, and the policies in force."""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge

from fraud.decisions.decided import Decided
from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.policy import Policy

ALIASES = ("live", "shadow")
_RULE_MODES = ("live", "shadow")


class DecisionMetrics:
    """What payments are decided by."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.predictions = Counter(
            "fraud_predictions", "Predictions by decision", ["decision"], registry=registry
        )
        self.shadow_decisions = Counter(
            "fraud_shadow_decisions",
            "Predictions by what the policy in shadow would have decided",
            ["decision"],
            registry=registry,
        )
        self.rule_hits = Counter(
            "fraud_rule_hits", "Payments for which a rule fired", ["rule", "mode"], registry=registry
        )
        self.rule_failures = Counter(
            "fraud_rule_failures",
            "Payments on which a rule failed, as by a division by zero; it counts as not fired",
            ["rule"],
            registry=registry,
        )
        self.list_hits = Counter(
            "fraud_list_hits", "Payments that are on a list", ["list"], registry=registry
        )
        self.control = Counter(
            "fraud_control_group",
            "Payments approved so that their outcome is observed, by what would have been decided",
            ["would_be"],
            registry=registry,
        )
        self.samples = Counter(
            "fraud_samples", "Approved payments that analysts are given to review", registry=registry
        )
        self._by_outcome = [self.predictions.labels(outcome) for outcome in OUTCOMES]
        self._rules: set[str] = set()

    def count_outcomes(self, outcomes: npt.NDArray[np.uint8]) -> None:
        """Count the outcomes of a micro-batch, indices in `OUTCOMES`, (n,)."""
        self._count_outcomes(np.bincount(outcomes, minlength=len(OUTCOMES)).tolist())

    def count_shadow(self, outcomes: npt.NDArray[np.uint8]) -> None:
        """Count what the policy in shadow would have decided, likewise."""
        _count_by_outcome(self.shadow_decisions, outcomes)

    def count_decided(self, policy: Policy, decided: Decided) -> None:
        """Count what the live policy made of a micro-batch."""
        tally = decided.tally
        self._count_outcomes(tally.outcomes)
        if tally.fired or tally.shadow_fired or tally.failed:
            self._count_rules(policy, decided)
        if tally.on_lists:
            for index, count in _counts(decided.list_hits):
                self.list_hits.labels(policy.lists[index].name).inc(count)
        if tally.sampled:
            self.samples.inc(tally.sampled)
        if tally.control:
            _count_by_outcome(self.control, decided.would_be[decided.control])

    def _count_outcomes(self, counts: Sequence[int]) -> None:
        for counter, count in zip(self._by_outcome, counts, strict=True):
            if count:
                counter.inc(count)

    def _count_rules(self, policy: Policy, decided: Decided) -> None:
        names = [one.name for one in policy.rules]
        for mode, fired in zip(_RULE_MODES, (decided.fired, decided.shadow_fired), strict=True):
            for index, count in _counts(fired):
                self.rule_hits.labels(names[index], mode).inc(count)
        for index, count in _counts(decided.failed):
            self.rule_failures.labels(names[index]).inc(count)

    def set_rules(self, policy: Policy) -> None:
        """Start the counts of the live policy's rules at zero, and drop those of rules that are gone."""
        names = {one.name for one in policy.rules}
        for name in self._rules - names:
            self.rule_hits.remove_by_labels({"rule": name})
            self.rule_failures.remove_by_labels({"rule": name})
        for name in names:
            self.rule_failures.labels(name)
            for mode in _RULE_MODES:
                self.rule_hits.labels(name, mode)
        self._rules = names


class PolicyMetrics:
    """The policies in force and the lists that are known."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.policy = Gauge(
            "fraud_policy_info",
            "1 for each policy in force; the version `default` is the one of who has none",
            ["alias", "version", "digest"],
            registry=registry,
        )
        self.policy_since = Gauge(
            "fraud_policy_applied_timestamp_seconds",
            "When the policy in force was put into force, Unix time",
            ["alias"],
            registry=registry,
        )
        self.refused_policies = Counter(
            "fraud_policies_refused",
            "Policy versions refused because they do not fit the worker's definitions",
            registry=registry,
        )
        self.policy_refused = Gauge(
            "fraud_policy_refused",
            "1 while the version that an alias names is refused and another one is in force",
            ["alias"],
            registry=registry,
        )
        self.unsigned_events = Counter(
            "fraud_policy_events_unsigned",
            "Messages of the topic of policies that no trusted key has signed, and that change nothing",
            registry=registry,
        )
        self.list_entries = Gauge(
            "fraud_list_entries",
            "Entries of the live policy's lists, expired ones too",
            ["list"],
            registry=registry,
        )
        self.lists_position = Gauge(
            "fraud_lists_position", "Offset before which all entries of lists are known", registry=registry
        )
        for alias in ALIASES:
            self.policy_refused.labels(alias).set(0)
        self._in_force: dict[str, tuple[str, str]] = {}

    def set_policy(self, alias: str, version: str | None, digest: str) -> None:
        """A policy is in force from now on, in place of the alias's one before; `version` None: none is."""
        former = self._in_force.pop(alias, None)
        if former is not None:
            self.policy.remove(alias, *former)
        if version is not None:
            self._in_force[alias] = (version, digest)
            self.policy.labels(alias, version, digest).set(1)
        self.policy_since.labels(alias).set(time.time())


def _count_by_outcome(counter: Counter, outcomes: npt.NDArray[np.uint8]) -> None:
    for index, count in _positive(np.bincount(outcomes, minlength=len(OUTCOMES))):
        counter.labels(OUTCOMES[index]).inc(count)


def _counts(flags: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The columns of (n, K) that are set for a payment, with the number of payments."""
    return _positive(np.bincount(np.flatnonzero(flags) % flags.shape[1]))


def _positive(counts: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The indices that have a count, with it."""
    return ((index, int(counts[index])) for index in np.flatnonzero(counts).tolist())
