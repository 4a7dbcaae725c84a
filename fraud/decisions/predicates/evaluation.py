"""Predicates and lists over many payments, compiled; `reference` says what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.compiling import ProgramCompiler
from fraud.decisions.predicates.names import payment_names
from fraud.decisions.predicates.tree import OnList, Predicate, TextOf, Truth, nodes_of
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.features.events import encoder_of
from fraud.features.field_tables import category_columns
from fraud.native.rules.evaluate import evaluate_program
from fraud.native.rules.program import PaymentArrays, Program, Registers, Results

_Item = TypeVar("_Item", bound=np.generic)


@dataclass(frozen=True)
class Truths:
    """What predicates and lists say of n payments; column by column in memory.

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
        self._index = index
        self._predicates, self._columns = len(predicates), len(predicates) + len(lists)
        names = payment_names(definitions)
        on_lists = (OnList(one.name, TextOf(names[one.field])) for one in lists)
        roots: list[Truth] = [*(one.root for one in predicates), *on_lists]
        by_code = ProgramCompiler(definitions, index.number_of)
        by_hash = ProgramCompiler(definitions, index.number_of, by_hash=True)
        self._by_code, self._by_hash = by_code.compile(roots), by_hash.compile(roots)
        self._categories = _categories(roots)
        self._all_categories = category_columns(definitions)
        self._category_columns = np.array([*self._categories.values()], dtype=np.int64)

    def evaluate(self, inputs: DecisionInputs) -> Truths:
        """Of n payments."""
        if self._categories and inputs.category_hashes is not None:
            results, _ = self._run(self._by_hash, self._hashed(inputs, inputs.category_hashes))
        else:
            payments = _arrays(inputs)
            results, unsure = self._run(self._by_code, payments)
            if unsure:
                self._confirm(inputs, payments, results)
        count = self._predicates
        return Truths(results.fired[:count].T, results.failed[:count].T, results.fired[count:].T)

    def _run(self, compiled: tuple[Program, Registers], payments: PaymentArrays) -> tuple[Results, int]:
        """The results, and how many of them are unsure."""
        results = Results(*np.zeros((3, self._columns, len(payments.heads)), dtype=np.bool_))
        program, registers = compiled
        return results, evaluate_program(program, payments, self._index.arrays, registers, results)

    def _hashed(self, inputs: DecisionInputs, hashes: npt.NDArray[np.int64]) -> PaymentArrays:
        """The payments with the hashes of categories instead of their codes."""
        values = inputs.events.values.copy()
        values[:, self._all_categories] = hashes
        return _payment_arrays(inputs.events.heads, values, inputs.rows, inputs.probabilities)

    def _confirm(self, inputs: DecisionInputs, payments: PaymentArrays, results: Results) -> None:
        """Decide by texts what codes of categories leave open: evaluate these payments with their hashes."""
        chosen = np.flatnonzero(results.unsure.any(axis=0))
        values = payments.values[chosen]
        values[:, self._category_columns] = self._category_hashes(inputs, chosen)
        exact, _ = self._run(
            self._by_hash,
            _payment_arrays(
                payments.heads[chosen], values, payments.rows[chosen], payments.probabilities[chosen]
            ),
        )
        results.fired[:, chosen], results.failed[:, chosen] = exact.fired, exact.failed

    def _category_hashes(
        self, inputs: DecisionInputs, chosen: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        texts = map(inputs.texts_of, chosen.tolist())
        return np.array(
            [[_encode(one.get(name)) for name in self._categories] for one in texts], dtype=np.int64
        )


_encode = encoder_of(FieldType.ID)


def _categories(roots: Sequence[Truth]) -> dict[str, int]:
    """The columns of the categories whose texts count, by field."""
    nodes = (node for root in roots for node in nodes_of(root))
    names = (node.name for node in nodes if isinstance(node, TextOf))
    return {one.name: one.column for one in names if one.type is FieldType.CATEGORY}


def _arrays(inputs: DecisionInputs) -> PaymentArrays:
    """As compiled code takes them."""
    events = inputs.events
    return _payment_arrays(events.heads, events.values, inputs.rows, inputs.probabilities)


def _payment_arrays(
    heads: npt.NDArray[np.void],
    values: npt.NDArray[np.int64],
    rows: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float64],
) -> PaymentArrays:
    frozen = _frozen(values)
    return PaymentArrays(
        _frozen(heads), frozen, frozen.view(np.float64), _frozen(rows), _frozen(probabilities)
    )


def _frozen(array: npt.NDArray[_Item]) -> npt.NDArray[_Item]:
    """Of one kind, whatever its memory layout and whether it may be written to: each kind is compiled."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
