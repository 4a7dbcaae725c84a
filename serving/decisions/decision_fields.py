"""From decided payments to fields of predictions."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.decisions.decided import Decided
from fraud.decisions.outcomes import OUTCOMES, Outcome
from fraud.native.rules.outcomes import BY_BANDS
from fraud.schema import Prediction
from serving.decisions.prepared_policy import PreparedPolicy
from serving.prediction_columns import ABSENT, spread

Flags = npt.NDArray[np.bool_]
_FIELDS = Prediction.__struct_fields__

WITHOUT_POLICY: Mapping[str, Iterable[Any]] = dict.fromkeys(_FIELDS[_FIELDS.index("policy") :], ABSENT)
"""The fields of predictions that no policy decided."""


def outcome_names(outcomes: npt.NDArray[np.uint8]) -> list[Outcome]:
    """The outcomes by name, of indices in `OUTCOMES`, (n,)."""
    return [*map(OUTCOMES.__getitem__, outcomes.tolist())]


def live_fields(
    served: PreparedPolicy, decided: Decided, lists_position: int | None
) -> dict[str, Iterable[Any]]:
    """The fields of n predictions that say how the live policy decided, n values each.

    Under the default policy its name and digest are absent. A prediction without a position was made while
    no list of its policies had an entry.
    """
    policy, tally = served.policy, decided.tally
    is_default = served.version is None
    return {
        "policy": ABSENT if is_default else repeat(served.name),
        "policy_digest": ABSENT if is_default else repeat(policy.digest),
        "lists_position": ABSENT if lists_position is None else repeat(lists_position),
        "segment": _segments(served, decided.segments),
        "rules": _names_where(decided.fired, served.rule_names) if tally.fired else ABSENT,
        "shadow_rules": (
            _names_where(decided.shadow_fired, served.rule_names) if tally.shadow_fired else ABSENT
        ),
        "lists": (
            _names_where(decided.list_hits, [one.name for one in policy.lists]) if tally.on_lists else ABSENT
        ),
        "decided_by": _deciders(served, decided.decided_by) if tally.not_by_bands else ABSENT,
        "would_be": _would_be(decided) if tally.control else ABSENT,
        "control_share": _control_shares(served, decided) if tally.control else ABSENT,
        "is_sample": decided.sampled.tolist() if tally.sampled else ABSENT,
    }


def shadow_fields(served: PreparedPolicy | None, decided: Decided | None) -> dict[str, Iterable[Any]]:
    """The fields of the policy in shadow, if there is one."""
    if served is None or decided is None:
        return {"shadow_policy": ABSENT, "shadow_decision": ABSENT}
    return {"shadow_policy": repeat(served.name), "shadow_decision": outcome_names(decided.outcomes)}


def _names_where(flags: Flags, names: Sequence[str]) -> Iterable[list[str] | None]:
    """For each row (n, K) the names of the columns that are set, None where none is."""
    found: list[list[str] | None] = [None] * len(flags)
    # Ten times as fast as `nonzero` with two dimensions.
    rows, columns = np.divmod(np.flatnonzero(flags), flags.shape[1])
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        present = found[row]
        if present is None:
            found[row] = [names[column]]
        else:
            present.append(names[column])
    return found


def _segments(served: PreparedPolicy, segments: npt.NDArray[np.uint8]) -> Iterable[str | None]:
    """The segments' names; the last, which has all payments that are in no other, is not named."""
    own = served.policy.segments[:-1]
    if not own:
        return ABSENT
    names: list[str | None] = [*(one.name for one in own), None]
    return map(names.__getitem__, segments.tolist())


def _deciders(served: PreparedPolicy, decided_by: npt.NDArray[np.int16]) -> Iterable[str | None]:
    policy = served.policy
    names = [f"list {one.name}" for one in policy.lists] + [f"rule {one.name}" for one in policy.rules]
    rows = np.flatnonzero(decided_by != BY_BANDS)
    return spread(rows, map(names.__getitem__, decided_by[rows].tolist()), len(decided_by))


def _would_be(decided: Decided) -> Iterable[Outcome | None]:
    """What the payments of the control group would have had."""
    rows = np.flatnonzero(decided.control)
    return spread(rows, outcome_names(decided.would_be[rows]), len(decided.control))


def _control_shares(served: PreparedPolicy, decided: Decided) -> Iterable[float | None]:
    """The group's share of the cards, for its payments."""
    rows = np.flatnonzero(decided.control)
    return spread(rows, [served.policy.control_share] * len(rows), len(decided.control))
