"""What a predicate says of one payment, as it is defined; compiled code is checked against this."""

from enum import Enum
from functools import singledispatch
from math import fmod, isfinite
from typing import Any, Protocol

from fraud.decisions.predicates import tree
from fraud.decisions.predicates.names import PaymentName


class Failed(Enum):
    """The value of what cannot be computed."""

    FAILED = "failed"


FAILED = Failed.FAILED
NumberValue = float | Failed | None
TruthValue = bool | Failed | None


class PaymentValues(Protocol):
    """The values of one payment; None is unknown."""

    def number(self, name: PaymentName) -> float | None:
        """A number; one that is not finite cannot be computed with."""

    def truth(self, name: PaymentName) -> bool | None:
        """Of a field that is true or false."""

    def text(self, name: PaymentName) -> str | None:
        """Of a field that is a text."""

    def is_on_list(self, list_name: str, value: str) -> bool:
        """Whether the list has an entry of this value that has not expired."""


def evaluate(node: tree.Number | tree.Truth, payment: PaymentValues) -> Any:
    """A number, a truth, None or `FAILED`."""
    return _value(node, payment)


@singledispatch
def _value(node: object, payment: PaymentValues) -> Any:
    raise TypeError(f"no node of a predicate: {node!r}")


@_value.register
def _(node: tree.NumberLiteral, payment: PaymentValues) -> Any:
    return node.value


@_value.register
def _(node: tree.NumberOf, payment: PaymentValues) -> Any:
    return _checked(payment.number(node.name))


@_value.register
def _(node: tree.Arithmetic, payment: PaymentValues) -> Any:
    operands = _value(node.left, payment), _value(node.right, payment)
    if FAILED in operands:
        return FAILED
    return None if None in operands else _checked(_calculate(node.sign, *operands))


@_value.register
def _(node: tree.Negated, payment: PaymentValues) -> Any:
    value = _value(node.operand, payment)
    return value if value in (None, FAILED) else -value


@_value.register
def _(node: tree.AbsoluteValue, payment: PaymentValues) -> Any:
    value = _value(node.operand, payment)
    return value if value in (None, FAILED) else abs(value)


@_value.register
def _(node: tree.FirstKnown, payment: PaymentValues) -> Any:
    values = (_value(one, payment) for one in node.operands)
    return next((value for value in values if value is not None), None)


@_value.register
def _(node: tree.Extreme, payment: PaymentValues) -> Any:
    values = [_value(one, payment) for one in node.operands]
    if FAILED in values:
        return FAILED
    if None in values:
        return None
    return max(values) if node.is_greatest else min(values)


@_value.register
def _(node: tree.CaseOf, payment: PaymentValues) -> Any:
    for condition, number in node.branches:
        truth = _value(condition, payment)
        if truth is FAILED:
            return FAILED
        if truth:
            return _value(number, payment)
    return _value(node.otherwise, payment) if node.otherwise else None


@_value.register
def _(node: tree.TruthLiteral, payment: PaymentValues) -> Any:
    return node.value


@_value.register
def _(node: tree.TruthOf, payment: PaymentValues) -> Any:
    return payment.truth(node.name)


@_value.register
def _(node: tree.NumberComparison, payment: PaymentValues) -> Any:
    left, right = _value(node.left, payment), _value(node.right, payment)
    if FAILED in (left, right):
        return FAILED
    if None in (left, right):
        return None
    return {
        "=": left == right, "<>": left != right, "<": left < right,
        "<=": left <= right, ">": left > right, ">=": left >= right,
    }[node.sign]  # fmt: skip


@_value.register
def _(node: tree.NumberAmong, payment: PaymentValues) -> Any:
    value = _value(node.operand, payment)
    return value if value in (None, FAILED) else value in node.values


@_value.register
def _(node: tree.SameTruth, payment: PaymentValues) -> Any:
    operands = _value(node.left, payment), _value(node.right, payment)
    if FAILED in operands:
        return FAILED
    return None if None in operands else operands[0] is operands[1]


@_value.register
def _(node: tree.TextAmong, payment: PaymentValues) -> Any:
    text = payment.text(node.text.name)
    return None if text is None else text in node.values


@_value.register
def _(node: tree.SameText, payment: PaymentValues) -> Any:
    texts = payment.text(node.left.name), payment.text(node.right.name)
    return None if None in texts else texts[0] == texts[1]


@_value.register
def _(node: tree.OnList, payment: PaymentValues) -> Any:
    text = payment.text(node.text.name)
    return None if text is None else payment.is_on_list(node.list_name, text)


@_value.register
def _(node: tree.IsUnknown, payment: PaymentValues) -> Any:
    if isinstance(node.operand, tree.TextOf):
        return payment.text(node.operand.name) is None
    value = _value(node.operand, payment)
    return FAILED if value is FAILED else value is None


@_value.register
def _(node: tree.AllOf, payment: PaymentValues) -> Any:
    return _first_of((False, FAILED, None), [_value(one, payment) for one in node.operands], otherwise=True)


@_value.register
def _(node: tree.AnyOf, payment: PaymentValues) -> Any:
    return _first_of((True, FAILED, None), [_value(one, payment) for one in node.operands], otherwise=False)


@_value.register
def _(node: tree.Opposite, payment: PaymentValues) -> Any:
    value = _value(node.operand, payment)
    return value if value in (None, FAILED) else not value


def _first_of(stronger: tuple[TruthValue, ...], found: list[TruthValue], *, otherwise: bool) -> TruthValue:
    return next((one for one in stronger if one in found), otherwise)


def _checked(value: float | None) -> NumberValue:
    return None if value is None else value if isfinite(value) else FAILED


def _calculate(sign: tree.ArithmeticSign, left: float, right: float) -> float:
    """Infinite if it cannot be computed."""
    if sign in "/%" and right == 0:
        return float("inf")
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    return left / right if sign == "/" else fmod(left, right)
