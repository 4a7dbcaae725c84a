"""What the compiled forest and SHAP table compute, in plain Python, from trees as XGBoost's JSON has them."""

from collections.abc import Sequence
from itertools import combinations
from math import factorial, isnan
from typing import Any

import numpy as np
import numpy.typing as npt

Tree = dict[str, Any]
Row = npt.NDArray[np.float32]
_NO_CHILD = -1


def is_leaf(tree: Tree, node: int) -> bool:
    """Whether a node has no children."""
    return bool(tree["left_children"][node] == _NO_CHILD)


def child_of(tree: Tree, node: int, value: float) -> int:
    """The child to which a row with this value of the node's feature goes."""
    goes_left = (
        tree["default_left"][node] if isnan(value) else value < np.float32(tree["split_conditions"][node])
    )
    side = "left_children" if goes_left else "right_children"
    return int(tree[side][node])


def margin(trees: Sequence[Tree], base_margin: np.float32, row: Row) -> np.float32:
    """The sum of the leaves that a row reaches, in single precision, tree after tree."""
    total = base_margin
    for tree in trees:
        node = 0
        while not is_leaf(tree, node):
            node = child_of(tree, node, row[tree["split_indices"][node]])
        total += np.float32(tree["split_conditions"][node])
    return total


def expected_value(tree: Tree, row: Row, known: frozenset[int], node: int = 0) -> float:
    """What a tree predicts where only some features are known, the others averaged out by the cover."""
    if is_leaf(tree, node):
        return float(np.float32(tree["split_conditions"][node]))
    feature = tree["split_indices"][node]
    if feature in known:
        return expected_value(tree, row, known, child_of(tree, node, row[feature]))
    children = [tree[side][node] for side in ("left_children", "right_children")]
    shares = [float(tree["sum_hessian"][child]) / tree["sum_hessian"][node] for child in children]
    values = [expected_value(tree, row, known, child) for child in children]
    return float(np.dot(shares, values))


def shap_values(trees: Sequence[Tree], row: Row) -> list[float]:
    """Each feature's Shapley value: its mean contribution over all orders in which features become known."""
    features, values = range(len(row)), [0.0] * len(row)
    for feature in features:
        others = [other for other in features if other != feature]
        for size in range(len(row)):
            weight = factorial(size) * factorial(len(row) - 1 - size) / factorial(len(row))
            for known in map(frozenset, combinations(others, size)):
                values[feature] += weight * sum(
                    expected_value(tree, row, known | {feature}) - expected_value(tree, row, known)
                    for tree in trees
                )
    return values
