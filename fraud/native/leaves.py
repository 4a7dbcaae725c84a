"""The leaves of a booster's trees, and what their paths ask of a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

MOST_NODES = 8
"""Above and below the top of a group of several leaves."""

_NONE = -1


class Question(NamedTuple):
    """Of a node: a row goes right if `feature` is not below `threshold`, or unknown and `missing_right`."""

    feature: int
    threshold: float
    missing_right: bool


class Demand(NamedTuple):
    """What a path asks of one feature: [`low`, `high`), or unknown where `missing`.

    `share` is how much of the training data met it; `turns` are the path's questions about it, and whether
    the path goes right there.
    """

    low: float
    high: float
    missing: bool
    share: float
    turns: dict[Question, bool]


@dataclass(frozen=True)
class Leaf:
    """A leaf's value, its demands by feature, and the node at the top of its group."""

    value: float
    demands: dict[int, Demand]
    group: int


def read_leaves(trees: Sequence[dict[str, Any]]) -> Iterator[Leaf]:
    """Every leaf; those of a group one after the other."""
    first = 0
    for tree in trees:
        inner = _inner_nodes(tree)
        waiting: list[tuple[int, int, int, dict[int, Demand]]] = [(0, 0, _NONE, {})]
        while waiting:
            node, depth, top, path = waiting.pop()
            if top == _NONE and (depth + inner[node] <= MOST_NODES or not inner[node]):
                top = first + node
            if inner[node]:
                waiting += ((one, depth + 1, top, asked) for one, asked in _children(tree, node, path))
            else:
                yield Leaf(tree["split_conditions"][node], path, top)
        first += len(tree["left_children"])


def _inner_nodes(tree: dict[str, Any]) -> list[int]:
    """How many nodes that are not leaves each node has at and below it."""
    inner = [0] * len(tree["left_children"])
    order, children = [0], [tree["left_children"], tree["right_children"]]
    for node in order:
        order += [side[node] for side in children if side[node] != _NONE]
    for node in reversed(order):
        if children[0][node] != _NONE:
            inner[node] = 1 + sum(inner[side[node]] for side in children)
    return inner


def _children(
    tree: dict[str, Any], node: int, path: dict[int, Demand]
) -> Iterator[tuple[int, dict[int, Demand]]]:
    """Both children of a node, each with what its path asks."""
    feature, bound = tree["split_indices"][node], tree["split_conditions"][node]
    before = path.get(feature, Demand(-np.inf, np.inf, missing=True, share=1.0, turns={}))
    is_left_default = bool(tree["default_left"][node])
    question = Question(feature, bound, not is_left_default)
    for goes_right, side in enumerate(("left_children", "right_children")):
        child = tree[side][node]
        asked = Demand(
            max(before.low, bound) if goes_right else before.low,
            before.high if goes_right else min(before.high, bound),
            before.missing and is_left_default != bool(goes_right),
            before.share * tree["sum_hessian"][child] / tree["sum_hessian"][node],
            before.turns | {question: bool(goes_right)},
        )
        yield child, path | {feature: asked}
