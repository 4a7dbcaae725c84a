"""The typed tree of a predicate.

A number, a truth or a text may be unknown (SQL's NULL), as an absent field or a feature that is NaN. What
cannot be computed, as a division by zero, has *failed*, and so has all that needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

from fraud.decisions.predicates.names import PaymentName

ArithmeticSign = Literal["+", "-", "*", "/", "%"]
ComparisonSign = Literal["=", "<>", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class NumberLiteral:
    """A finite number; of a time ms."""

    value: float


@dataclass(frozen=True)
class NumberOf:
    """A field, a feature or an amount, as float64."""

    name: PaymentName


@dataclass(frozen=True)
class Arithmetic:
    """Of two numbers; `%` has the sign of `left`. A result that is not finite has failed."""

    sign: ArithmeticSign
    left: "Number"
    right: "Number"


@dataclass(frozen=True)
class Negated:
    """Minus a number."""

    operand: "Number"


@dataclass(frozen=True)
class AbsoluteValue:
    """ABS."""

    operand: "Number"


@dataclass(frozen=True)
class FirstKnown:
    """COALESCE: those behind the first known one do not matter, even if they fail."""

    operands: tuple["Number", ...]


@dataclass(frozen=True)
class Extreme:
    """LEAST or GREATEST; unknown if one of them is."""

    is_greatest: bool
    operands: tuple["Number", ...]


@dataclass(frozen=True)
class CaseOf:
    """CASE: the first branch whose condition is true; unknown without one and without ELSE.

    Attributes:
        branches: conditions and numbers; those that do not count may fail.
        otherwise: ELSE.
    """

    branches: tuple[tuple["Truth", "Number"], ...]
    otherwise: "Number | None"


@dataclass(frozen=True)
class TruthLiteral:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True)
class TruthOf:
    """A field that is true or false."""

    name: PaymentName


@dataclass(frozen=True)
class NumberComparison:
    """Of two numbers."""

    sign: ComparisonSign
    left: "Number"
    right: "Number"


@dataclass(frozen=True)
class NumberAmong:
    """IN with numbers, in ascending order."""

    operand: "Number"
    values: tuple[float, ...]


@dataclass(frozen=True)
class SameTruth:
    """`=` of two truths."""

    left: "Truth"
    right: "Truth"


@dataclass(frozen=True)
class TextOf:
    """A field that is a text."""

    name: PaymentName


@dataclass(frozen=True)
class TextAmong:
    """`=` or IN with texts, in ascending order."""

    text: TextOf
    values: tuple[str, ...]


@dataclass(frozen=True)
class SameText:
    """`=` of two fields of one type."""

    left: TextOf
    right: TextOf


@dataclass(frozen=True)
class OnList:
    """Whether a list has an entry, not expired at the payment's time, of a field's value."""

    list_name: str
    text: TextOf


@dataclass(frozen=True)
class IsUnknown:
    """IS NULL."""

    operand: "Number | Truth | TextOf"


@dataclass(frozen=True)
class AllOf:
    """AND: false if one is false, else failed if one failed, else unknown if one is."""

    operands: tuple["Truth", ...]


@dataclass(frozen=True)
class AnyOf:
    """OR: true if one is true, else failed if one failed, else unknown if one is."""

    operands: tuple["Truth", ...]


@dataclass(frozen=True)
class Opposite:
    """NOT."""

    operand: "Truth"


Number = NumberLiteral | NumberOf | Arithmetic | Negated | AbsoluteValue | FirstKnown | Extreme | CaseOf
Truth = (
    TruthLiteral | TruthOf | NumberComparison | NumberAmong | SameTruth | TextAmong | SameText | OnList
    | IsUnknown | AllOf | AnyOf | Opposite
)  # fmt: skip
Node = Number | Truth | TextOf

Leaf = NumberLiteral | NumberOf | TruthLiteral | TruthOf | TextOf


def nodes_of(root: Node) -> Iterator[Node]:
    """A node and all below it."""
    stack: list[object] = [root]
    while stack:
        one = stack.pop()
        if isinstance(one, tuple):
            stack.extend(one)
        elif isinstance(one, Node):
            yield one
            stack.extend(getattr(one, field.name) for field in fields(one))


@dataclass(frozen=True)
class Predicate:
    """What a rule or a segment says of a payment.

    Attributes:
        text: the SQL.
        root: its meaning.
    """

    text: str
    root: Truth

    @cached_property
    def names(self) -> frozenset[str]:
        """What of the payment it reads: fields, features, `probability` and the like."""
        found = (one.name.name for one in nodes_of(self.root) if isinstance(one, NumberOf | TruthOf | TextOf))
        return frozenset(found)

    @cached_property
    def lists(self) -> frozenset[str]:
        """The lists that it asks."""
        return frozenset(one.list_name for one in nodes_of(self.root) if isinstance(one, OnList))
