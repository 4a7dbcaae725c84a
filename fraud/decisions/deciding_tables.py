"""A policy as the tables that compiled code reads."""

import numpy as np
import numpy.typing as npt

from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.policy import MODEL_THRESHOLD, Band, Policy, Segment
from fraud.decisions.predicates.names import payment_names
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.predicates.tree import IsUnknown, NumberComparison, NumberLiteral, NumberOf, Predicate
from fraud.decisions.shares import CONTROL_SALT, SAMPLE_SALT, limit_of, rule_salt
from fraud.definitions.definitions import Definitions
from fraud.native.rules.outcomes import MODEL_BOUND, NO_BOUND, RULE, BandTable, Shares

_NEVER = np.iinfo(np.int64).max
_NONE = -1
MODEL_BANDS = (Band("review", "model"),)


class PredicateColumns:
    """The predicates of a policy, each with its column in the matrix of what is true.

    Attributes:
        predicates: of rules that are not off, of segments, and of bounds of the expected cost; P.
        rules: the column of each rule, -1: off.
        segments: the column of each segment, -1: it has all payments.
        reached: of each segment the columns of its bounds of the expected cost by outcome; empty if they are
            of the probability.
        unknown: the column of "the expected cost is unknown", -1 if no segment asks for it.
    """

    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        self.predicates: list[Predicate] = []
        self._definitions, self._lists = definitions, {one.name: one for one in policy.lists}
        self._cost = NumberOf(payment_names(definitions)["expected_cost"])
        self.rules = [_NONE if rule.mode == "off" else self._parsed(rule.when) for rule in policy.rules]
        self.segments = [_NONE if one.when is None else self._parsed(one.when) for one in policy.segments]
        self.reached = [self._bounds(one) for one in policy.segments]
        asks_cost = any(one.value == "expected_cost" for one in policy.segments)
        self.unknown = self._added(Predicate("", IsUnknown(self._cost))) if asks_cost else _NONE

    def _added(self, predicate: Predicate) -> int:
        self.predicates.append(predicate)
        return len(self.predicates) - 1

    def _parsed(self, text: str) -> int:
        return self._added(parse_predicate(self._definitions, text, self._lists))

    def _bounds(self, segment: Segment) -> dict[str, int]:
        if segment.value != "expected_cost":
            return {}
        return {
            band.outcome: self._added(
                Predicate("", NumberComparison(">=", self._cost, NumberLiteral(float(band.lower))))
            )
            for band in segment.bands
        }


def unknown_cost_bands(policy: Policy) -> tuple[Band, ...]:
    """The bands, of the probability, of payments whose segment asks for an expected cost that is unknown.

    Those of the last segment; if they are of the cost, too, review from the model's threshold on.
    """
    last = policy.segments[-1]
    return last.bands if last.value == "probability" else MODEL_BANDS


def band_table(policy: Policy, columns: PredicateColumns) -> BandTable:
    """The bands of all segments."""
    lines = [*(one.bands for one in policy.segments), unknown_cost_bands(policy)]
    reached = [[line.get(outcome, _NONE) for outcome in OUTCOMES[1:]] for line in [*columns.reached, {}]]
    return BandTable(
        np.array(columns.segments, dtype=np.int64),
        np.array([_lowers(line) for line in lines], dtype=np.float64),
        np.array(reached, dtype=np.int64),
        np.array([one.value == "expected_cost" for one in policy.segments]),
        np.int64(columns.unknown),
    )


def _lowers(bands: tuple[Band, ...]) -> list[float]:
    bounds = {band.outcome: MODEL_BOUND if band.lower == MODEL_THRESHOLD else band.lower for band in bands}
    return [float(bounds.get(outcome, NO_BOUND)) for outcome in OUTCOMES[1:]]


def rule_table(policy: Policy, columns: PredicateColumns) -> npt.NDArray[np.void]:
    """The rules, (R,)."""
    return np.array(
        [
            (
                column,
                OUTCOMES.index(rule.outcome),
                rule.mode == "live",
                rule_salt(rule.name),
                limit_of(rule.share),
                _NEVER if rule.expires is None else rule.expires,
            )
            for rule, column in zip(policy.rules, columns.rules, strict=True)
        ],
        dtype=RULE,
    )


def list_outcomes(policy: Policy) -> npt.NDArray[np.int16]:
    """The outcomes of lists, -1 for those that only rules use, (L,)."""
    return np.array(
        [_NONE if one.outcome is None else OUTCOMES.index(one.outcome) for one in policy.lists],
        dtype=np.int16,
    )


def shares_of(policy: Policy) -> Shares:
    """The control group's share and that of samples."""
    return Shares(
        np.uint64(CONTROL_SALT),
        np.uint64(limit_of(policy.control_share)),
        np.uint64(SAMPLE_SALT),
        np.uint64(limit_of(policy.sample_share)),
    )
