"""Predicates and lists over many payments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.names import payment_names
from fraud.decisions.predicates.payments import StoredPayment
from fraud.decisions.predicates.reference import FAILED, evaluate
from fraud.decisions.predicates.tree import OnList, Predicate, TextOf
from fraud.definitions.definitions import Definitions


@dataclass(frozen=True)
class Truths:
    """What predicates and lists say of n payments.

    Attributes:
        fired: where a predicate is true, bool (n, P).
        failed: where it could not be computed, as by a division by zero, bool (n, P).
        list_hits: where the payment is on a list, bool (n, L).
    """

    fired: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    list_hits: npt.NDArray[np.bool_]


class Evaluator:
    """Evaluates the P predicates of a policy and its L lists.

    Args:
        definitions: those of the predicates.
        predicates: in the order of the columns.
        lists: in the order of the columns; their fields are ids, categories or currencies.
        index: the entries; changes of it count from the next call on.
    """

    def __init__(
        self,
        definitions: Definitions,
        predicates: Sequence[Predicate],
        lists: Sequence[PolicyList],
        index: ListIndex,
    ) -> None:
        self._definitions = definitions
        self._index = index
        names = payment_names(definitions)
        self._roots = [one.root for one in predicates]
        self._lists = [OnList(one.name, TextOf(names[one.field])) for one in lists]

    def evaluate(self, inputs: DecisionInputs) -> Truths:
        """Of n payments."""
        nodes = [*self._roots, *self._lists]
        values = np.empty((len(inputs), len(nodes)), dtype=object)
        for number in range(len(inputs)):
            payment = StoredPayment(self._definitions, inputs, self._index, number)
            values[number] = [evaluate(node, payment) for node in nodes]
        fired = values == True  # noqa: E712
        count = len(self._roots)
        return Truths(fired[:, :count], values[:, :count] == FAILED, fired[:, count:])
