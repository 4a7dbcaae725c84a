"""Predicates of SQL text, checked against the definitions."""

from collections.abc import Mapping

from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.building import TreeBuilder
from fraud.decisions.predicates.syntax import error_at, parse_syntax, position_of
from fraud.decisions.predicates.tree import Leaf, Number, Predicate, TextOf, nodes_of
from fraud.definitions.definitions import Definitions

MAX_OPERATIONS = 200


def parse_predicate(definitions: Definitions, text: str, lists: Mapping[str, PolicyList]) -> Predicate:
    """The predicate of a rule or a segment.

    Args:
        definitions: whose fields and features it may name.
        text: a SQL condition.
        lists: those of the policy by name.

    Raises:
        PredicateError: it cannot be used; says where and what to do.
    """
    syntax = parse_syntax(text)
    try:
        root = TreeBuilder(definitions, text, lists).build(syntax)
    except RecursionError:
        raise error_at(text, 0, "is nested too deeply; divide it into several rules") from None
    start = position_of(syntax)
    if isinstance(root, TextOf | Number):
        kind = "a text" if isinstance(root, TextOf) else "a number"
        raise error_at(text, start, f"is {kind}, not a condition; compare it, as in amount > 100")
    operations = sum(not isinstance(one, Leaf) for one in nodes_of(root))
    if operations > MAX_OPERATIONS:
        raise error_at(
            text, start,
            f"has {operations} operations and takes too long; at most {MAX_OPERATIONS} are allowed: use IN, "
            "a list, or several rules",
        )  # fmt: skip
    return Predicate(text, root)
