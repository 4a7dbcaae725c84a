"""SHAP values computed beforehand: a row's contributions depend only on its direction at each split.

A table of all outcomes is Fast TreeSHAP's idea (Yang 2021), there for each leaf. Here leaves that share most
of their path form a group: the splits above and between them have few enough outcomes together that one
look-up serves all leaves of the group.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from fraud.native.jit import compiled, inlined
from fraud.native.leaves import Leaf, TreeSplit

_Value = TypeVar("_Value")

_MAX_ENTRIES = 2**25
"""Of a table, four bytes each; a model that needs more has no table."""


class LeafGroups(NamedTuple):
    """Groups of leaves; the leaves, splits, features and table of group g start at `..._starts[g]`.

    An outcome is a number with a bit for each split of the group, set where a row goes right. The table has
    a contribution for each outcome and feature of the group, the features of an outcome side by side.

    Attributes:
        column: of each split, what it compares: the features' values, each twice, with NaN and with infinity
            where unknown.
        threshold: of each split; a row goes right where the column is not below.
        features: of each group.
        mask: of each condition of each leaf, the splits that it is about.
        expected: of each condition, the outcome under `mask` that meets it.
        feature_index: of each condition, which of its group's features it is about.
    """

    leaf_starts: npt.NDArray[np.uint64]
    split_starts: npt.NDArray[np.uint64]
    feature_starts: npt.NDArray[np.uint64]
    table_starts: npt.NDArray[np.uint64]
    column: npt.NDArray[np.uint64]
    threshold: npt.NDArray[np.float32]
    features: npt.NDArray[np.uint64]
    mask: npt.NDArray[np.uint64]
    expected: npt.NDArray[np.uint64]
    feature_index: npt.NDArray[np.uint64]


@dataclass
class _GroupLists:
    """What `LeafGroups` has, as lists; `conditions` are (mask, expected, feature_index)."""

    splits: list[list[TreeSplit]] = field(default_factory=list)
    features: list[list[int]] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)
    conditions: list[tuple[int, int, int]] = field(default_factory=list)


def group_leaves(leaves: Iterable[Leaf]) -> LeafGroups | None:
    """Groups of consecutive leaves with the same `group`; None: their table would be too large."""
    lists = _GroupLists()
    for _, members in groupby(leaves, key=lambda leaf: leaf.group):
        _append(lists, list(members))
    sizes = [
        len(features) << len(splits) for splits, features in zip(lists.splits, lists.features, strict=True)
    ]
    if sum(sizes) > _MAX_ENTRIES:
        return None
    splits = [*chain.from_iterable(lists.splits)]
    conditions = np.array(lists.conditions, dtype=np.uint64).reshape(-1, 3)
    return LeafGroups(
        leaf_starts=_starts(lists.leaves),
        split_starts=_starts(map(len, lists.splits)),
        feature_starts=_starts(map(len, lists.features)),
        table_starts=_starts(sizes),
        column=np.array([2 * split.feature + split.missing_right for split in splits], dtype=np.uint64),
        threshold=np.array([split.threshold for split in splits], dtype=np.float32),
        features=np.array([*chain.from_iterable(lists.features)], dtype=np.uint64),
        mask=conditions[:, 0].copy(),
        expected=conditions[:, 1].copy(),
        feature_index=conditions[:, 2].copy(),
    )


def _append(lists: _GroupLists, members: Sequence[Leaf]) -> None:
    conditions = [condition for leaf in members for condition in leaf.conditions.values()]
    bits = {split: 1 << bit for bit, split in enumerate(_distinct(one.directions for one in conditions))}
    indices = {feature: index for index, feature in enumerate(_distinct(leaf.conditions for leaf in members))}
    lists.splits.append([*bits])
    lists.features.append([*indices])
    lists.leaves.append(len(members))
    for leaf in members:
        for feature, condition in leaf.conditions.items():
            mask = sum(bits[split] for split in condition.directions)
            expected = sum(bits[split] for split, goes_right in condition.directions.items() if goes_right)
            lists.conditions.append((mask, expected, indices[feature]))


def _distinct(parts: Iterable[Iterable[_Value]]) -> Iterable[_Value]:
    return dict.fromkeys(chain.from_iterable(parts))


def _starts(sizes: Iterable[int]) -> npt.NDArray[np.uint64]:
    return np.array([*accumulate(sizes, initial=0)], dtype=np.uint64)


@inlined
def add_leaf(groups, group, start, count, leaf_table, table):  # type: ignore[no-untyped-def]
    """Add a leaf's contributions for each outcome to its group's table.

    Args:
        groups: `LeafGroups`.
        group: the leaf's.
        start: its first condition.
        count: of its conditions.
        leaf_table: its contributions, float64, shape (2^count, count), by which conditions are met.
        table: of all groups; added to.
    """
    splits = np.int64(groups.split_starts[group + 1] - groups.split_starts[group])
    width = np.int64(groups.feature_starts[group + 1] - groups.feature_starts[group])
    for outcome in range(1 << splits):
        met = np.int64(0)
        for number in range(count):
            is_met = outcome & groups.mask[start + number] == groups.expected[start + number]
            met |= np.int64(is_met) << number
        entry = np.int64(groups.table_starts[group]) + outcome * width
        for number in range(count):
            table[entry + np.int64(groups.feature_index[start + number])] += leaf_table[met, number]


@compiled
def add_contributions(groups, table, rows, contributions, columns):  # type: ignore[no-untyped-def]
    """Add the contributions of the features to each row's.

    Args:
        groups: `LeafGroups`.
        table: float32, of all groups.
        rows: float32, shape (N, F), NaN = unknown.
        contributions: float64, shape (N, F); added to.
        columns: scratch space, float32, shape (2 * F,).
    """
    for row in range(len(rows)):
        for feature in range(rows.shape[1]):
            x = rows[row, feature]
            columns[2 * feature], columns[2 * feature + 1] = x, np.float32(np.inf) if x != x else x
        for group in range(len(groups.leaf_starts) - 1):
            outcome, first = np.uint64(0), groups.split_starts[group]
            for split in range(first, groups.split_starts[group + 1]):
                goes_right = columns[groups.column[split]] >= groups.threshold[split]
                outcome |= np.uint64(goes_right) << (split - first)
            first, end = groups.feature_starts[group], groups.feature_starts[group + 1]
            entry = groups.table_starts[group] + outcome * (end - first)
            for index in range(first, end):
                contributions[row, groups.features[index]] += table[entry + index - first]
