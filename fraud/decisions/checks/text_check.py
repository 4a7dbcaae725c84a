"""What the text of a policy shows without any payment."""

from collections.abc import Iterator, Set
from datetime import UTC, datetime
from itertools import combinations

from fraud.decisions.checks.finding import PolicyFinding, percent
from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.policy import MODEL_THRESHOLD, Policy, Rule, Segment

MOST_CONTROL = 0.05
"""Of cards; more of them in the control group is hardly meant."""


def text_findings(
    policy: Policy, default_lists: Set[str], used_lists: Set[str], now: int
) -> Iterator[PolicyFinding]:
    """Findings of rules, lists and bands.

    Args:
        policy: that is proposed.
        default_lists: the names of the lists of the default policy.
        used_lists: the names of those that predicates use.
        now: ms.
    """
    for rule in policy.rules:
        yield from _of_rule(rule, now)
    yield from _of_lists(policy, default_lists, used_lists)
    for segment in policy.segments:
        yield from _of_bands(segment)
    if policy.control_share > MOST_CONTROL:
        share = percent(policy.control_share)
        yield PolicyFinding(
            "control", "policy", f"control_group lets {share} of cards pass; is it meant?", "override"
        )


def _of_rule(rule: Rule, now: int) -> Iterator[PolicyFinding]:
    subject = f"rule {rule.name}"
    missing = [name for name in ("owner", "reason") if not getattr(rule, name)]
    if rule.mode == "live" and missing:
        yield PolicyFinding(
            "unexplained", subject, f"it is live and has no {' and no '.join(missing)}; add it"
        )
    if rule.expires is not None and rule.expires <= now:
        day = datetime.fromtimestamp(rule.expires / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield PolicyFinding("expired", subject, f"it is off since {day}; remove it, or give another date")


def _of_lists(policy: Policy, default_lists: Set[str], used_lists: Set[str]) -> Iterator[PolicyFinding]:
    for one in policy.lists:
        if one.outcome is None and one.name not in used_lists:
            remedy = "give it an outcome, use in_list in a rule, or remove it"
            yield PolicyFinding(
                "unused_list", f"list {one.name}", f"it has no outcome and no rule uses it; {remedy}"
            )
    for name in sorted(default_lists - {one.name for one in policy.lists}):
        sentence = (
            "the default policy has it and this one has not: its entries have no effect; add it to lists"
        )
        yield PolicyFinding("left_out_list", f"list {name}", sentence)


def _of_bands(segment: Segment) -> Iterator[PolicyFinding]:
    subject = f"segment {segment.name}"
    if not segment.bands:
        sentence = "it has no bands: what no rule or list decides is approved, whatever the model says"
        yield PolicyFinding("no_bands", subject, sentence)
    bounds = [(one.outcome, one.lower) for one in segment.bands if one.lower != MODEL_THRESHOLD]
    for outcome, lower in bounds:
        if float(lower) <= 0:
            sentence = f"{outcome} starts at {lower:g}: no payment that the bands decide is approved"
            yield PolicyFinding("every_payment", subject, sentence, "override")
    for (mild, mild_lower), (severe, severe_lower) in combinations(bounds, 2):
        if float(mild_lower) > float(severe_lower):
            assert OUTCOMES.index(mild) < OUTCOMES.index(severe)
            sentence = (
                f"{mild} starts at {mild_lower:g}, above {severe} at {severe_lower:g}: from "
                f"{mild_lower:g} on it is {mild}; exchange them if that is not meant"
            )
            yield PolicyFinding("band_order", subject, sentence)
