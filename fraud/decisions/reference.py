"""What a policy decides for one payment, as it is defined; compiled code is checked against this."""

from collections.abc import Mapping
from dataclasses import dataclass

from fraud.decisions.deciding_tables import unknown_cost_bands
from fraud.decisions.outcomes import APPROVE, OUTCOMES, Outcome
from fraud.decisions.policy import MODEL_THRESHOLD, Band, Policy, PolicyList, Rule
from fraud.decisions.predicates.names import PaymentName, payment_names
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.predicates.reference import FAILED, PaymentValues, evaluate
from fraud.decisions.shares import CONTROL_SALT, SAMPLE_SALT, is_in_share, limit_of, rule_salt
from fraud.definitions.definitions import Definitions


@dataclass(frozen=True)
class PaymentFacts:
    """One payment.

    Attributes:
        values: that predicates read.
        card: hash of the card.
        transaction: hash of the transaction_id.
        timestamp: ms.
        model_threshold: of the model that scored it.
    """

    values: PaymentValues
    card: int
    transaction: int
    timestamp: int
    model_threshold: float


@dataclass(frozen=True)
class OneDecision:
    """A row of `Decided`."""

    outcome: int
    segment: int
    fired: list[bool]
    shadow_fired: list[bool]
    failed: list[bool]
    list_hits: list[bool]
    decided_by: int
    control: bool
    would_be: int
    sampled: bool


def decide_one(definitions: Definitions, policy: Policy, payment: PaymentFacts) -> OneDecision:
    """The decision on one payment."""
    reading = _PolicyReading(definitions, policy, payment)
    hits = [reading.is_on(one) for one in policy.lists]
    true = [reading.is_true(rule) for rule in policy.rules]
    live = [reading.is_live(rule) for rule in policy.rules]
    fired = [one and is_live for one, is_live in zip(true, live, strict=True)]
    segment = reading.segment()
    decided_by, would_be = _first(policy, hits, fired)
    if decided_by < 0:
        would_be = reading.band_outcome(segment)
    by_list = 0 <= decided_by < len(policy.lists)
    control = not by_list and is_in_share(payment.card, CONTROL_SALT, limit_of(policy.control_share))
    outcome = "approve" if control else would_be
    is_sample = is_in_share(payment.transaction, SAMPLE_SALT, limit_of(policy.sample_share))
    return OneDecision(
        outcome=OUTCOMES.index(outcome),
        segment=segment,
        fired=fired,
        shadow_fired=[one and not is_live for one, is_live in zip(true, live, strict=True)],
        failed=[reading.has_failed(rule) for rule in policy.rules],
        list_hits=hits,
        decided_by=decided_by,
        control=control,
        would_be=OUTCOMES.index(would_be),
        sampled=OUTCOMES.index(outcome) == APPROVE and is_sample,
    )


def _first(policy: Policy, hits: list[bool], fired: list[bool]) -> tuple[int, Outcome]:
    """What decides of lists and rules, as in `Decided.decided_by`, and the outcome; -1 if nothing does."""
    for index, (one, is_hit) in enumerate(zip(policy.lists, hits, strict=True)):
        if is_hit and one.outcome is not None:
            return index, one.outcome
    for index, (rule, has_fired) in enumerate(zip(policy.rules, fired, strict=True)):
        if has_fired:
            return len(policy.lists) + index, rule.outcome
    return -1, "approve"


class _PolicyReading:
    """A policy's questions, answered for one payment."""

    def __init__(self, definitions: Definitions, policy: Policy, payment: PaymentFacts) -> None:
        self._definitions, self._policy, self._payment = definitions, policy, payment
        self._names: Mapping[str, PaymentName] = payment_names(definitions)
        self._lists = {one.name: one for one in policy.lists}

    def is_on(self, one: PolicyList) -> bool:
        text = self._payment.values.text(self._names[one.field])
        return text is not None and self._payment.values.is_on_list(one.name, text)

    def is_true(self, rule: Rule) -> bool:
        return self._counts(rule) and self._truth(rule.when) is True

    def has_failed(self, rule: Rule) -> bool:
        return self._counts(rule) and self._truth(rule.when) is FAILED

    def is_live(self, rule: Rule) -> bool:
        """Whether it decides payments of this card."""
        share = is_in_share(self._payment.card, rule_salt(rule.name), limit_of(rule.share))
        return rule.mode == "live" and share

    def segment(self) -> int:
        """The first whose predicate is true; the last has none."""
        predicates = [one.when for one in self._policy.segments]
        return next(
            index for index, when in enumerate(predicates) if when is None or self._truth(when) is True
        )

    def band_outcome(self, segment: int) -> Outcome:
        one = self._policy.segments[segment]
        if one.value == "probability":
            return self._reached(one.bands, "probability")
        if self._number("expected_cost") is None:
            return self._reached(unknown_cost_bands(self._policy), "probability")
        return self._reached(one.bands, "expected_cost")

    def _reached(self, bands: tuple[Band, ...], name: str) -> Outcome:
        """The outcome of the highest bound that is reached; of equal ones the severest."""
        value = self._number(name)
        assert value is not None
        bounds = [(self._bound(band), OUTCOMES.index(band.outcome)) for band in bands]
        return OUTCOMES[max((one for one in bounds if one[0] <= value), default=(0.0, APPROVE))[1]]

    def _bound(self, band: Band) -> float:
        return self._payment.model_threshold if band.lower == MODEL_THRESHOLD else float(band.lower)

    def _counts(self, rule: Rule) -> bool:
        return rule.mode != "off" and (rule.expires is None or self._payment.timestamp < rule.expires)

    def _truth(self, when: str) -> object:
        return evaluate(parse_predicate(self._definitions, when, self._lists).root, self._payment.values)

    def _number(self, name: str) -> float | None:
        return self._payment.values.number(self._names[name])
