"""The leaves of a booster's trees, and the conditions that their paths put on a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_SPLITS = 8
"""Of a group of several leaves: the splits above its top node, and those at and below it."""

_NONE = -1


class TreeSplit(NamedTuple):
    """Of a node: a row goes right if `feature` is not below `threshold`, or unknown and `missing_right`."""

    feature: int
    threshold: float
    missing_right: bool


class PathCondition(NamedTuple):
    """What a path requires of one feature.

    Attributes:
        cover_share: the share of the training data that met it, of what reached the splits concerned.
        directions: the path's splits on the feature, each with whether the path goes right there.
    """

    cover_share: float
    directions: dict[TreeSplit, bool]


@dataclass(frozen=True)
class Leaf:
    """A leaf.

    Attributes:
        value: in log-odds.
        conditions: of its path, by feature.
        group: the number of the node at the top of its group, counted over all trees.
    """

    value: float
    conditions: dict[int, PathCondition]
    group: int


def read_leaves(trees: Sequence[dict[str, Any]]) -> Iterator[Leaf]:
    """Every leaf of trees as XGBoost's JSON has them; the leaves of a group one after the other."""
    first = 0
    for tree in trees:
        splits_below = _splits_below(tree)
        stack: list[tuple[int, int, int, dict[int, PathCondition]]] = [(0, 0, _NONE, {})]
        while stack:
            node, depth, top, path = stack.pop()
            if top == _NONE and (depth + splits_below[node] <= MAX_SPLITS or not splits_below[node]):
                top = first + node
            if splits_below[node]:
                stack += ((child, depth + 1, top, longer) for child, longer in _children(tree, node, path))
            else:
                yield Leaf(tree["split_conditions"][node], path, top)
        first += len(tree["left_children"])


def _splits_below(tree: dict[str, Any]) -> list[int]:
    """How many nodes that are not leaves are at and below each node."""
    splits = [0] * len(tree["left_children"])
    order, children = [0], [tree["left_children"], tree["right_children"]]
    for node in order:
        order += [side[node] for side in children if side[node] != _NONE]
    for node in reversed(order):
        if children[0][node] != _NONE:
            splits[node] = 1 + sum(splits[side[node]] for side in children)
    return splits


def _children(
    tree: dict[str, Any], node: int, path: dict[int, PathCondition]
) -> Iterator[tuple[int, dict[int, PathCondition]]]:
    """Both children of a node, each with the conditions of its path."""
    feature = tree["split_indices"][node]
    before = path.get(feature, PathCondition(cover_share=1.0, directions={}))
    split = TreeSplit(feature, tree["split_conditions"][node], not tree["default_left"][node])
    for goes_right, side in enumerate(("left_children", "right_children")):
        child = tree[side][node]
        condition = PathCondition(
            before.cover_share * tree["sum_hessian"][child] / tree["sum_hessian"][node],
            before.directions | {split: bool(goes_right)},
        )
        yield child, path | {feature: condition}
