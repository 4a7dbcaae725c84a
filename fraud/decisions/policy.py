"""A policy: how lists, rules and the model's probability give an outcome.

The order: allow lists, block lists, live rules by priority, the bands of the payment's segment. The first
that applies decides. `fraud.decisions.document` reads a policy from YAML.
"""

from dataclasses import dataclass
from typing import Literal

from fraud.decisions.outcomes import Outcome

RuleMode = Literal["off", "shadow", "live"]
BandValue = Literal["probability", "expected_cost"]
MODEL_THRESHOLD = "model"
"""As the lower bound of a band: the threshold of the model that scores."""


@dataclass(frozen=True)
class Rule:
    """A predicate and the outcome of the payments for which it is true.

    Attributes:
        name: unique in the policy.
        when: a SQL predicate over fields, features, `probability` and lists.
        outcome: of the payments.
        mode: `shadow` records that it fired and decides nothing.
        share: of the cards for which a live rule decides; for the others it is in shadow.
        priority: the lowest number decides first; equal ones in the order of the file.
        reason: what an analyst reads.
        owner: who answers for it.
        expires: event time (ms) from which on it is off; None: never.
    """

    name: str
    when: str
    outcome: Outcome
    mode: RuleMode = "live"
    share: float = 1.0
    priority: int = 100
    reason: str = ""
    owner: str = ""
    expires: int | None = None


@dataclass(frozen=True)
class PolicyList:
    """A list that the policy uses; its entries are on the topic of lists.

    Attributes:
        name: of the list.
        field: whose values it has, an id, a category or the currency.
        outcome: of payments on it: `approve` makes it an allow list, any other a block list; None: only rules
            use it, by `in_list('NAME')`.
        reason: what an analyst reads.
    """

    name: str
    field: str
    outcome: Outcome | None = None
    reason: str = ""


@dataclass(frozen=True)
class Band:
    """From `lower` on the outcome is `outcome`; the band with the highest bound that is reached counts."""

    outcome: Outcome
    lower: float | Literal["model"]


@dataclass(frozen=True)
class Segment:
    """The bands of some payments.

    Attributes:
        name: `default` of the last one, which has all payments that are in no other.
        when: a SQL predicate; None: all payments.
        value: what the bounds are of: the model's probability, or the probability times the amount in the
            base currency, in whole units of it (`expected_cost`).
        bands: without approval, which is what is below all of them.
    """

    name: str
    when: str | None
    value: BandValue
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Policy:
    """How payments are decided.

    Attributes:
        name: of the policy.
        lists: in the order in which they are asked, allow lists before block lists.
        rules: in the order in which they decide: by priority.
        segments: the first whose predicate is true counts; the last has none.
        review_capacity: reviews a day that analysts can do; None: not stated.
        control_share: of cards (by hash) whose payments are approved whatever rules and bands say, so that
            their outcome is observed; a list still decides.
        sample_share: of approved payments (by hash) that analysts are given to review.
        most_declined: share of yesterday's payments; a policy that declines more needs an override.
        digest: identifies all of this, 16 hex digits.
        text: the YAML.
    """

    name: str
    lists: tuple[PolicyList, ...]
    rules: tuple[Rule, ...]
    segments: tuple[Segment, ...]
    review_capacity: int | None
    control_share: float
    sample_share: float
    most_declined: float
    digest: str
    text: str
