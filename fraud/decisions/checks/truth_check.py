"""Finds predicates that are true of every payment or of none, whatever the payments.

A predicate that compares names with constants only depends on where each value is among those constants. So
one value at each constant, between two and beyond them is enough to know all that it can be. Predicates that
calculate, or compare one name with another, are left to yesterday's payments.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product
from math import inf, isinf, prod
from typing import Literal

from fraud.decisions.predicates import tree
from fraud.decisions.predicates.names import PaymentName, Source
from fraud.decisions.predicates.reference import evaluate
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType

Constancy = Literal["always", "always_where_known", "never"]
"""`always_where_known`: unless a field is absent or a feature unknown."""

_MOST_POINTS = 4_096
MOST_STEPS = 2_000_000
"""Nodes of trees that are evaluated: some two seconds."""
_OTHER_TEXT = "\0"
Value = float | bool | str | None
_Key = tuple[str, str]


def constancy_of(
    definitions: Definitions, predicate: tree.Predicate, most_steps: int = MOST_STEPS
) -> Constancy | None:
    """Whether a predicate is constant; None if it is not, or if that takes more than `most_steps` to see."""
    choices = _choices(definitions, predicate.root)
    if choices is None:
        return None
    count, nodes = prod(map(len, choices.values())), sum(1 for _ in tree.nodes_of(predicate.root))
    if count > _MOST_POINTS or count * nodes > most_steps:
        return None
    points = [_Point(dict(zip(choices, values, strict=True))) for values in product(*choices.values())]
    true = [evaluate(predicate.root, point) is True for point in points]
    if not any(true):
        return "never"
    if all(true):
        return "always"
    known = [one for one, point in zip(true, points, strict=True) if None not in point.values.values()]
    return "always_where_known" if known and all(known) else None


@dataclass(frozen=True)
class _Point:
    """Values of a payment by name, and whether they are on lists."""

    values: Mapping[_Key, Value]

    def number(self, name: PaymentName) -> float | None:
        return self.values["value", name.name]  # type: ignore[return-value]

    def truth(self, name: PaymentName) -> bool | None:
        return self.values["value", name.name]  # type: ignore[return-value]

    def text(self, name: PaymentName) -> str | None:
        return self.values.get(("value", name.name), _OTHER_TEXT)  # type: ignore[return-value]

    def is_on_list(self, list_name: str, value: str) -> bool:
        return bool(self.values["list", list_name])


@dataclass
class _Constants:
    """What a predicate compares each name with."""

    numbers: dict[PaymentName, set[float]] = field(default_factory=dict)
    texts: dict[PaymentName, set[str]] = field(default_factory=dict)
    truths: set[PaymentName] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)


def _choices(definitions: Definitions, root: tree.Truth) -> Mapping[_Key, list[Value]] | None:
    """The values that count of each name; None if it does more than compare them with constants."""
    found = _Constants()
    if not all(_is_constant(node) or _noted(node, found) for node in _atoms(root)):
        return None
    choices: dict[_Key, list[Value]] = {}
    for name, numbers in found.numbers.items():
        choices["value", name.name] = [*_numbers(numbers, *_range(definitions, name))]
    for name, texts in found.texts.items():
        choices["value", name.name] = [*sorted(texts), _OTHER_TEXT]
    for name in found.truths:
        choices["value", name.name] = [True, False]
    for name in {*found.numbers, *found.texts, *found.truths}:
        if _may_be_unknown(definitions, name):
            choices["value", name.name].append(None)
    return choices | {("list", name): [True, False] for name in found.lists}


def _atoms(node: tree.Truth) -> Iterator[tree.Truth]:
    """What AND, OR and NOT combine."""
    if isinstance(node, tree.AllOf | tree.AnyOf):
        for one in node.operands:
            yield from _atoms(one)
    elif isinstance(node, tree.Opposite):
        yield from _atoms(node.operand)
    else:
        yield node


def _is_constant(node: tree.Truth) -> bool:
    return not any(isinstance(one, tree.NumberOf | tree.TruthOf | tree.TextOf) for one in tree.nodes_of(node))


def _noted(node: tree.Truth, found: _Constants) -> bool:
    """Note the constants of a comparison; False if it is of another kind."""
    match node:
        case (
            tree.NumberComparison(left=tree.NumberOf(name), right=tree.NumberLiteral(value))
            | tree.NumberComparison(left=tree.NumberLiteral(value), right=tree.NumberOf(name))
        ):
            found.numbers.setdefault(name, set()).add(value)
        case tree.NumberAmong(operand=tree.NumberOf(name), values=values):
            found.numbers.setdefault(name, set()).update(values)
        case tree.TextAmong(text=tree.TextOf(name), values=values):
            found.texts.setdefault(name, set()).update(values)
        case tree.OnList(list_name=list_name, text=tree.TextOf(name)):
            found.lists.add(list_name)
            found.texts.setdefault(name, set())
        case tree.IsUnknown(operand=operand):
            return _noted_name(operand, found)
        case _:
            return _noted_name(node, found)
    return True


def _noted_name(node: tree.Node, found: _Constants) -> bool:
    """Note the name that a node stands for; False if it is more than a name."""
    match node:
        case tree.NumberOf(name):
            found.numbers.setdefault(name, set())
        case tree.TextOf(name):
            found.texts.setdefault(name, set())
        case tree.TruthOf(name):
            found.truths.add(name)
        case _:
            return False
    return True


def _numbers(constants: set[float], lowest: float, highest: float) -> Iterator[float]:
    """The constants, and values between and beyond them, within a range."""
    inner = sorted(constants | {one for one in (lowest, highest) if not isinf(one)}) or [0.0]
    points = [inner[0] - 1, *inner, inner[-1] + 1, *((one + other) / 2 for one, other in pairwise(inner))]
    yield from (one for one in sorted(set(points)) if lowest <= one <= highest)


def _range(definitions: Definitions, name: PaymentName) -> tuple[float, float]:
    """The least and the greatest value of a name."""
    if name.source is Source.PROBABILITY:
        return 0.0, 1.0
    if name.source is Source.FEATURE:
        return -inf, inf
    declared = _field_of(definitions, name)
    if declared.type is FieldType.NUMBER:
        return declared.lowest, declared.highest
    is_amount = declared.type is FieldType.MONEY
    if declared.type is FieldType.TIME or (is_amount and not declared.allows_refunds):
        return 0.0, inf
    return -inf, inf


def _field_of(definitions: Definitions, name: PaymentName) -> Field:
    """The field of a name that is no feature; of the expected cost it is the amount."""
    is_amount = name.source in (Source.AMOUNT, Source.EXPECTED_COST)
    return definitions.field_by_name["amount"] if is_amount else definitions.fields[name.column]


def _may_be_unknown(definitions: Definitions, name: PaymentName) -> bool:
    if name.source is Source.PROBABILITY or name.name in CORE_FIELDS:
        return False
    if name.source is Source.FEATURE:
        return True
    is_in_base = name.source is Source.EXPECTED_COST or name.name.endswith("_base")
    return (is_in_base and definitions.money is not None) or _field_of(definitions, name).is_optional
