"""Predicates and lists over many payments, compiled; `reference` says what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.compiling import ProgramCompiler
from fraud.decisions.predicates.names import payment_names
from fraud.decisions.predicates.payments import StoredPayment
from fraud.decisions.predicates.reference import FAILED, evaluate
from fraud.decisions.predicates.tree import OnList, Predicate, TextOf, Truth
from fraud.definitions.definitions import Definitions
from fraud.native.rules.evaluate import evaluate_program
from fraud.native.rules.program import PaymentArrays, Results


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
    """Evaluates the P predicates of a policy and its L lists. Not for several threads.

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
        self._predicates = len(predicates)
        names = payment_names(definitions)
        on_lists = (OnList(one.name, TextOf(names[one.field])) for one in lists)
        self._roots: list[Truth] = [*(one.root for one in predicates), *on_lists]
        compiler = ProgramCompiler(definitions, index.number_of)
        self._program, self._registers = compiler.compile(self._roots)

    def evaluate(self, inputs: DecisionInputs) -> Truths:
        """Of n payments."""
        results = Results(*np.zeros((3, len(inputs), len(self._roots)), dtype=np.bool_))
        payments = _payments(inputs)
        slots = self._index.slots
        if evaluate_program(self._program, payments, slots, self._registers, results):
            self._confirm(inputs, results)
        rules = self._predicates
        return Truths(results.fired[:, :rules], results.failed[:, :rules], results.fired[:, rules:])

    def _confirm(self, inputs: DecisionInputs, results: Results) -> None:
        """Decide by texts what codes of categories leave open."""
        for number in np.flatnonzero(results.unsure.any(axis=1)).tolist():
            payment = StoredPayment(self._definitions, inputs, self._index, number)
            for column in np.flatnonzero(results.unsure[number]).tolist():
                value = evaluate(self._roots[column], payment)
                results.fired[number, column] = value is True
                results.failed[number, column] = value is FAILED


def _payments(inputs: DecisionInputs) -> PaymentArrays:
    """As compiled code takes them: of one memory layout, for which it is compiled once."""
    values = np.ascontiguousarray(inputs.events.values)
    return PaymentArrays(
        np.ascontiguousarray(inputs.events.heads),
        values,
        values.view(np.float64),
        np.ascontiguousarray(inputs.rows),
        np.ascontiguousarray(inputs.probabilities),
    )
