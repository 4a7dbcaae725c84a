"""The tally of decisions counts what the columns say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.decided import Decided
from fraud.decisions.outcomes import OUTCOMES


def random_decided(count: int, rules: int, lists: int, seed: int) -> Decided:
    random = np.random.default_rng(seed)

    def flags(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return random.random(shape) < 0.3

    return Decided(
        outcomes=random.integers(len(OUTCOMES), size=count).astype(np.uint8),
        segments=np.zeros(count, dtype=np.uint8),
        fired=flags(count, rules),
        shadow_fired=flags(count, rules),
        failed=flags(count, rules),
        list_hits=flags(count, lists),
        decided_by=random.integers(-1, 3, size=count).astype(np.int16),
        control=flags(count),
        would_be=random.integers(len(OUTCOMES), size=count).astype(np.uint8),
        sampled=flags(count),
    )


@given(count=st.integers(0, 30), rules=st.integers(0, 4), lists=st.integers(0, 3), seed=st.integers(0, 99))
def test_each_number_is_the_sum_of_its_column(count: int, rules: int, lists: int, seed: int) -> None:
    decided = random_decided(count, rules, lists, seed)
    tally = decided.tally
    assert tally.outcomes == tuple(int((decided.outcomes == one).sum()) for one in range(len(OUTCOMES)))
    assert tally.fired == decided.fired.sum()
    assert tally.shadow_fired == decided.shadow_fired.sum()
    assert tally.failed == decided.failed.sum()
    assert tally.on_lists == decided.list_hits.sum()
    assert tally.control == decided.control.sum()
    assert tally.sampled == decided.sampled.sum()
    assert tally.not_by_bands == (decided.decided_by >= 0).sum()
