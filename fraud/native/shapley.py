"""SHAP values of a booster's trees by compiled code: those of XGBoost, in a small part of its time.

Path-dependent TreeSHAP (Lundberg et al. 2018), leaf by leaf instead of node by node. A leaf speaks for a row
as far as the row meets what the path asks of each feature; of a feature that it does not know, a leaf's share
is how much of the training data went its way. For one leaf of value v whose path asks something of d
features, let z be those shares, M the features whose demand the row meets, and Z the product of z over the
others. A feature of M then gets v (1 - z_i) Z Q(M without i), any other -v Z Q(M), where Q is the sum of the
coefficients of prod (z_j + t), each t^s weighted with s! (d - 1 - s)! / d!.

All of this depends on the row through M only. While all cases fit into memory, they are worked out beforehand
and looked up; see `fraud.native.shapley_table`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from fraud.native.forest import plain_trees, trial_rows
from fraud.native.jit import compiled, inlined
from fraud.native.leaves import Leaf, read_leaves
from fraud.native.shapley_table import Groups, add_leaf, group_leaves, look_up

Rows = npt.NDArray[np.float32]

_TOLERANCE = 1e-3
"""Of log-odds; XGBoost sums in single precision."""


class Leaves(NamedTuple):
    """Every leaf of every tree: its value, and what its path asks of each feature on it.

    The demands of leaf `i` are those from `begins[i]` to before `begins[i + 1]`: the feature lies in
    [`low`, `high`), or is unknown where `missing` says that the path takes that. `share` is z.
    """

    values: npt.NDArray[np.float64]
    begins: npt.NDArray[np.uint64]
    feature: npt.NDArray[np.uint64]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    missing: npt.NDArray[np.bool_]
    share: npt.NDArray[np.float64]


class Shapley:
    """Contributions of the features of a binary booster of plain trees."""

    def __init__(self, trees: Sequence[dict[str, Any]]) -> None:
        leaves = list(read_leaves(trees))
        self._leaves = _lay_out(leaves)
        self._weights = _weights(int(np.diff(self._leaves.begins).max(initial=np.uint64(1))))
        self._groups = group_leaves(leaves)
        self._parts = None if self._groups is None else _parts(self._leaves, self._weights, self._groups)

    def contributions(self, rows: Rows) -> Rows:
        """Each feature's share in the log-odds, shape (N, F), of feature rows of that shape."""
        shares, rows = np.zeros(rows.shape), np.ascontiguousarray(rows, dtype=np.float32)
        if self._parts is None:
            most = len(self._weights)
            _explain(self._leaves, self._weights, rows, shares, np.empty(most + 1), np.empty(most))
        else:
            columns = np.empty(2 * rows.shape[1], dtype=np.float32)
            look_up(self._groups, self._parts, rows, shares, columns)
        return shares.astype(np.float32)


def compile_shapley(booster: xgb.Booster) -> Shapley | None:
    """The booster's contributions; None when it is not of plain trees, or they are not XGBoost's."""
    trees = plain_trees(booster)
    if trees is None:
        return None
    shapley = Shapley(trees)
    rows = trial_rows(booster.num_features())[-16:]
    matrix = xgb.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    wanted = booster.predict(matrix, pred_contribs=True)[:, :-1]
    return shapley if np.allclose(shapley.contributions(rows), wanted, rtol=0, atol=_TOLERANCE) else None


def _lay_out(leaves: Sequence[Leaf]) -> Leaves:
    demands = [one for leaf in leaves for one in leaf.demands.values()]
    low, high, missing, share, _ = zip(*demands, strict=True) if demands else ((), (), (), (), ())
    return Leaves(
        np.array([leaf.value for leaf in leaves], dtype=np.float64),
        np.cumsum([0, *(len(leaf.demands) for leaf in leaves)], dtype=np.uint64),
        np.array([feature for leaf in leaves for feature in leaf.demands], dtype=np.uint64),
        np.array(low, dtype=np.float32),
        np.array(high, dtype=np.float32),
        np.array(missing, dtype=np.bool_),
        np.array(share, dtype=np.float64),
    )


def _weights(most: int) -> npt.NDArray[np.float64]:
    """`[d, s]` is s! (d - 1 - s)! / d!."""
    weights = np.zeros((most + 1, most + 1))
    for d in range(1, most + 1):
        weights[d, 0] = 1 / d
        for s in range(1, d):
            weights[d, s] = weights[d, s - 1] * s / (d - s)
    return weights


def _parts(leaves: Leaves, weights: npt.NDArray[np.float64], groups: Groups) -> npt.NDArray[np.float32]:
    parts, most = np.zeros(groups.case_begins[-1]), len(weights)
    own, product = np.empty((1 << (most - 1), most)), np.empty(most + 1)
    _tabulate(leaves, weights, groups, parts, own, product)
    return parts.astype(np.float32)


@compiled
def _tabulate(leaves, weights, groups, parts, own, product):  # type: ignore[no-untyped-def]
    """Work out every case of every leaf; `own` and `product` are room for those of one."""
    for group in range(len(groups.leaf_begins) - 1):
        for leaf in range(groups.leaf_begins[group], groups.leaf_begins[group + 1]):
            begin = np.int64(leaves.begins[leaf])
            count = np.int64(leaves.begins[leaf + 1]) - begin
            for met in range(1 << count):
                _divide(leaves, weights, leaf, met, product, own[met])
            add_leaf(groups, group, begin, count, own, parts)


@compiled
def _explain(leaves, weights, rows, shares, product, part):  # type: ignore[no-untyped-def]
    """The same without the cases; `product` and `part` are room to work in."""
    for leaf in range(len(leaves.values)):
        begin, end = leaves.begins[leaf], leaves.begins[leaf + 1]
        for row in range(len(rows)):
            met = np.int64(_met(leaves, begin, end, rows[row]))
            _divide(leaves, weights, leaf, met, product, part)
            for at in range(begin, end):
                shares[row, leaves.feature[at]] += part[at - begin]


@inlined
def _met(leaves, begin, end, row):  # type: ignore[no-untyped-def]
    """Which of a leaf's demands the row meets, a bit each."""
    met = np.uint64(0)
    for at in range(begin, end):
        x = row[leaves.feature[at]]
        is_met = (leaves.low[at] <= x) & (x < leaves.high[at]) | (x != x) & leaves.missing[at]
        met |= np.uint64(is_met) << (at - begin)
    return met


@inlined
def _divide(leaves, weights, leaf, met, product, part):  # type: ignore[no-untyped-def]
    """What each feature of a leaf gets of it; `product` is room to work in."""
    begin, end = np.int64(leaves.begins[leaf]), np.int64(leaves.begins[leaf + 1])
    count, rest = 0, leaves.values[leaf]
    product[0] = 1.0
    for at in range(begin, end):
        if met >> (at - begin) & 1:
            _multiply(product, count, leaves.share[at])
            count += 1
        else:
            rest *= leaves.share[at]
    weight = weights[end - begin]
    unmet = -rest * _weighted(product, count, weight)
    for at in range(begin, end):
        z = leaves.share[at]
        is_met = met >> (at - begin) & 1
        part[at - begin] = (
            rest * (1.0 - z) * _weighted_without(product, count, z, weight) if is_met else unmet
        )


@inlined
def _multiply(product, degree, z):  # type: ignore[no-untyped-def]
    """A polynomial of t, lowest power first, times (z + t), in place."""
    product[degree + 1] = product[degree]
    for power in range(degree, 0, -1):
        product[power] = product[power - 1] + z * product[power]
    product[0] *= z


@inlined
def _weighted(product, degree, weight):  # type: ignore[no-untyped-def]
    """The weighted sum of a polynomial's coefficients."""
    total = 0.0
    for power in range(degree + 1):
        total += product[power] * weight[power]
    return total


@inlined
def _weighted_without(product, degree, z, weight):  # type: ignore[no-untyped-def]
    """The same of the polynomial divided by (z + t)."""
    total, coefficient = 0.0, product[degree]
    for power in range(degree - 1, -1, -1):
        total += coefficient * weight[power]
        coefficient = product[power] - z * coefficient
    return total
