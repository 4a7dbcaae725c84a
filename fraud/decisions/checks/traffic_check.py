"""What a policy would have done with yesterday's payments."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fraud.decisions.checks.finding import PolicyFinding, percent
from fraud.decisions.decided import Decided
from fraud.decisions.outcomes import DECLINE, REVIEW
from fraud.decisions.policy import Policy

MOST_FIRED = 0.1
"""Of payments; a rule that fires on more is hardly meant."""

MOST_ALIKE = 0.8
"""Of the payments on which either of two rules fires; more in common makes one of them superfluous."""

_Mask = npt.NDArray[np.bool_]


def traffic_findings(policy: Policy, decided: Decided) -> Iterator[PolicyFinding]:
    """Findings on n decided payments; none without payments."""
    if not len(decided.outcomes):
        return
    true = decided.fired | decided.shadow_fired
    active = [index for index, rule in enumerate(policy.rules) if rule.mode != "off"]
    for index in active:
        yield from _of_one_rule(policy, decided, true[:, index], index)
    for first, second in combinations(active, 2):
        yield from _of_two_rules(policy, true, first, second)
    yield from _of_segments(policy, decided)
    yield from _of_outcomes(policy, decided)


def _of_one_rule(policy: Policy, decided: Decided, true: _Mask, index: int) -> Iterator[PolicyFinding]:
    rule = policy.rules[index]
    subject, share = f"rule {rule.name}", float(true.mean())
    failed = float(decided.failed[:, index].mean())
    if failed:
        sentence = (
            f"it cannot be computed on {percent(failed)} of yesterday's payments and does not fire there"
        )
        yield PolicyFinding(
            "fails", subject, f"{sentence}; guard divisions, as by a > 0 AND ...", share=failed
        )
    if not share:
        yield PolicyFinding("never_true", subject, "it was true for none of yesterday's payments", share=0.0)
    elif share == 1:
        sentence = "it was true for each of yesterday's payments; the bands decide that better"
        yield PolicyFinding("always_true", subject, sentence, "override", share)
    elif share > MOST_FIRED:
        yield PolicyFinding(
            "often_true", subject, f"it fires on {percent(share)} of yesterday's payments", share=share
        )
    yield from _hidden(policy, decided, index)


def _hidden(policy: Policy, decided: Decided, index: int) -> Iterator[PolicyFinding]:
    """A live rule that decides nothing, as others decide before it."""
    fired = decided.fired[:, index]
    deciders = decided.decided_by[fired]
    own = len(policy.lists) + index
    if len(deciders) and not (deciders == own).any():
        other, count = Counter(deciders.tolist()).most_common(1)[0]
        by, share = decider_name(policy, other), count / len(deciders)
        sentence = f"wherever it fires something before it decides, in {percent(share)} of cases {by}"
        remedy = "remove it, or give it a lower priority number"
        yield PolicyFinding("hidden", f"rule {policy.rules[index].name}", f"{sentence}; {remedy}")


def _of_two_rules(
    policy: Policy, true: npt.NDArray[np.bool_], first: int, second: int
) -> Iterator[PolicyFinding]:
    both = float((true[:, first] & true[:, second]).mean())
    either = float((true[:, first] | true[:, second]).mean())
    if both and both >= MOST_ALIKE * either:
        other, subject = policy.rules[first].name, f"rule {policy.rules[second].name}"
        sentence = (
            f"it and rule {other} fire together on {percent(both)} of yesterday's payments, and alone on "
            f"{percent(either - both)}; is one of them enough?"
        )
        yield PolicyFinding("overlap", subject, sentence, share=both)


def _of_segments(policy: Policy, decided: Decided) -> Iterator[PolicyFinding]:
    counts = np.bincount(decided.segments, minlength=len(policy.segments))
    for segment, count in zip(policy.segments, counts.tolist(), strict=True):
        if not count and segment.when is not None:
            yield PolicyFinding(
                "empty_segment", f"segment {segment.name}", "none of yesterday's payments is in it"
            )


def _of_outcomes(policy: Policy, decided: Decided) -> Iterator[PolicyFinding]:
    declined = float((decided.would_be == DECLINE).mean())
    if declined > policy.most_declined:
        sentence = (
            f"it would decline {percent(declined)} of yesterday's payments, more than most_declined: "
            f"{policy.most_declined:g}"
        )
        yield PolicyFinding("declines", "policy", sentence, "override", declined)
    reviews = int(((decided.outcomes == REVIEW) | decided.sampled).sum())
    if policy.review_capacity is not None and reviews > policy.review_capacity:
        sentence = f"it would give analysts {reviews:,} payments of yesterday; they can review"
        yield PolicyFinding("capacity", "policy", f"{sentence} {policy.review_capacity:,} a day")


def decider_name(policy: Policy, decided_by: int) -> str:
    """What a number of `Decided.decided_by` is: `the bands`, `list NAME` or `rule NAME`."""
    if decided_by < 0:
        return "the bands"
    if decided_by < len(policy.lists):
        return f"list {policy.lists[decided_by].name}"
    return f"rule {policy.rules[decided_by - len(policy.lists)].name}"
