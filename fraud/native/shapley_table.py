"""SHAP values worked out beforehand: what a row gets depends only on which way it turns at each node.

Working out every case is Fast TreeSHAP's idea (Yang 2021), there for each leaf. Here leaves that share most
of their path are one group: the nodes above and between them have few enough outcomes together that one look
answers for all of the group's leaves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from fraud.native.jit import compiled, inlined
from fraud.native.leaves import Leaf, Question

_Value = TypeVar("_Value")

_MOST_NUMBERS = 2**24
"""Four bytes each; with more, nothing is worked out beforehand."""


class Groups(NamedTuple):
    """For every group: its leaves, questions, features and cases, each from `..._begins` to the next one's.

    A question is whether `column` is not below `threshold`; the columns are the features' values, each twice,
    with NaN and with infinity where unknown. A case has a number for each feature of the group; its own
    number has a bit for each question that a row says yes to. `mask` and `wanted` say of each demand of each
    leaf in which cases it is met, `slot` which of the group's features it is about.
    """

    leaf_begins: npt.NDArray[np.uint64]
    question_begins: npt.NDArray[np.uint64]
    feature_begins: npt.NDArray[np.uint64]
    case_begins: npt.NDArray[np.uint64]
    column: npt.NDArray[np.uint64]
    threshold: npt.NDArray[np.float32]
    features: npt.NDArray[np.uint64]
    mask: npt.NDArray[np.uint64]
    wanted: npt.NDArray[np.uint64]
    slot: npt.NDArray[np.uint64]


@dataclass
class _Draft:
    """Groups as lists."""

    questions: list[list[Question]] = field(default_factory=list)
    features: list[list[int]] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)
    terms: list[tuple[int, int, int]] = field(default_factory=list)


def group_leaves(leaves: Iterable[Leaf]) -> Groups | None:
    """Groups of leaves that stand together; None: they would have too many cases."""
    draft = _Draft()
    for _, members in groupby(leaves, key=lambda leaf: leaf.group):
        _append(draft, list(members))
    sizes = [len(told) << len(asked) for asked, told in zip(draft.questions, draft.features, strict=True)]
    if sum(sizes) > _MOST_NUMBERS:
        return None
    asked = [*chain.from_iterable(draft.questions)]
    terms = np.array(draft.terms, dtype=np.uint64).reshape(-1, 3)
    return Groups(
        leaf_begins=_begins(draft.leaves),
        question_begins=_begins(map(len, draft.questions)),
        feature_begins=_begins(map(len, draft.features)),
        case_begins=_begins(sizes),
        column=np.array([2 * one.feature + one.missing_right for one in asked], dtype=np.uint64),
        threshold=np.array([one.threshold for one in asked], dtype=np.float32),
        features=np.array([*chain.from_iterable(draft.features)], dtype=np.uint64),
        mask=terms[:, 0].copy(),
        wanted=terms[:, 1].copy(),
        slot=terms[:, 2].copy(),
    )


def _append(draft: _Draft, members: Sequence[Leaf]) -> None:
    demands = [demand for leaf in members for demand in leaf.demands.values()]
    bits = {one: 1 << bit for bit, one in enumerate(_distinct(one.turns for one in demands))}
    slots = {one: slot for slot, one in enumerate(_distinct(leaf.demands for leaf in members))}
    draft.questions.append([*bits])
    draft.features.append([*slots])
    draft.leaves.append(len(members))
    for leaf in members:
        for feature, demand in leaf.demands.items():
            mask = sum(bits[one] for one in demand.turns)
            wanted = sum(bits[one] for one, goes_right in demand.turns.items() if goes_right)
            draft.terms.append((mask, wanted, slots[feature]))


def _distinct(parts: Iterable[Iterable[_Value]]) -> Iterable[_Value]:
    return dict.fromkeys(chain.from_iterable(parts))


def _begins(sizes: Iterable[int]) -> npt.NDArray[np.uint64]:
    return np.array([*accumulate(sizes, initial=0)], dtype=np.uint64)


@inlined
def add_leaf(groups, group, begin, count, own, parts):  # type: ignore[no-untyped-def]
    """Add what a leaf says in each case to what its group says.

    Args:
        groups: All of them.
        group: The leaf's.
        begin: Its first demand.
        count: Its demands.
        own: What each of its features gets by which demands are met, shape (2^count, count).
        parts: All cases' numbers.
    """
    questions = np.int64(groups.question_begins[group + 1] - groups.question_begins[group])
    width = np.int64(groups.feature_begins[group + 1] - groups.feature_begins[group])
    for case in range(1 << questions):
        met = np.int64(0)
        for number in range(count):
            met |= np.int64(case & groups.mask[begin + number] == groups.wanted[begin + number]) << number
        row = np.int64(groups.case_begins[group]) + case * width
        for number in range(count):
            parts[row + np.int64(groups.slot[begin + number])] += own[met, number]


@compiled
def look_up(groups, parts, rows, shares, columns):  # type: ignore[no-untyped-def]
    """Add each group's numbers to each row's contributions; `columns` is room for a row's."""
    for row in range(len(rows)):
        for feature in range(rows.shape[1]):
            x = rows[row, feature]
            columns[2 * feature], columns[2 * feature + 1] = x, np.float32(np.inf) if x != x else x
        for group in range(len(groups.leaf_begins) - 1):
            case, first = np.uint64(0), groups.question_begins[group]
            for at in range(first, groups.question_begins[group + 1]):
                case |= np.uint64(columns[groups.column[at]] >= groups.threshold[at]) << (at - first)
            first, end = groups.feature_begins[group], groups.feature_begins[group + 1]
            number = groups.case_begins[group] + case * (end - first)
            for at in range(first, end):
                shares[row, groups.features[at]] += parts[number + at - first]
