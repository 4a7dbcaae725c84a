"""The decisions on n payments."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraud.native.rules.outcomes import N_OUTCOMES, N_TALLIES, Output, tally


class Tally(NamedTuple):
    """How often something occurs in n decisions.

    Attributes:
        outcomes: payments of each of `OUTCOMES`.
        fired: of rules and payments, those where a live rule fired.
        shadow_fired: likewise, of rules in shadow.
        failed: likewise, where the rule failed.
        on_lists: of lists and payments, those where the payment is on the list.
        control: payments of the control group.
        sampled: payments that analysts are given to review.
        not_by_bands: payments that a list or a rule decided.
    """

    outcomes: tuple[int, ...]
    fired: int
    shadow_fired: int
    failed: int
    on_lists: int
    control: int
    sampled: int
    not_by_bands: int


@dataclass(frozen=True)
class Decided:
    """What a policy decides for n payments; the columns of rules and lists follow the policy's tuples.

    Attributes:
        outcomes: index in `OUTCOMES`, uint8 (n,).
        segments: index in `Policy.segments`, uint8 (n,).
        fired: live rules that fired, whether they decided or not, bool (n, R).
        shadow_fired: rules in shadow that fired, bool (n, R).
        failed: rules that failed, as by a division by zero, and count as not fired, bool (n, R).
        list_hits: bool (n, L).
        decided_by: what decided, int16 (n,): -1 the bands; 0 to L - 1 a list; L + r rule r.
        control: payments of the control group, bool (n,): approved whatever would have been decided.
        would_be: outcomes without the control group, uint8 (n,).
        sampled: approved payments that analysts are given to review, bool (n,).
    """

    outcomes: npt.NDArray[np.uint8]
    segments: npt.NDArray[np.uint8]
    fired: npt.NDArray[np.bool_]
    shadow_fired: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    list_hits: npt.NDArray[np.bool_]
    decided_by: npt.NDArray[np.int16]
    control: npt.NDArray[np.bool_]
    would_be: npt.NDArray[np.uint8]
    sampled: npt.NDArray[np.bool_]

    @cached_property
    def tally(self) -> Tally:
        """In one run over all columns: a micro-batch of a few payments would take longest to ask each."""
        counts = np.zeros(N_TALLIES, dtype=np.int64)
        columns = (np.ascontiguousarray(getattr(self, name)) for name in Output._fields)
        tally(Output(*columns), np.ascontiguousarray(self.list_hits), counts)
        numbers: list[int] = counts.tolist()
        return Tally(tuple(numbers[:N_OUTCOMES]), *numbers[N_OUTCOMES:])
