"""The decisions on n payments."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
