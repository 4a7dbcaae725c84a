"""SHAP values of boosted trees by compiled code: those of XGBoost, in a small part of its time.

Path-dependent TreeSHAP (Lundberg et al. 2018), leaf by leaf instead of node by node. Take one leaf of value v
whose path has conditions on d features. Let z_i be the share of the training data (XGBoost's cover) that met
the conditions on feature i, M the features whose conditions the row meets, and Z the product of z over the
others. A feature of M gets v (1 - z_i) Z Q(M without i), any other one -v Z Q(M), where Q is the sum of the
coefficients of prod (z_j + t), each t^s weighted with s! (d - 1 - s)! / d!.

All of this depends on the row through M only. So every M is computed beforehand, and a row looks its values
up; see `fraud.native.shapley_table`.

The same in plain Python is in `tests/fraud/native/tree_reference.py`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from fraud.native.forest import check_rows, supported_trees
from fraud.native.jit import compiled, inlined
from fraud.native.leaves import Leaf, read_leaves
from fraud.native.shapley_table import LeafGroups, add_contributions, add_leaf, group_leaves

Rows = npt.NDArray[np.float32]

_TOLERANCE = 1e-3
"""Log-odds; XGBoost sums in single precision."""
_CHECKED_ROWS = 16


class LeafArrays(NamedTuple):
    """Every leaf of every tree.

    Attributes:
        values: in log-odds, float64, shape (L,).
        starts: the conditions of leaf i are those from `starts[i]` to before `starts[i + 1]`.
        cover_shares: z of each condition, float64.
    """

    values: npt.NDArray[np.float64]
    starts: npt.NDArray[np.uint64]
    cover_shares: npt.NDArray[np.float64]


class Shapley:
    """Contributions of the features of a binary booster that `supported_trees` accepts."""

    def __init__(self, groups: LeafGroups, table: npt.NDArray[np.float32]) -> None:
        self._groups = groups
        self._table = table

    def contributions(self, rows: Rows) -> Rows:
        """Each feature's share of the log-odds, shape (N, F), of rows of that shape, NaN = unknown."""
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        contributions = np.zeros(rows.shape)
        columns = np.empty(2 * rows.shape[1], dtype=np.float32)
        add_contributions(self._groups, self._table, rows, contributions, columns)
        return contributions.astype(np.float32)


def compile_shapley(booster: xgb.Booster) -> Shapley | None:
    """The booster's contributions; None when it is not supported, too large, or they are not XGBoost's."""
    trees = supported_trees(booster)
    shapley = None if trees is None else shapley_of(trees)
    if shapley is None:
        return None
    rows = check_rows(booster.num_features())[:_CHECKED_ROWS]
    matrix = xgb.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    expected = booster.predict(matrix, pred_contribs=True)[:, :-1]
    return shapley if np.allclose(shapley.contributions(rows), expected, rtol=0, atol=_TOLERANCE) else None


def shapley_of(trees: Sequence[dict[str, Any]]) -> Shapley | None:
    """The contributions of trees as XGBoost's JSON has them; None when their table would be too large."""
    leaves = list(read_leaves(trees))
    groups = group_leaves(leaves)
    if groups is None:
        return None
    arrays = _leaf_arrays(leaves)
    max_conditions = int(np.diff(arrays.starts).max(initial=np.uint64(1)))
    table = np.zeros(groups.table_starts[-1])
    leaf_table = np.empty((1 << max_conditions, max_conditions))
    polynomial = np.empty(max_conditions + 1)
    _fill_table(arrays, _weights(max_conditions), groups, table, leaf_table, polynomial)
    return Shapley(groups, table.astype(np.float32))


def _leaf_arrays(leaves: Sequence[Leaf]) -> LeafArrays:
    conditions = [condition for leaf in leaves for condition in leaf.conditions.values()]
    return LeafArrays(
        values=np.array([leaf.value for leaf in leaves], dtype=np.float64),
        starts=np.cumsum([0, *(len(leaf.conditions) for leaf in leaves)], dtype=np.uint64),
        cover_shares=np.array([condition.cover_share for condition in conditions], dtype=np.float64),
    )


def _weights(max_conditions: int) -> npt.NDArray[np.float64]:
    """`[d, s]` is s! (d - 1 - s)! / d!."""
    weights = np.zeros((max_conditions + 1, max_conditions + 1))
    for d in range(1, max_conditions + 1):
        weights[d, 0] = 1 / d
        for s in range(1, d):
            weights[d, s] = weights[d, s - 1] * s / (d - s)
    return weights


@compiled
def _fill_table(leaves, weights, groups, table, leaf_table, polynomial):  # type: ignore[no-untyped-def]
    """Add the contributions of every leaf to the table, for every outcome of its group's splits.

    Args:
        leaves: `LeafArrays`.
        weights: of `_weights`.
        groups: `LeafGroups`.
        table: float64, shape (groups.table_starts[-1],); added to.
        leaf_table: scratch space, shape (2^d, d) for the largest d: one leaf by which conditions are met.
        polynomial: scratch space, shape (d + 1,).
    """
    for group in range(len(groups.leaf_starts) - 1):
        for leaf in range(groups.leaf_starts[group], groups.leaf_starts[group + 1]):
            start = np.int64(leaves.starts[leaf])
            count = np.int64(leaves.starts[leaf + 1]) - start
            for met in range(1 << count):
                _leaf_contributions(leaves, weights, leaf, met, polynomial, leaf_table[met])
            add_leaf(groups, group, start, count, leaf_table, table)


@inlined
def _leaf_contributions(leaves, weights, leaf, met, polynomial, contributions):  # type: ignore[no-untyped-def]
    """Set what each feature on a leaf's path contributes; `met` has a bit for each condition that is met."""
    start, end = np.int64(leaves.starts[leaf]), np.int64(leaves.starts[leaf + 1])
    degree, factor = 0, leaves.values[leaf]
    polynomial[0] = 1.0
    for condition in range(start, end):
        if met >> (condition - start) & 1:
            _multiply(polynomial, degree, leaves.cover_shares[condition])
            degree += 1
        else:
            factor *= leaves.cover_shares[condition]
    weight = weights[end - start]
    if_unmet = -factor * _weighted_sum(polynomial, degree, weight)
    for condition in range(start, end):
        z = leaves.cover_shares[condition]
        is_met = met >> (condition - start) & 1
        contributions[condition - start] = (
            factor * (1.0 - z) * _weighted_sum_without(polynomial, degree, z, weight) if is_met else if_unmet
        )


@inlined
def _multiply(polynomial, degree, z):  # type: ignore[no-untyped-def]
    """Multiply a polynomial of t, lowest power first, by (z + t), in place."""
    polynomial[degree + 1] = polynomial[degree]
    for power in range(degree, 0, -1):
        polynomial[power] = polynomial[power - 1] + z * polynomial[power]
    polynomial[0] *= z


@inlined
def _weighted_sum(polynomial, degree, weight):  # type: ignore[no-untyped-def]
    """The weighted sum of a polynomial's coefficients."""
    total = 0.0
    for power in range(degree + 1):
        total += polynomial[power] * weight[power]
    return total


@inlined
def _weighted_sum_without(polynomial, degree, z, weight):  # type: ignore[no-untyped-def]
    """The weighted sum of the coefficients of the polynomial divided by (z + t)."""
    total, coefficient = 0.0, polynomial[degree]
    for power in range(degree - 1, -1, -1):
        total += coefficient * weight[power]
        coefficient = polynomial[power] - z * coefficient
    return total
