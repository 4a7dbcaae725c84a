"""The parts of a policy: which payments each rule, list and band decides, and what it alone catches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from fraud.decisions.decided import Decided
from fraud.decisions.outcomes import APPROVE, OUTCOMES, Outcome
from fraud.decisions.policy import Policy
from fraud.decisions.whatif.figures import Slice

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]

PartKind = Literal["list", "rule", "shadow rule", "band"]


@dataclass(frozen=True)
class DecidedAgain:
    """A policy with its decisions on N payments.

    Attributes:
        policy: that decided.
        decided: its decisions, N.
        by_bands: the outcomes of its bands alone, without lists and rules, uint8 (N,).
    """

    policy: Policy
    decided: Decided
    by_bands: Codes


@dataclass(frozen=True)
class PolicyPart:
    """A rule, a list or a band of a policy.

    Attributes:
        kind: what it is.
        name: of the rule or list; of a band its segment and outcome.
        outcome: that it gives; None of a list that only rules use.
        fired: payments for which it is true, whether it decided or not, bool (N,).
        decisions: the payments that it decides, or would in shadow, with its outcome.
        without: their outcomes if it were not there, for the payments of `decisions`.
        failed: payments on which a rule failed.
    """

    kind: PartKind
    name: str
    outcome: Outcome | None
    fired: Flags
    decisions: Slice
    without: Codes
    failed: int = 0

    @property
    def alone(self) -> Flags:
        """What nothing else in the policy would have stopped, or of what approves: approved; bool (N,)."""
        found = np.zeros(len(self.fired), dtype=np.bool_)
        approves = self.outcome in (None, "approve")
        found[self.decisions.chosen] = (self.without != APPROVE) if approves else (self.without == APPROVE)
        return found


def bands_alone(policy: Policy) -> Policy:
    """The policy without rules, and without outcomes of its lists."""
    return replace(policy, rules=(), lists=tuple(replace(one, outcome=None) for one in policy.lists))


def parts_of(again: DecidedAgain) -> Iterator[PolicyPart]:
    """Every list, rule and band, in the order in which they decide."""
    yield from _lists(again)
    yield from _rules(again)
    yield from _bands(again)


def _lists(again: DecidedAgain) -> Iterator[PolicyPart]:
    decided = again.decided
    for number, one in enumerate(again.policy.lists):
        hit = decided.list_hits[:, number]
        chosen = decided.decided_by == number
        yield PolicyPart(
            "list", one.name, one.outcome, hit, _slice(chosen, one.outcome), _without(again, number)
        )


def _rules(again: DecidedAgain) -> Iterator[PolicyPart]:
    decided, lists = again.decided, len(again.policy.lists)
    for number, rule in enumerate(again.policy.rules):
        in_shadow = rule.mode == "shadow"
        fired = decided.fired[:, number] | decided.shadow_fired[:, number]
        source = lists + number
        chosen = _would_decide(again, number) if in_shadow else decided.decided_by == source
        yield PolicyPart(
            "shadow rule" if in_shadow else "rule",
            rule.name,
            rule.outcome,
            fired,
            _slice(chosen, rule.outcome),
            decided.would_be[chosen] if in_shadow else _without(again, source),
            int(decided.failed[:, number].sum()),
        )


def _bands(again: DecidedAgain) -> Iterator[PolicyPart]:
    decided = again.decided
    for number, segment in enumerate(again.policy.segments):
        inside = decided.segments == number
        for band in segment.bands:
            code = OUTCOMES.index(band.outcome)
            chosen = inside & (decided.decided_by == -1) & (decided.would_be == code)
            name = f"{segment.name}: {band.outcome}"
            without = np.full(int(chosen.sum()), APPROVE, dtype=np.uint8)
            reached = inside & (again.by_bands == code)
            yield PolicyPart("band", name, band.outcome, reached, _slice(chosen, band.outcome), without)


def _slice(chosen: Flags, outcome: Outcome | None) -> Slice:
    code = APPROVE if outcome is None else OUTCOMES.index(outcome)
    return Slice(chosen, np.full(len(chosen), code, dtype=np.uint8))


def _would_decide(again: DecidedAgain, rule: int) -> Flags:
    """The payments that a rule in shadow would decide if it were live."""
    decided, source = again.decided, len(again.policy.lists) + rule
    later = (decided.decided_by == -1) | (decided.decided_by > source)
    return np.asarray(decided.shadow_fired[:, rule] & later, dtype=np.bool_)


def _without(again: DecidedAgain, source: int) -> Codes:
    """The outcomes of the payments that a list or rule decided if it were not there: of what comes next."""
    decided, policy = again.decided, again.policy
    rows = np.flatnonzero(decided.decided_by == source)
    deciding = np.array([one.outcome is not None for one in policy.lists], dtype=np.bool_)
    applies = np.hstack([decided.list_hits[rows] & deciding, decided.fired[rows]])[:, source + 1 :]
    given = [one.outcome or "approve" for one in policy.lists] + [one.outcome for one in policy.rules]
    codes = np.array([OUTCOMES.index(one) for one in given[source + 1 :]], dtype=np.uint8)
    outcomes = again.by_bands[rows].copy()
    found = applies.any(axis=1) if len(codes) else np.zeros(len(rows), dtype=np.bool_)
    if found.any():
        outcomes[found] = codes[applies[found].argmax(axis=1)]
    return outcomes
