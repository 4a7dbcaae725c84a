"""SHAP values of a booster's trees by compiled code: those of XGBoost, in a small part of its time.

Path-dependent TreeSHAP (Lundberg et al. 2018), leaf by leaf instead of node by node. A leaf speaks for a row
as far as the row meets what the path asks of each feature; of a feature that it does not know, a leaf's share
is how much of the training data went its way. For one leaf of value v whose path asks something of d
features, let z be those shares, M the features whose demand the row meets, and Z the product of z over the
others. A feature of M then gets v (1 - z_i) Z Q(M without i), any other -v Z Q(M), where Q is the sum of the
coefficients of prod (z_j + t), each t^s weighted with s! (d - 1 - s)! / d!.

All of this depends on the row through M only, and d demands have 2^d cases. While they fit into memory, they
are worked out beforehand (as Fast TreeSHAP does, Yang 2021) and looked up.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import xgboost as xgb

from serving.forest import plain_trees, trial_rows

Rows = npt.NDArray[np.float32]

_TOLERANCE = 1e-3
"""Of log-odds; XGBoost sums in single precision."""

_LEAF = -1
_MOST_CASES = 2**24
"""Numbers, four bytes each; with more, each row is worked out by itself."""


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


class Cases(NamedTuple):
    """For every leaf and every set of demands that a row may meet, what each of the leaf's features gets.

    Those of leaf `i` begin at `begins[i]`: d numbers for each of 2^d sets, whose number has a bit for each
    demand that is met.
    """

    begins: npt.NDArray[np.uint64]
    parts: npt.NDArray[np.float32]


class Demand(NamedTuple):
    """What a path asks of one feature."""

    low: float
    high: float
    missing: bool
    share: float


class Shapley:
    """Contributions of the features of a binary booster of plain trees."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._weights = _weights(int(np.diff(leaves.begins).max(initial=np.uint64(1))))
        self._cases = _cases(leaves, self._weights)

    def contributions(self, rows: Rows) -> Rows:
        """Each feature's share in the log-odds, shape (N, F), of feature rows of that shape."""
        shares, rows = np.zeros(rows.shape), np.ascontiguousarray(rows, dtype=np.float32)
        if self._cases is None:
            _explain(self._leaves, self._weights, rows, shares)
        else:
            _look_up(self._leaves, self._cases, rows, shares)
        return shares.astype(np.float32)


def compile_shapley(booster: xgb.Booster) -> Shapley | None:
    """The booster's contributions; None when it is not of plain trees, or they are not XGBoost's."""
    trees = plain_trees(booster)
    if trees is None:
        return None
    shapley = Shapley(_lay_out(trees))
    rows = trial_rows(booster.num_features())[-16:]
    matrix = xgb.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    wanted = booster.predict(matrix, pred_contribs=True)[:, :-1]
    return shapley if np.allclose(shapley.contributions(rows), wanted, rtol=0, atol=_TOLERANCE) else None


def _lay_out(trees: list[dict[str, Any]]) -> Leaves:
    values: list[float] = []
    begins = [0]
    features: list[int] = []
    demands: list[Demand] = []
    for tree in trees:
        waiting: list[tuple[int, dict[int, Demand]]] = [(0, {})]
        while waiting:
            node, path = waiting.pop()
            if tree["left_children"][node] == _LEAF:
                values.append(tree["split_conditions"][node])
                features += path.keys()
                demands += path.values()
                begins.append(len(features))
            else:
                waiting += _children(tree, node, path)
    low, high, missing, share = zip(*demands, strict=True) if demands else ((), (), (), ())
    return Leaves(
        np.array(values, dtype=np.float64),
        np.array(begins, dtype=np.uint64),
        np.array(features, dtype=np.uint64),
        np.array(low, dtype=np.float32),
        np.array(high, dtype=np.float32),
        np.array(missing, dtype=np.bool_),
        np.array(share, dtype=np.float64),
    )


def _children(
    tree: dict[str, Any], node: int, path: dict[int, Demand]
) -> list[tuple[int, dict[int, Demand]]]:
    """Both children of a node, each with what its path asks."""
    feature, bound = tree["split_indices"][node], tree["split_conditions"][node]
    left, right = tree["left_children"][node], tree["right_children"][node]
    is_left_default, covers = bool(tree["default_left"][node]), tree["sum_hessian"]
    before = path.get(feature, Demand(-np.inf, np.inf, missing=True, share=1.0))
    to_left, to_right = (before.share * covers[child] / covers[node] for child in (left, right))
    below = Demand(before.low, min(before.high, bound), before.missing and is_left_default, to_left)
    above = Demand(max(before.low, bound), before.high, before.missing and not is_left_default, to_right)
    return [(left, path | {feature: below}), (right, path | {feature: above})]


def _weights(most: int) -> npt.NDArray[np.float64]:
    """`[d, s]` is s! (d - 1 - s)! / d!."""
    weights = np.zeros((most + 1, most + 1))
    for d in range(1, most + 1):
        weights[d, 0] = 1 / d
        for s in range(1, d):
            weights[d, s] = weights[d, s - 1] * s / (d - s)
    return weights


def _cases(leaves: Leaves, weights: npt.NDArray[np.float64]) -> Cases | None:
    """None: there would be too many."""
    demands = np.diff(leaves.begins).astype(np.int64)
    sizes = demands * 2.0**demands
    if sizes.sum() > _MOST_CASES:
        return None
    begins = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
    parts = np.empty(begins[-1], dtype=np.float32)
    _tabulate(leaves, weights, begins, parts)
    return Cases(begins, parts)


@numba.njit(cache=True, nogil=True)
def _tabulate(leaves, weights, begins, parts):  # type: ignore[no-untyped-def]
    """Work out every case."""
    product, part = np.empty(weights.shape[0] + 1), np.empty(weights.shape[0])
    for leaf in range(len(leaves.values)):
        count = np.int64(leaves.begins[leaf + 1] - leaves.begins[leaf])
        for met in range(1 << count):
            _divide(leaves, weights, leaf, met, product, part)
            begin = np.int64(begins[leaf]) + met * count
            for number in range(count):
                parts[begin + number] = part[number]


@numba.njit(cache=True, nogil=True)
def _look_up(leaves, cases, rows, shares):  # type: ignore[no-untyped-def]
    """Add each leaf's part to each row's contributions; a leaf's cases stay in the cache for all rows."""
    for leaf in range(len(leaves.values)):
        begin, end = leaves.begins[leaf], leaves.begins[leaf + 1]
        for row in range(len(rows)):
            case = cases.begins[leaf] + _met(leaves, begin, end, rows[row]) * (end - begin)
            for at in range(begin, end):
                shares[row, leaves.feature[at]] += cases.parts[case + at - begin]


@numba.njit(cache=True, nogil=True)
def _explain(leaves, weights, rows, shares):  # type: ignore[no-untyped-def]
    """The same without the cases."""
    product, part = np.empty(weights.shape[0] + 1), np.empty(weights.shape[0])
    for leaf in range(len(leaves.values)):
        begin, end = leaves.begins[leaf], leaves.begins[leaf + 1]
        for row in range(len(rows)):
            met = np.int64(_met(leaves, begin, end, rows[row]))
            _divide(leaves, weights, leaf, met, product, part)
            for at in range(begin, end):
                shares[row, leaves.feature[at]] += part[at - begin]


@numba.njit(cache=True, nogil=True, inline="always")
def _met(leaves, begin, end, row):  # type: ignore[no-untyped-def]
    """Which of a leaf's demands the row meets, a bit each."""
    met = np.uint64(0)
    for at in range(begin, end):
        x = row[leaves.feature[at]]
        is_met = (leaves.low[at] <= x) & (x < leaves.high[at]) | (x != x) & leaves.missing[at]
        met |= np.uint64(is_met) << (at - begin)
    return met


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True, inline="always")
def _multiply(product, degree, z):  # type: ignore[no-untyped-def]
    """A polynomial of t, lowest power first, times (z + t), in place."""
    product[degree + 1] = product[degree]
    for power in range(degree, 0, -1):
        product[power] = product[power - 1] + z * product[power]
    product[0] *= z


@numba.njit(cache=True, nogil=True, inline="always")
def _weighted(product, degree, weight):  # type: ignore[no-untyped-def]
    """The weighted sum of a polynomial's coefficients."""
    total = 0.0
    for power in range(degree + 1):
        total += product[power] * weight[power]
    return total


@numba.njit(cache=True, nogil=True, inline="always")
def _weighted_without(product, degree, z, weight):  # type: ignore[no-untyped-def]
    """The same of the polynomial divided by (z + t)."""
    total, coefficient = 0.0, product[degree]
    for power in range(degree - 1, -1, -1):
        total += coefficient * weight[power]
        coefficient = product[power] - z * coefficient
    return total
