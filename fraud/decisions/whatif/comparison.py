"""From decisions on scored payments to the result of a what-if."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.decisions.outcomes import APPROVE, OUTCOMES, REVIEW, Outcome
from fraud.decisions.whatif.curves import band_curves
from fraud.decisions.whatif.figures import Slice, SliceSums
from fraud.decisions.whatif.history import ScoredHistory
from fraud.decisions.whatif.parts import DecidedAgain, PolicyPart, parts_of
from fraud.decisions.whatif.result import (
    LeftOutPayments,
    PartFigures,
    PolicyFigures,
    ReviewDay,
    RuleOverlap,
    WhatIfResult,
)
from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import day_of

Codes = npt.NDArray[np.uint8]

MODEL_ALONE, AS_DECIDED = "model alone", "as decided"
_FEW_FRAUDS = 30


@dataclass(frozen=True)
class LivePolicy:
    """What the candidate is compared with: the live policy's name and its outcomes, uint8 (N,)."""

    name: str
    outcomes: Codes


def compare_policies(
    history: ScoredHistory, candidate: DecidedAgain, live: LivePolicy, left_out: LeftOutPayments
) -> WhatIfResult:
    """The figures of the candidate and its parts, against the live policy, the model and what was decided.

    All without the control group, whose payments stand for what was declined.
    """
    parts = list(parts_of(candidate))
    outcomes = dict(_outcomes(history, candidate, live))
    everything = np.ones(len(history), dtype=np.bool_)
    wholes = [Slice(everything, codes) for codes in outcomes.values()]
    sums = SliceSums(history, [*wholes, *(part.decisions for part in parts)])
    times = history.logged.timestamps
    return WhatIfResult(
        policy=candidate.policy.name,
        digest=candidate.policy.digest,
        live=live.name,
        first_day=day_of(int(times.min())),
        last_day=day_of(int(times.max())),
        days=history.days,
        payments=len(history),
        known=int((history.labels.weights > 0).sum()),
        frauds=float(history.fraud.sum()),
        fraud_money=float(history.fraud @ history.units),
        currency=history.currency,
        represented=history.labels.represented,
        policies=tuple(
            PolicyFigures(name, sums.figures(number), sums.difference(0, number) if number else None)
            for number, name in enumerate(outcomes)
        ),
        parts=tuple(_part(history, part, sums, len(wholes) + number) for number, part in enumerate(parts)),
        overlap=overlap_of_rules(parts),
        changes=_changes(live.outcomes, candidate.decided.would_be),
        curves=tuple(band_curves(history, candidate)),
        review_capacity=candidate.policy.review_capacity,
        days_over_capacity=tuple(_days_over_capacity(history, candidate)),
        left_out=left_out,
        warnings=tuple(_warnings(history, left_out)),
    )


def _outcomes(
    history: ScoredHistory, candidate: DecidedAgain, live: LivePolicy
) -> Iterator[tuple[str, Codes]]:
    logged = history.logged
    yield candidate.policy.name, candidate.decided.would_be
    yield f"live: {live.name}", live.outcomes
    yield MODEL_ALONE, np.where(logged.scores >= logged.thresholds, REVIEW, APPROVE).astype(np.uint8)
    yield AS_DECIDED, logged.would_be


def _part(history: ScoredHistory, part: PolicyPart, sums: SliceSums, number: int) -> PartFigures:
    alone = part.alone
    return PartFigures(
        kind=part.kind,
        name=part.name,
        outcome=part.outcome,
        fired=float(part.fired.sum()) / history.days,
        failed=part.failed,
        figures=sums.figures(number),
        alone=float(alone.sum()) / history.days,
        alone_frauds=float(history.fraud[alone].sum()),
        alone_fraud_money=float(history.fraud[alone] @ history.units[alone]),
    )


def overlap_of_rules(parts: list[PolicyPart]) -> RuleOverlap:
    """How often rules fire together, live or in shadow."""
    rules = [part for part in parts if part.kind in ("rule", "shadow rule")]
    if not rules:
        return RuleOverlap((), ())
    fired = np.column_stack([part.fired for part in rules])
    fired = fired[fired.any(axis=1)].astype(np.float32)
    counts = (fired.T @ fired).astype(np.int64)
    return RuleOverlap(tuple(part.name for part in rules), tuple(map(tuple, counts.tolist())))


def _changes(before: Codes, after: Codes) -> dict[Outcome, dict[Outcome, int]]:
    width = len(OUTCOMES)
    pairs = before.astype(np.int64) * width + after
    counts = np.bincount(pairs, minlength=width**2).reshape(width, width)
    return {
        old: {new: int(counts[row, column]) for column, new in enumerate(OUTCOMES)}
        for row, old in enumerate(OUTCOMES)
    }


def _days_over_capacity(history: ScoredHistory, candidate: DecidedAgain) -> Iterator[ReviewDay]:
    capacity = candidate.policy.review_capacity
    if capacity is None:
        return
    reviewed = (candidate.decided.outcomes == REVIEW) | candidate.decided.sampled
    days, counts = np.unique(history.day_numbers[reviewed], return_counts=True)
    for day, count in zip(days.tolist(), counts.tolist(), strict=True):
        if count > capacity:
            yield ReviewDay(day_of(day * DAY_MS), count)


def _warnings(history: ScoredHistory, left_out: LeftOutPayments) -> Iterator[str]:
    yield from history.labels.warnings
    if left_out.cut:
        yield "older predictions are left out: there are more than FRAUD_MONITORING__MAX_PREDICTIONS"
    if not history.currency:
        yield "amounts are of several currencies and added up as they are; declare a base currency"
    known = int((history.labels.is_fraud & (history.labels.weights > 0)).sum())
    if known < _FEW_FRAUDS:
        yield f"only {known} frauds are known: precision, recall and money are noise"
    if left_out.unobserved and history.labels.is_weighted:
        yield (
            f"{left_out.unobserved:,} payments were declined, and nobody learns whether they were fraud; "
            f"{history.labels.represented:,} payments of the control group stand for them"
        )
    elif left_out.unobserved:
        yield (
            f"{left_out.unobserved:,} payments were declined, and nobody learns whether they were fraud; "
            "precision, recall and money are without them, so what declines them looks worse than it is, and "
            "what approves them better; a control group gives figures without this bias"
        )
