"""From a score to a decision."""

import numpy as np

from serving.pipeline.decide import decide


def test_the_threshold_itself_is_reviewed() -> None:
    assert decide(np.array([0.49, 0.5, 0.51]), 0.5) == ["approve", "review", "review"]
