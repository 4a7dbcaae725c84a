"""From a score to a decision."""

import numpy as np
import numpy.typing as npt

from fraud.decisions.outcomes import Outcome

_DECISIONS: tuple[Outcome, Outcome] = ("approve", "review")


def decide(scores: npt.NDArray[np.float64], threshold: float) -> list[Outcome]:
    """`review` from the threshold on, `approve` below."""
    return [_DECISIONS[flagged] for flagged in (scores >= threshold).tolist()]
