"""From trees to a program of `fraud.native.rules`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fraud.decisions.predicates import tree
from fraud.decisions.predicates.names import PAID, PaymentName, Source
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.features.events import encoder_of
from fraud.features.field_tables import field_table
from fraud.native.rules.list_table import BY_CODE, BY_CURRENCY, BY_HASH
from fraud.native.rules.program import BLOCK, FALSE, TRUE, Code, Program, Registers

_KINDS = {FieldType.ID: BY_HASH, FieldType.CATEGORY: BY_CODE, FieldType.CURRENCY: BY_CURRENCY}
_ARITHMETIC = {
    "+": Code.ADD, "-": Code.SUBTRACT, "*": Code.MULTIPLY, "/": Code.DIVIDE, "%": Code.REMAINDER,
}  # fmt: skip
_LOADS = {
    Source.FEATURE: Code.FEATURE, Source.INTEGER: Code.INTEGER, Source.EXPECTED_COST: Code.INTEGER,
    Source.AMOUNT: Code.AMOUNT, Source.NUMBER: Code.REAL, Source.PROBABILITY: Code.PROBABILITY,
}  # fmt: skip
_PROBABILITY = PaymentName("probability", Source.PROBABILITY)


class ProgramCompiler:
    """Compiles predicates.

    Registers of what is loaded keep it for all predicates; those above are a stack.

    Args:
        definitions: those of the predicates.
        list_number: of a list, for the lookup.
        by_hash: `Events.values` has hashes of categories instead of their codes.
    """

    def __init__(
        self, definitions: Definitions, list_number: Callable[[str], int], *, by_hash: bool = False
    ) -> None:
        self._definitions = definitions
        self._by_hash = by_hash
        self._list_number = list_number
        self._operations: list[tuple[int, ...]] = []
        self._literals: list[float] = []
        self._keys: list[int] = []
        self._loaded: dict[object, int] = {}
        self._numbers = _RegisterStack()
        self._truths = _RegisterStack()

    def compile(self, roots: Sequence[tree.Truth]) -> tuple[Program, Registers]:
        """The program whose results have a column for each root, and memory to run it in."""
        for root in roots:
            for one in tree.nodes_of(root):
                self._load_leaf(one)
        self._numbers.keep()
        self._truths.keep()
        for column, root in enumerate(roots):
            with self._truths, self._numbers:
                self._emit(Code.RESULT, column, self._truth(root))
        return self._program(), Registers(
            np.empty((self._numbers.highest, BLOCK)),
            np.empty((self._truths.highest, BLOCK), dtype=np.uint8),
            np.zeros(BLOCK, dtype=np.uint8),
        )

    def _program(self) -> Program:
        operations = [(*one, *[0] * (6 - len(one))) for one in self._operations]
        return Program(
            np.array(operations, dtype=np.int32).reshape(-1, 6),
            np.array(self._literals, dtype=np.float64),
            np.array(self._keys, dtype=np.int64),
            np.power(10.0, field_table(self._definitions).minor_digits, dtype=np.float64),
        )

    def _emit(self, code: Code, *operands: int) -> int:
        """Add an operation; the register that it writes."""
        self._operations.append((int(code), *operands))
        return operands[0]

    # ---------------------------------------------------------------- loads

    def _load_leaf(self, node: tree.Node) -> None:
        if isinstance(node, tree.NumberLiteral):
            self._literal(node.value)
        elif isinstance(node, tree.NumberOf):
            self._load(node.name)
        elif isinstance(node, tree.OnList):
            self._look_up(node)
        elif isinstance(node, tree.CaseOf) and node.otherwise is None:
            self._literal(np.nan)

    def _literal(self, value: float) -> int:
        key = "unknown" if value != value else ("literal", value)
        if key not in self._loaded:
            self._literals.append(value)
            self._loaded[key] = self._emit(Code.LITERAL, self._numbers.take(), len(self._literals) - 1)
        return self._loaded[key]

    def _load(self, name: PaymentName) -> int:
        if name not in self._loaded:
            divisor = self._divisor(name.decimals)
            register = self._emit(_LOADS[name.source], self._numbers.take(), name.column, divisor)
            if name.source is Source.EXPECTED_COST:
                self._emit(Code.MULTIPLY, register, register, self._load(_PROBABILITY))
            self._loaded[name] = register
        return self._loaded[name]

    def _divisor(self, decimals: int) -> int:
        if decimals != PAID:
            return self._literal(10.0**decimals)
        if PAID not in self._loaded:
            currency = self._definitions.field_index["currency"]
            self._loaded[PAID] = self._emit(Code.PAID_FACTOR, self._numbers.take(), currency)
        return self._loaded[PAID]

    def _look_up(self, node: tree.OnList) -> int:
        if node not in self._loaded:
            name, number = node.text.name, self._list_number(node.list_name)
            self._loaded[node] = self._emit(
                Code.ON_LIST, self._truths.take(), name.column, number, 0, self._kind(name)
            )
        return self._loaded[node]

    # ---------------------------------------------------------------- numbers

    def _number(self, node: tree.Number) -> int:
        """The register that has a number, whatever of the stack was needed for it."""
        if isinstance(node, tree.NumberLiteral):
            return self._literal(node.value)
        if isinstance(node, tree.NumberOf):
            return self._load(node.name)
        if isinstance(node, tree.CaseOf):
            return self._case(node)
        if isinstance(node, tree.Arithmetic):
            return self._folded(_ARITHMETIC[node.sign], (node.left, node.right))
        if isinstance(node, tree.Extreme):
            return self._folded(Code.GREATEST if node.is_greatest else Code.LEAST, node.operands)
        if isinstance(node, tree.FirstKnown):
            return self._folded(Code.FIRST_KNOWN, node.operands)
        code = Code.NEGATE if isinstance(node, tree.Negated) else Code.ABSOLUTE
        with self._numbers:
            operand = self._number(node.operand)
        return self._emit(code, self._numbers.take(), operand)

    def _folded(self, code: Code, operands: Sequence[tree.Number]) -> int:
        found = self._number(operands[0])
        for one in operands[1:]:
            with self._numbers:
                operand = self._number(one)
            found = self._emit(code, self._numbers.replace(found), found, operand)
        return found

    def _case(self, node: tree.CaseOf) -> int:
        found = self._number(node.otherwise) if node.otherwise else self._literal(np.nan)
        for condition, number in reversed(node.branches):
            with self._truths, self._numbers:
                operands = self._truth(condition), self._number(number)
            found = self._emit(Code.CHOOSE, self._numbers.replace(found), *operands, found)
        return found

    # ---------------------------------------------------------------- truths

    def _truth(self, node: tree.Truth) -> int:
        """The register that has a truth."""
        if isinstance(node, tree.AllOf | tree.AnyOf):
            return self._chain(Code.AND if isinstance(node, tree.AllOf) else Code.OR, node.operands)
        if isinstance(node, tree.SameTruth):
            return self._chain(Code.SAME_TRUTH, (node.left, node.right))
        if isinstance(node, tree.Opposite):
            return self._unary(Code.NOT, node.operand)
        if isinstance(node, tree.NumberComparison):
            return self._comparison(node)
        if isinstance(node, tree.IsUnknown):
            return self._is_unknown(node)
        return self._examined(node)

    def _chain(self, code: Code, operands: Sequence[tree.Truth]) -> int:
        found = self._own_truth(operands[0])
        for one in operands[1:]:
            with self._truths:
                operand = self._truth(one)
            self._emit(code, found, operand)
        return found

    def _unary(self, code: Code, operand: tree.Truth) -> int:
        return self._emit(code, self._own_truth(operand))

    def _own_truth(self, node: tree.Truth) -> int:
        """The register that has a truth and may be changed."""
        found = self._truth(node)
        own = self._truths.replace(found)
        return found if own == found else self._emit(Code.COPY, own, found)

    def _comparison(self, node: tree.NumberComparison) -> int:
        with self._numbers:
            left = self._number(node.left)
            right = self._number(node.right)
        if node.sign in (">", ">="):
            left, right = right, left
        codes = {"<": Code.LESS, ">": Code.LESS, "<=": Code.LESS_EQUAL, ">=": Code.LESS_EQUAL}
        found = self._emit(codes.get(node.sign, Code.EQUAL), self._truths.take(), left, right)
        return self._emit(Code.NOT, found) if node.sign == "<>" else found

    def _is_unknown(self, node: tree.IsUnknown) -> int:
        operand = node.operand
        if isinstance(operand, tree.TextOf):
            return self._emit(Code.TEXT_UNKNOWN, self._truths.take(), operand.name.column)
        if isinstance(operand, tree.Number):
            with self._numbers:
                number = self._number(operand)
            return self._emit(Code.NUMBER_UNKNOWN, self._truths.take(), number)
        return self._unary(Code.TRUTH_UNKNOWN, operand)

    def _examined(self, node: tree.Truth) -> int:
        """Of fields, literals and lists."""
        if isinstance(node, tree.NumberAmong):
            with self._numbers:
                number = self._number(node.operand)
            start, self._literals = len(self._literals), [*self._literals, *node.values]
            return self._emit(Code.AMONG, self._truths.take(), number, start, len(self._literals))
        if isinstance(node, tree.OnList):
            return self._look_up(node)
        out = self._truths.take()
        if isinstance(node, tree.TextAmong):
            return self._text_among(node, out)
        if isinstance(node, tree.SameText):
            left, right = node.left.name, node.right.name
            return self._emit(Code.SAME_TEXT, out, left.column, right.column, 0, self._kind(left))
        if isinstance(node, tree.TruthOf):
            return self._emit(Code.BOOLEAN, out, node.name.column)
        is_true = isinstance(node, tree.TruthLiteral) and node.value
        return self._emit(Code.TRUTH, out, TRUE if is_true else FALSE)

    def _text_among(self, node: tree.TextAmong, out: int) -> int:
        name = node.text.name
        encode = encoder_of(self._type(name))
        start = len(self._keys)
        self._keys += sorted({encode(value) for value in node.values})
        return self._emit(Code.TEXT_AMONG, out, name.column, start, len(self._keys), self._kind(name))

    def _type(self, name: PaymentName) -> FieldType:
        """How `Events.values` has a text."""
        assert name.type is not None
        return FieldType.ID if self._by_hash and name.type is FieldType.CATEGORY else name.type

    def _kind(self, name: PaymentName) -> int:
        return _KINDS[self._type(name)]


class _RegisterStack:
    """Registers of one type: what is taken within a `with` is free again behind it."""

    def __init__(self) -> None:
        self._next = self._kept = 0
        self._marks: list[int] = []
        self.highest = 0

    def take(self) -> int:
        """A free register."""
        self._next += 1
        self.highest = max(self.highest, self._next)
        return self._next - 1

    def keep(self) -> None:
        """Those that are taken stay so and are not written again."""
        self._kept = self._next

    def replace(self, register: int) -> int:
        """The register itself if it may be written, else a free one."""
        return register if register >= self._kept else self.take()

    def __enter__(self) -> None:
        self._marks.append(self._next)

    def __exit__(self, *_: Any) -> None:
        self._next = self._marks.pop()
