"""The policy file as it is written; `fraud.decisions.document` makes a `Policy` of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fraud.decisions.outcomes import Outcome
from fraud.decisions.policy import BandValue, RuleMode
from fraud.definitions.document import Name

Lower = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] | Literal["model"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ReasonText = Annotated[str, Field(max_length=200, description="what an analyst reads")]
Predicate = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4_000,
        description="SQL, as behind WHERE, over fields, features, probability, expected_cost and lists",
        examples=["card_count_10m > 5 AND amount < 2 AND merchant_category IN ('digital', 'charity')"],
    ),
]


class _PolicyPart(BaseModel):
    # Strict: the text "1" is no number, and 1 no boolean.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ListPart(_PolicyPart):
    """A list of cards, merchants, devices, countries or the like."""

    field: str = Field(min_length=1, description="whose values it has: an id, a category or the currency")
    outcome: Outcome | None = Field(
        default=None,
        description="of payments on it; without one only rules use it, by in_list('NAME')",
    )
    reason: ReasonText = ""


class RulePart(_PolicyPart):
    """The outcome of payments for which a predicate is true."""

    name: Name
    when: Predicate
    outcome: Outcome
    mode: RuleMode = Field(default="live", description="shadow: it is recorded where it fires, no more")
    share: float = Field(default=1.0, gt=0, le=1, description="of cards for which it is live")
    priority: int = Field(default=100, ge=0, le=1_000_000, description="the lowest decides first")
    reason: ReasonText = ""
    owner: str = Field(default="", max_length=120, description="who answers for it")
    expires: str | None = Field(
        default=None,
        description="the last day (UTC) on which it counts, 2026-12-31, or a moment, 2026-12-31T18:00Z",
    )


class BandsPart(_PolicyPart):
    """From which bounds on there is which outcome; below all of them it is approve."""

    on: BandValue = Field(default="probability", description="what the bounds are of")
    challenge: Lower | None = None
    review: Lower | None = None
    decline: Lower | None = None


class SegmentPart(_PolicyPart):
    """Payments with bands of their own."""

    name: Name
    when: Predicate
    bands: BandsPart


class ReviewPart(_PolicyPart):
    """What analysts review."""

    capacity: int | None = Field(default=None, ge=1, le=100_000_000, description="reviews a day")
    sample: Share = Field(default=0.0, description="of approved payments that are reviewed, too")


class PolicyDocument(_PolicyPart):
    """How payments are decided."""

    version: Literal[1]
    name: Name
    lists: dict[Name, ListPart] = Field(
        default_factory=dict, max_length=64, description="that the policy uses, by name"
    )
    rules: list[RulePart] = Field(default_factory=list, max_length=256)
    segments: list[SegmentPart] = Field(
        default_factory=list, max_length=32, description="the first counts whose predicate is true"
    )
    bands: BandsPart = Field(
        default_factory=lambda: BandsPart(review="model"), description="of payments in no segment"
    )
    review: ReviewPart = Field(default_factory=ReviewPart)
    control_group: Share = Field(
        default=0.0, description="of cards whose payments pass whatever rules and bands say"
    )
    most_declined: Share = Field(
        default=0.05, description="of yesterday's payments; a policy that declines more needs an override"
    )
