"""Decides payments by a policy: the same for live traffic and for stored payments.

The order: allow lists, block lists, live rules by priority, the bands of the payment's segment; the first
that applies decides. Payments of the control group are approved unless a list decides. A decision is a
function of the payment, its features and probability, the policy and the entries of the lists, nothing else.
`fraud.decisions.reference` is the readable form.
"""

import numpy as np
import numpy.typing as npt

from fraud.decisions.decided import Decided
from fraud.decisions.deciding_tables import (
    MODEL_BANDS,
    PredicateColumns,
    band_table,
    list_outcomes,
    rule_table,
    shares_of,
)
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.outcomes import REVIEW
from fraud.decisions.policy import Policy
from fraud.decisions.predicates.evaluation import Evaluator, Truths
from fraud.definitions.definitions import Definitions
from fraud.native.rules.outcomes import BY_BANDS, Facts, Output, decide_all


class PolicyDecider:
    """Decides by one policy; to be made where it does not delay payments, as its predicates are parsed.

    Attributes:
        policy: that decides.
    """

    def __init__(self, definitions: Definitions, policy: Policy, list_index: ListIndex) -> None:
        """`list_index` has the entries of the lists; it may change between two calls of `decide`."""
        self.policy = policy
        self._index = list_index
        columns = PredicateColumns(definitions, policy)
        self._evaluator = Evaluator(definitions, columns.predicates, policy.lists, list_index)
        self._lists, self._rules = list_outcomes(policy), rule_table(policy, columns)
        self._bands, self._shares = band_table(policy, columns), shares_of(policy)
        self._is_simple = (
            not columns.predicates
            and policy.segments[-1].bands == MODEL_BANDS
            and not policy.control_share
            and not policy.sample_share
        )

    @property
    def by_model_alone(self) -> bool:
        """Whether nothing counts but the model's threshold: from it on `review`, below it `approve`."""
        return self._is_simple and not self._has_entries()

    def decide(self, inputs: DecisionInputs) -> Decided:
        """The decisions on n payments."""
        output = _empty(len(inputs), len(self.policy.rules))
        if self.by_model_alone:
            is_review = inputs.probabilities >= inputs.model_threshold
            output.outcomes[is_review] = output.would_be[is_review] = REVIEW
            return _decided(output, np.zeros((len(inputs), len(self.policy.lists)), dtype=np.bool_))
        truths = self._evaluator.evaluate(inputs)
        decide_all(_facts(inputs, truths), self._lists, self._rules, self._bands, self._shares, output)
        return _decided(output, np.ascontiguousarray(truths.list_hits))

    def _has_entries(self) -> bool:
        return any(self._index.count(one.name) for one in self.policy.lists)


def _facts(inputs: DecisionInputs, truths: Truths) -> Facts:
    """In copies of one memory layout: each other one would be compiled when it first comes, for a minute."""
    heads = inputs.events.heads
    return Facts(
        heads["card"].copy(),
        heads["transaction"].copy(),
        heads["timestamp"].copy(),
        inputs.probabilities.copy(),
        inputs.model_threshold.copy(),
        np.ascontiguousarray(truths.fired.T),
        np.ascontiguousarray(truths.failed.T),
        np.ascontiguousarray(truths.list_hits.T),
    )


def _empty(count: int, rules: int) -> Output:
    def flags(*shape: int) -> npt.NDArray[np.bool_]:
        return np.zeros(shape, dtype=np.bool_)

    return Output(
        np.zeros(count, dtype=np.uint8),
        np.zeros(count, dtype=np.uint8),
        flags(count, rules),
        flags(count, rules),
        flags(count, rules),
        np.full(count, BY_BANDS, dtype=np.int16),
        flags(count),
        np.zeros(count, dtype=np.uint8),
        flags(count),
    )


def _decided(output: Output, list_hits: npt.NDArray[np.bool_]) -> Decided:
    return Decided(list_hits=list_hits, **output._asdict())
