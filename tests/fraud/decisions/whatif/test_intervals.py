"""Intervals: Wilson's and the bootstrap's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fraud.decisions.whatif.intervals import bootstrapped_sums, estimate, wilson


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_wilson_is_that_of_scipy(trials: int, share: float) -> None:
    # given a number of hits
    hits = round(trials * share)
    # when SciPy gives the interval
    expected = stats.binomtest(hits, trials).proportion_ci(method="wilson")
    # then it is the same
    found = wilson(hits, trials)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_without_trials_there_is_no_share() -> None:
    assert np.isnan(wilson(0, 0).value)


def test_cards_without_anything_do_not_matter() -> None:
    # given sums of cards, of which most are 0
    sums = np.zeros((500, 1), dtype=np.float32)
    sums[:100] = 1.0
    # when samples are drawn with and without them
    with_all, without = bootstrapped_sums(sums, 4_000), bootstrapped_sums(sums[:100], 4_000)
    # then they spread alike, as sums of 100 Poisson variables do
    assert with_all.mean() == pytest.approx(100, rel=0.01)
    assert with_all.std() == pytest.approx(10, rel=0.05)
    assert without.std() == pytest.approx(10, rel=0.05)


def test_draws_without_a_value_are_left_out() -> None:
    found = estimate(0.5, np.array([0.4, np.nan, 0.6]))
    assert 0.4 <= found.low <= found.value <= found.high <= 0.6


def test_equal_seeds_draw_equal_samples() -> None:
    sums = np.ones((10, 2), dtype=np.float32)
    assert np.array_equal(bootstrapped_sums(sums, 7, seed=1), bootstrapped_sums(sums, 7, seed=1))
