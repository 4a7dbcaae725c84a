"""Margins of boosted trees by compiled code: bit for bit those of XGBoost, in a quarter of the time.

XGBoost walks row by row through trees that also serve its training. Here a block of rows descends one small
tree level by level, so that the tree stays in the cache and the steps of different rows overlap. Siblings are
adjacent and a leaf is its own child, which leaves no branch to mispredict. Every feature has two columns, its
unknown values as NaN in one and as infinity in the other: a node reads the column whose unknown values go to
its default side, and needs no test for them.

The top levels of a tree have few nodes and every row passes them. There each node is compared with all rows,
which the processor does for many rows at once.

The same in plain Python is in `tests/fraud/native/tree_reference.py`.
"""

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from fraud.native.jit import compiled, inlined

Rows = npt.NDArray[np.float32]
_BLOCK_ROWS = 64
_TOP_LEVELS = 3
"""With each level, twice as many nodes are compared with all rows."""
_NO_CHILD = -1
_COLUMN_BITS = np.uint32(10)
_COLUMN_MASK = np.uint32((1 << 10) - 1)

_Node = tuple[float, int, int, float]
"""Threshold, column, index of the first child, value."""


class Trees(NamedTuple):
    """All nodes of all trees, level by level; the children of a node are adjacent.

    Attributes:
        threshold: a row goes right where its value is not below; NaN at a leaf, so that every row goes left.
        child_and_column: the index of the left child above `_COLUMN_BITS`, and the column to compare below
            them: f for feature f where unknown goes left, F + f where it goes right. A leaf is its own child.
        value: of a leaf, in log-odds; 0 elsewhere.
        roots: the first node of each tree.
        top_ends: the first node below the top levels of each tree.
        lower_levels: how many levels each tree has below the top ones.

    Indices are unsigned: of signed ones numba would test whether they count from the end, at twice the cost.
    """

    threshold: npt.NDArray[np.float32]
    child_and_column: npt.NDArray[np.uint32]
    value: npt.NDArray[np.float32]
    roots: npt.NDArray[np.uint32]
    top_ends: npt.NDArray[np.uint32]
    lower_levels: npt.NDArray[np.uint32]


class Forest:
    """Margins of a binary booster that `supported_trees` accepts.

    Attributes:
        base_margin: the intercept, in log-odds.
    """

    def __init__(self, trees: Trees, base_margin: np.float32) -> None:
        self._trees = trees
        self.base_margin = base_margin

    def margin(self, rows: Rows) -> Rows:
        """Log-odds, shape (N,), of feature rows, shape (N, F), NaN = unknown."""
        margins = np.full(len(rows), self.base_margin, dtype=np.float32)
        nodes = np.empty(_BLOCK_ROWS, dtype=np.uint32)
        columns = np.empty((2 * rows.shape[1], _BLOCK_ROWS), dtype=np.float32)
        _add_margins(self._trees, np.ascontiguousarray(rows, dtype=np.float32), margins, nodes, columns)
        return margins


def compile_forest(booster: xgb.Booster) -> Forest | None:
    """The booster's forest; None when it is not supported, too large, or a margin differs by a bit."""
    learner = _learner(booster)
    if not _is_supported(learner):
        return None
    trees = _flatten(_trees(learner), booster.num_features())
    if trees is None:
        return None
    rows = check_rows(booster.num_features())
    expected = booster.inplace_predict(rows, predict_type="margin")
    for base_margin in _base_margins(learner):
        forest = Forest(trees, base_margin)
        if np.array_equal(forest.margin(rows), expected):
            return forest
    return None


def supported_trees(booster: xgb.Booster) -> list[dict[str, Any]] | None:
    """The booster's trees as XGBoost's JSON has them; None when they do not determine its margins alone.

    Supported is `gbtree` with `binary:logistic` and without categorical splits.
    """
    learner = _learner(booster)
    return _trees(learner) if _is_supported(learner) else None


def check_rows(features: int) -> Rows:
    """Rows on which compiled code has to agree with XGBoost, shape (528, features), every fifth value NaN."""
    random = np.random.Generator(np.random.PCG64(1_618))
    rows = random.lognormal(mean=3.0, sigma=3.0, size=(528, features)).astype(np.float32)
    rows[random.random(rows.shape) < 0.2] = np.nan
    rows[:, ::7] = np.round(rows[:, ::7])
    return rows


def _learner(booster: xgb.Booster) -> dict[str, Any]:
    learner: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))["learner"]
    return learner


def _trees(learner: dict[str, Any]) -> list[dict[str, Any]]:
    trees: list[dict[str, Any]] = learner["gradient_booster"]["model"]["trees"]
    return trees


def _is_supported(learner: dict[str, Any]) -> bool:
    booster = learner["gradient_booster"]
    return (
        booster["name"] == "gbtree"
        and learner["objective"]["name"] == "binary:logistic"
        and not any(any(tree["split_type"]) for tree in booster["model"]["trees"])
    )


def _base_margins(learner: dict[str, Any]) -> list[np.float32]:
    """The intercept in log-odds; how XGBoost rounds it is not documented, hence the adjacent numbers."""
    probability = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
    margin = -np.log(np.float32(1) / probability - np.float32(1), dtype=np.float32)
    down, up = np.nextafter(margin, np.array([-np.inf, np.inf], dtype=np.float32))
    return [margin, down, up]


def _flatten(trees: list[dict[str, Any]], features: int) -> Trees | None:
    """The trees as arrays; None when `child_and_column` has too few bits for the features or nodes."""
    nodes: list[_Node] = []
    roots, top_ends, lower_levels = [], [], []
    for tree in trees:
        roots.append(len(nodes))
        level_sizes = _append_levels(tree, features, nodes)
        top_ends.append(len(nodes) - sum(level_sizes[_TOP_LEVELS:]))
        lower_levels.append(max(0, len(level_sizes) - 1 - _TOP_LEVELS))
    if 2 * features > _COLUMN_MASK or len(nodes) >= 1 << (32 - _COLUMN_BITS):
        return None
    threshold, column, first_child, value = zip(*nodes, strict=True)
    return Trees(
        np.array(threshold, dtype=np.float32),
        np.array(first_child, dtype=np.uint32) << _COLUMN_BITS | np.array(column, dtype=np.uint32),
        np.array(value, dtype=np.float32),
        np.array(roots, dtype=np.uint32),
        np.array(top_ends, dtype=np.uint32),
        np.array(lower_levels, dtype=np.uint32),
    )


def _append_levels(tree: dict[str, Any], features: int, nodes: list[_Node]) -> list[int]:
    """Append a tree's nodes level by level; returns how many each level has."""
    level, sizes = [0], []
    while level:
        sizes.append(len(level))
        children = len(nodes) + len(level)
        next_level: list[int] = []
        for node in level:
            left, condition = tree["left_children"][node], tree["split_conditions"][node]
            if left == _NO_CHILD:
                nodes.append((np.nan, 0, len(nodes), condition))
                continue
            column = tree["split_indices"][node] + (0 if tree["default_left"][node] else features)
            nodes.append((condition, column, children + len(next_level), 0.0))
            next_level += [left, tree["right_children"][node]]
        level = next_level
    return sizes


@compiled
def _add_margins(trees, rows, margins, nodes, columns):  # type: ignore[no-untyped-def]
    """Add each tree's leaf to each row's margin, tree after tree, as XGBoost sums them.

    Args:
        trees: `Trees`.
        rows: float32, shape (N, F).
        margins: float32, shape (N,); added to.
        nodes: scratch space, uint32, shape (_BLOCK_ROWS,): the node that each row of a block has reached.
        columns: scratch space, float32, shape (2 * F, _BLOCK_ROWS); see `_fill_columns`.
    """
    for start in range(0, len(rows), _BLOCK_ROWS):
        size = min(_BLOCK_ROWS, len(rows) - start)
        _fill_columns(rows[start : start + size], columns)
        for tree in range(len(trees.roots)):
            _descend_top_levels(trees, tree, columns, nodes, size)
            for _ in range(trees.lower_levels[tree]):
                for row in range(size):
                    node = nodes[row]
                    packed = trees.child_and_column[node]
                    goes_right = columns[packed & _COLUMN_MASK, row] >= trees.threshold[node]
                    nodes[row] = (packed >> _COLUMN_BITS) + np.uint32(goes_right)
            for row in range(size):
                margins[start + row] += trees.value[nodes[row]]


@inlined
def _descend_top_levels(trees, tree, columns, nodes, size):  # type: ignore[no-untyped-def]
    """Set `nodes` to where each row leaves a tree's top levels, or to the leaf that it reaches there."""
    for row in range(size):
        nodes[row] = trees.roots[tree]
    for node in range(trees.roots[tree], trees.top_ends[tree]):
        packed = trees.child_and_column[node]
        column = columns[packed & _COLUMN_MASK]
        _descend_from(np.uint32(node), packed >> _COLUMN_BITS, column, trees.threshold[node], nodes, size)


@inlined
def _descend_from(node, first_child, column, threshold, nodes, size):  # type: ignore[no-untyped-def]
    """Move the rows that are at `node` to one of its children."""
    for row in range(size):
        nodes[row] = first_child + np.uint32(column[row] >= threshold) if nodes[row] == node else nodes[row]


@inlined
def _fill_columns(rows, columns):  # type: ignore[no-untyped-def]
    """Each feature's column with its unknown values as NaN, and again with infinity in their place."""
    features = rows.shape[1]
    for row in range(len(rows)):
        for feature in range(features):
            x = rows[row, feature]
            columns[feature, row] = x
            columns[features + feature, row] = np.float32(np.inf) if x != x else x
