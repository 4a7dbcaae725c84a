"""From a score to a decision."""

import numpy as np
import numpy.typing as npt

from fraud.schema import Decision

_DECISIONS: tuple[Decision, Decision] = ("approve", "review")


def decide(scores: npt.NDArray[np.float64], threshold: float) -> list[Decision]:
    """`review` from the threshold on, `approve` below."""
    return [_DECISIONS[flagged] for flagged in (scores >= threshold).tolist()]
