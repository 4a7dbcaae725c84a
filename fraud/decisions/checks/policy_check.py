"""What is remarkable about a policy that is proposed."""

import time
from collections.abc import Iterator

from fraud.decisions.checks.finding import PolicyFinding
from fraud.decisions.checks.text_check import text_findings
from fraud.decisions.checks.traffic_check import traffic_findings
from fraud.decisions.checks.truth_check import MOST_STEPS, constancy_of
from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import default_policy
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy import Policy
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.predicates.tree import Predicate
from fraud.definitions.definitions import Definitions


def check_policy(
    policy: Policy,
    definitions: Definitions,
    yesterday: DecisionInputs | None = None,
    list_index: ListIndex | None = None,
    now: int | None = None,
) -> list[PolicyFinding]:
    """Findings; those that need an override come first.

    Args:
        policy: read from its file, so that its predicates can be parsed.
        definitions: of payments.
        yesterday: payments that it is tried on; None: only its text is checked.
        list_index: the entries of its lists; None: there are none.
        now: ms; None: the clock.
    """
    predicates = dict(_predicates(definitions, policy))
    lists = {one.name for one in default_policy(definitions).lists}
    used = {name for one in predicates.values() for name in one.lists}
    moment = round(time.time() * 1_000) if now is None else now
    found = [*text_findings(policy, lists, used, moment), *_constant(definitions, predicates)]
    if yesterday is not None:
        decider = PolicyDecider(definitions, policy, ListIndex() if list_index is None else list_index)
        found += traffic_findings(policy, decider.decide(yesterday))
    return sorted(_without_repetitions(found), key=lambda one: one.level != "override")


def needs_override(findings: list[PolicyFinding]) -> bool:
    """Whether the author must say that all of this is meant."""
    return any(one.level == "override" for one in findings)


def _predicates(definitions: Definitions, policy: Policy) -> Iterator[tuple[str, Predicate]]:
    lists = {one.name: one for one in policy.lists}
    for rule in policy.rules:
        yield f"rule {rule.name}", parse_predicate(definitions, rule.when, lists)
    for segment in policy.segments:
        if segment.when is not None:
            yield f"segment {segment.name}", parse_predicate(definitions, segment.when, lists)


def _constant(definitions: Definitions, predicates: dict[str, Predicate]) -> Iterator[PolicyFinding]:
    most_steps = MOST_STEPS // max(len(predicates), 1)
    for subject, predicate in predicates.items():
        constancy = constancy_of(definitions, predicate, most_steps)
        if constancy == "never":
            yield PolicyFinding(
                "never_true", subject, "its predicate is true of no payment: a part contradicts another"
            )
        elif constancy == "always":
            yield PolicyFinding("always_true", subject, "its predicate is true of every payment", "override")
        elif constancy is not None:
            sentence = "its predicate is true of every payment whose values are known"
            yield PolicyFinding("always_true", subject, sentence, "override")


def _without_repetitions(found: list[PolicyFinding]) -> list[PolicyFinding]:
    """What is seen in the text of a rule is not said again of yesterday's payments."""
    first: dict[tuple[str, str, str], PolicyFinding] = {}
    for one in found:
        first.setdefault((one.kind, one.subject, one.sentence if one.kind == "overlap" else ""), one)
    return list(first.values())
