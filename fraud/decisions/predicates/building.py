"""From sqlglot's tree to ours: only what is listed here is allowed, with names and types checked."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from math import isfinite
from typing import Any, NoReturn

from sqlglot import exp

from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates import tree
from fraud.decisions.predicates.names import PaymentName, payment_names, unusable_names
from fraud.decisions.predicates.reference import FAILED, evaluate
from fraud.decisions.predicates.syntax import MAX_DEPTH, error_at, position_of
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.schema import is_currency

MAX_LITERALS = 1_000
"""Of an IN."""

_ARITHMETIC: Mapping[type, tree.ArithmeticSign] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
}  # fmt: skip
_COMPARISONS: Mapping[type, tree.ComparisonSign] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_TIMES = ("TIMESTAMP", "DATE")


class TreeBuilder:
    """Builds the tree of one predicate.

    Args:
        definitions: of the names.
        text: the predicate.
        lists: those of the policy by name.
    """

    def __init__(self, definitions: Definitions, text: str, lists: Mapping[str, PolicyList]) -> None:
        self._names = payment_names(definitions)
        self._unusable = unusable_names(definitions)
        self._text = text
        self._lists = lists
        self._depth = 0

    def build(self, node: exp.Expression) -> tree.Node:
        """A node of any type.

        Raises:
            PredicateError: it is not allowed, or not where it is.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(node, f"is nested more than {MAX_DEPTH} deep; divide it into several rules")
        try:
            return self._build(node)
        finally:
            self._depth -= 1

    def _build(self, node: exp.Expression) -> tree.Node:
        if isinstance(node, exp.Paren):
            return self.build(node.this)
        if type(node) in _ARITHMETIC:
            return self._arithmetic(node)
        if type(node) in _COMPARISONS:
            return self._comparison(node)
        build = _BUILDERS.get(type(node))
        if build is None:
            self._refuse(node, f"`{self._shown(node)}` is not part of predicates; compare names and values")
        return build(self, node)

    # ---------------------------------------------------------------- names and literals

    def _column(self, node: exp.Expression) -> tree.Node:
        if set(filter(node.args.get, node.args)) != {"this"} or not isinstance(node.this, exp.Identifier):
            self._refuse(node, "write the name of a field or a feature alone")
        given = str(node.this.this)
        name = self._names.get(given) or self._names.get(given.lower())
        if name is None:
            self._refuse(node, self._unknown(given, is_quoted=bool(node.this.args.get("quoted"))))
        if name.is_text:
            return tree.TextOf(name)
        return tree.TruthOf(name) if name.is_truth else tree.NumberOf(name)

    def _unknown(self, given: str, *, is_quoted: bool) -> str:
        if given.lower() in self._unusable:
            return self._unusable[given.lower()]
        message = f"there is no field or feature `{given[:70]}`"
        near = get_close_matches(given.lower()[:70], self._names, n=1)
        if near:
            return f"{message}; did you mean `{near[0]}`?"
        advice = "a text is in single quotes" if is_quoted else "`fraud definitions show` lists them"
        return f"{message}; {advice}"

    def _literal(self, node: exp.Expression) -> tree.Node:
        if node.is_string:
            self._refuse(node, f"the text '{str(node.this)[:40]}' can only be compared with a text field")
        value = self._float(node, str(node.this))
        return tree.NumberLiteral(value)

    def _float(self, node: exp.Expression, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            self._refuse(node, f"`{text[:40]}` is no number")
        if not isfinite(value):
            self._refuse(node, f"the number {text[:40]} is too large")
        return value

    def _moment(self, node: exp.Expression) -> tree.Node:
        """TIMESTAMP '2026-11-29 12:00', in UTC unless it says another offset."""
        kind, literal = node.args["to"], node.this
        if str(kind.this.name) not in _TIMES or not getattr(literal, "is_string", False):
            self._refuse(node, "values have the types of the definitions; leave out the CAST")
        try:
            moment = datetime.fromisoformat(str(literal.this))
        except ValueError:
            self._refuse(node, f"'{str(literal.this)[:40]}' is no time; write TIMESTAMP '2026-11-29 12:00'")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return tree.NumberLiteral(float(round(moment.timestamp() * 1000)))

    def _boolean(self, node: exp.Expression) -> tree.Node:
        return tree.TruthLiteral(bool(node.this))

    def _null(self, node: exp.Expression) -> NoReturn:
        self._refuse(node, "nothing equals NULL; write IS NULL or IS NOT NULL")

    # ---------------------------------------------------------------- numbers

    def _number(self, node: exp.Expression) -> tree.Number:
        found = self.build(node)
        if isinstance(found, tree.Number):
            return found
        return self._refuse(node, f"`{self._shown(node)}` is {_kind(found)} and no number")

    def _numbers(self, nodes: Sequence[exp.Expression]) -> tuple[tree.Number, ...]:
        return tuple(self._number(one) for one in nodes)

    def _arithmetic(self, node: exp.Expression) -> tree.Number:
        sign = _ARITHMETIC[type(node)]
        left, right = self._number(node.this), self._number(node.expression)
        if sign in "/%" and _constant(right) == 0:
            self._refuse(node.expression, "is a division by zero")
        return self._computable(node, tree.Arithmetic(sign, left, right))

    def _computable(self, node: exp.Expression, number: tree.Number) -> tree.Number:
        if _constant(number) is FAILED:
            self._refuse(node, "cannot be computed: the result is too large or divides by zero")
        return number

    def _negated(self, node: exp.Expression) -> tree.Number:
        operand = self._number(node.this)
        is_literal = isinstance(operand, tree.NumberLiteral)
        return tree.NumberLiteral(-operand.value) if is_literal else tree.Negated(operand)  # type: ignore[union-attr]

    def _absolute(self, node: exp.Expression) -> tree.Number:
        return tree.AbsoluteValue(self._number(node.this))

    def _coalesce(self, node: exp.Expression) -> tree.Number:
        return tree.FirstKnown(self._numbers([node.this, *node.expressions]))

    def _least(self, node: exp.Expression) -> tree.Number:
        return tree.Extreme(False, self._numbers([node.this, *node.expressions]))

    def _greatest(self, node: exp.Expression) -> tree.Number:
        return tree.Extreme(True, self._numbers([node.this, *node.expressions]))

    def _case(self, node: exp.Expression) -> tree.Number:
        if node.this is not None:
            self._refuse(
                node, "write CASE WHEN with a whole condition: CASE WHEN channel = 'online' THEN 1 END"
            )
        branches = tuple((self.truth(one.this), self._number(one.args["true"])) for one in node.args["ifs"])
        otherwise = node.args.get("default")
        if isinstance(otherwise, exp.Null):
            otherwise = None
        return tree.CaseOf(branches, self._number(otherwise) if otherwise is not None else None)

    # ---------------------------------------------------------------- truths

    def truth(self, node: exp.Expression) -> tree.Truth:
        """A condition.

        Raises:
            PredicateError: it is none.
        """
        found = self.build(node)
        if isinstance(found, tree.TextOf):
            self._refuse(node, f"`{self._shown(node)}` is a text; compare it with = or IN")
        if isinstance(found, tree.Number):
            self._refuse(
                node, f"`{self._shown(node)}` is a number; compare it, as in {self._shown(node)} = 1"
            )
        return found

    def _and(self, node: exp.Expression) -> tree.Truth:
        return tree.AllOf(tuple(self.truth(one) for one in _chain(node, exp.And)))

    def _or(self, node: exp.Expression) -> tree.Truth:
        return tree.AnyOf(tuple(self.truth(one) for one in _chain(node, exp.Or)))

    def _not(self, node: exp.Expression) -> tree.Truth:
        return tree.Opposite(self.truth(node.this))

    def _comparison(self, node: exp.Expression) -> tree.Truth:
        sign = _COMPARISONS[type(node)]
        sides = _without_parens(node.this), _without_parens(node.expression)
        texts = [_is_text_literal(one) for one in sides]
        if any(texts):
            field, literal = (sides[1], sides[0]) if texts[0] else sides
            return self._signed(node, sign, self._among_texts(field, [literal]))
        left, right = self.build(sides[0]), self.build(sides[1])
        if isinstance(left, tree.Number) and isinstance(right, tree.Number):
            return tree.NumberComparison(sign, left, right)
        if isinstance(left, tree.TextOf) and isinstance(right, tree.TextOf):
            return self._signed(node, sign, self._same_text(node, left, right))
        if isinstance(left, tree.Number | tree.TextOf) or isinstance(right, tree.Number | tree.TextOf):
            self._refuse(node, f"compares {_kind(left)} with {_kind(right)}")
        return self._signed(node, sign, tree.SameTruth(left, right))

    def _signed(self, node: exp.Expression, sign: tree.ComparisonSign, same: tree.Truth) -> tree.Truth:
        if sign not in ("=", "<>"):
            self._refuse(node, f"{sign} compares numbers only; write =, <> or IN")
        return same if sign == "=" else tree.Opposite(same)

    def _same_text(self, node: exp.Expression, left: tree.TextOf, right: tree.TextOf) -> tree.Truth:
        if left.name.type is not right.name.type:
            self._refuse(node, f"{left.name.name} and {right.name.name} are of different types")
        return tree.SameText(left, right)

    def _among(self, node: exp.Expression) -> tree.Truth:
        literals = [_without_parens(one) for one in node.expressions]
        if not literals or set(filter(node.args.get, node.args)) != {"this", "expressions"}:
            self._refuse(node, "IN needs values in parentheses: IN ('a', 'b'), or a list: in_list('NAME')")
        if len(literals) > MAX_LITERALS:
            self._refuse(
                node, f"IN has {len(literals):,} values and takes too long; at most {MAX_LITERALS:,} are "
                "allowed: use a list, in_list('NAME')",
            )  # fmt: skip
        if any(map(_is_text_literal, literals)) or isinstance(self.build(node.this), tree.TextOf):
            return self._among_texts(_without_parens(node.this), literals)
        values = {self._constant_number(one) for one in literals}
        return tree.NumberAmong(self._number(node.this), tuple(sorted(values)))

    def _constant_number(self, node: exp.Expression) -> float:
        value = _constant(self._number(node))
        if not isinstance(value, float):
            self._refuse(node, "IN has constants only; join comparisons by OR")
        return value

    def _among_texts(self, node: exp.Expression, literals: Sequence[exp.Expression]) -> tree.Truth:
        field = None if _is_text_literal(node) else self.build(node)
        if not isinstance(field, tree.TextOf):
            self._refuse(node, self._compared_with_text(node, field))
        values = {self._text_value(field.name, one) for one in literals}
        return tree.TextAmong(field, tuple(sorted(values)))

    def _compared_with_text(self, node: exp.Expression, field: tree.Node | None) -> str:
        if isinstance(field, tree.NumberOf) and field.name.is_time:
            return f"compare {field.name.name} with TIMESTAMP '2026-11-29 12:00'"
        if field is None:
            return "two texts are compared; one of them must be a field"
        return f"`{self._shown(node)}` is {_kind(field)} and is compared with a text"

    def _text_value(self, name: PaymentName, node: exp.Expression) -> str:
        if isinstance(node, exp.Null):
            self._null(node)
        if not _is_text_literal(node):
            self._refuse(node, f"{name.name} is a text; compare it with a text in single quotes")
        value = str(node.this)
        if name.type is FieldType.CURRENCY and not is_currency(value):
            self._refuse(node, f"'{value[:40]}' is no currency; write three capitals, as 'EUR'")
        if not value.isprintable() and any(0xD800 <= ord(letter) < 0xE000 for letter in value):
            self._refuse(node, "the text has half a character; write the whole one")
        return value

    def _between(self, node: exp.Expression) -> tree.Truth:
        if node.args.get("symmetric"):
            self._refuse(node, "BETWEEN SYMMETRIC is not part of predicates; write the lower number first")
        value = self._number(node.this)
        low, high = self._number(node.args["low"]), self._number(node.args["high"])
        return tree.AllOf((tree.NumberComparison(">=", value, low), tree.NumberComparison("<=", value, high)))

    def _is(self, node: exp.Expression) -> tree.Truth:
        if not isinstance(node.expression, exp.Null):
            self._refuse(node, "write IS NULL, IS NOT NULL or = TRUE")
        return tree.IsUnknown(self.build(node.this))

    def _function(self, node: exp.Expression) -> tree.Truth:
        name, operands = str(node.this), list(node.expressions)
        if name.lower() != "in_list":
            self._refuse(node, f"there is no function `{name[:40]}`")
        if not 1 <= len(operands) <= 2 or not _is_text_literal(operands[-1]):
            self._refuse(node, "write in_list('NAME') or in_list(FIELD, 'NAME')")
        found = self._list(operands[-1])
        field = self.build(operands[0]) if len(operands) == 2 else self._field_of(operands[-1], found)
        if not isinstance(field, tree.TextOf):
            self._refuse(node, "a list has ids, categories or currencies; name such a field")
        return tree.OnList(found.name, field)

    def _list(self, node: exp.Expression) -> PolicyList:
        name = str(node.this)
        if name not in self._lists:
            near = get_close_matches(name[:70], self._lists, n=1)
            advice = f"did you mean '{near[0]}'?" if near else "declare it under `lists`"
            self._refuse(node, f"the policy has no list '{name[:40]}'; {advice}")
        return self._lists[name]

    def _field_of(self, node: exp.Expression, found: PolicyList) -> tree.Node:
        name = self._names.get(found.field)
        if name is None or not name.is_text:
            self._refuse(node, f"the list {found.name} is of `{found.field}`, which is no text field")
        return tree.TextOf(name)

    # ---------------------------------------------------------------- errors

    def _refuse(self, node: exp.Expression, message: str) -> NoReturn:
        raise error_at(self._text, position_of(node), message)

    def _shown(self, node: exp.Expression) -> str:
        ends = [one.meta["end"] for one in node.walk() if "end" in one.meta]
        shown = self._text[position_of(node) : max(ends, default=len(self._text)) + 1]
        return shown if len(shown) <= 40 else f"{shown[:40]}..."


_BUILDERS: Mapping[type, Callable[[TreeBuilder, Any], tree.Node]] = {
    exp.Column: TreeBuilder._column,
    exp.Literal: TreeBuilder._literal,
    exp.Boolean: TreeBuilder._boolean,
    exp.Null: TreeBuilder._null,
    exp.Cast: TreeBuilder._moment,
    exp.Neg: TreeBuilder._negated,
    exp.Abs: TreeBuilder._absolute,
    exp.Coalesce: TreeBuilder._coalesce,
    exp.Least: TreeBuilder._least,
    exp.Greatest: TreeBuilder._greatest,
    exp.Case: TreeBuilder._case,
    exp.And: TreeBuilder._and,
    exp.Or: TreeBuilder._or,
    exp.Not: TreeBuilder._not,
    exp.In: TreeBuilder._among,
    exp.Between: TreeBuilder._between,
    exp.Is: TreeBuilder._is,
    exp.Anonymous: TreeBuilder._function,
}


def _chain(node: exp.Expression, kind: type) -> list[exp.Expression]:
    """The operands of a chain of ANDs or ORs, in their order."""
    found = []
    while isinstance(node, kind):
        found.append(node.expression)
        node = node.this
    return [node, *reversed(found)]


def _without_parens(node: exp.Expression) -> exp.Expression:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _is_text_literal(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _constant(node: tree.Number) -> Any:
    """The value of a number that nothing of the payment is part of; else None."""
    if any(isinstance(one, tree.NumberOf | tree.TruthOf | tree.TextOf) for one in tree.nodes_of(node)):
        return None
    return evaluate(node, _NO_PAYMENT)


_NO_PAYMENT: Any = None
"""Constants ask for none."""


def _kind(node: tree.Node) -> str:
    if isinstance(node, tree.Number):
        return "a number"
    return "a text" if isinstance(node, tree.TextOf) else "true or false"
