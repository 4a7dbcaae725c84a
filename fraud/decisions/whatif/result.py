"""The result of a what-if, as it is exported."""

from dataclasses import dataclass
from datetime import date

from fraud.decisions.outcomes import Outcome
from fraud.decisions.whatif.curves import BandCurve
from fraud.decisions.whatif.figures import FiguresDifference, OutcomeFigures
from fraud.decisions.whatif.parts import PartKind


@dataclass(frozen=True)
class PolicyFigures:
    """A whole policy's figures; `difference` is the candidate minus this one, None of the candidate."""

    name: str
    figures: OutcomeFigures
    difference: FiguresDifference | None = None


@dataclass(frozen=True)
class PartFigures:
    """The figures of a rule, a list or a band; money in whole units of the currency.

    Attributes:
        kind: what it is.
        name: of it.
        outcome: that it gives.
        fired: payments a day for which it is true, whether it decided or not.
        failed: payments on which it failed.
        figures: of the payments that it decides; of a rule in shadow, that it would decide.
        alone: payments a day that nothing else would have stopped, or approved if this approves.
        alone_frauds: frauds among them whose label is known.
        alone_fraud_money: the money of these frauds.
    """

    kind: PartKind
    name: str
    outcome: Outcome | None
    fired: float
    failed: int
    figures: OutcomeFigures
    alone: float
    alone_frauds: float
    alone_fraud_money: float


@dataclass(frozen=True)
class RuleOverlap:
    """Payments on which rules fire together: `counts[i][j]` of `rules[i]` and `rules[j]`."""

    rules: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ReviewDay:
    """A day with more reviews than the capacity."""

    day: date
    reviews: int


@dataclass(frozen=True)
class LeftOutPayments:
    """What the figures do not have.

    Attributes:
        not_scored: payments of the lake without a logged prediction.
        not_in_lake: predictions whose payment is not in the lake.
        repeated: further predictions on the same payments.
        unreadable: messages that are not predictions.
        cut: whether older predictions were left out, because there were too many.
        not_matured: payments whose label is not final yet: without precision, recall and money.
        unobserved: payments that were declined, so that nobody learns whether they were fraud.
        no_amount: payments without a rate into the base currency: without money.
        no_features: payments without features, if the policies name any.
        computed_features: payments whose features were computed here, as the lake has no training rows yet.
    """

    not_scored: int = 0
    not_in_lake: int = 0
    repeated: int = 0
    unreadable: int = 0
    cut: bool = False
    not_matured: int = 0
    unobserved: int = 0
    no_amount: int = 0
    no_features: int = 0
    computed_features: int = 0


@dataclass(frozen=True)
class WhatIfResult:
    """What a policy would have done.

    Attributes:
        policy: its name.
        digest: identifies it.
        live: name of the policy that it is compared with.
        first_day: of the payments; `last_day` likewise.
        days: with payments.
        payments: that were decided again; `known` of them have a known label, `frauds` are fraud.
        frauds: number of frauds, weighted.
        fraud_money: their money.
        currency: of money; empty where amounts are of several currencies.
        represented: control payments that stand for all declined ones; 0: there is no control group.
        policies: the candidate first, then what it is compared with.
        parts: lists, rules and bands of the candidate.
        overlap: of its rules.
        changes: payments by the outcome of the live policy and of the candidate.
        curves: of its segments.
        review_capacity: a day, None if it is not stated.
        days_over_capacity: days with more reviews than that.
        left_out: what the figures do not have.
        warnings: sentences for the reader.
    """

    policy: str
    digest: str
    live: str
    first_day: date
    last_day: date
    days: int
    payments: int
    known: int
    frauds: float
    fraud_money: float
    currency: str
    represented: int
    policies: tuple[PolicyFigures, ...]
    parts: tuple[PartFigures, ...]
    overlap: RuleOverlap
    changes: dict[Outcome, dict[Outcome, int]]
    curves: tuple[BandCurve, ...]
    review_capacity: int | None
    days_over_capacity: tuple[ReviewDay, ...]
    left_out: LeftOutPayments
    warnings: tuple[str, ...]
