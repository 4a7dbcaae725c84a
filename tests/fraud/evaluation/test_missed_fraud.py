"""The estimate of missed fraud: unbiased, and its interval holds."""

import numpy as np
import pytest
from scipy import stats

from fraud.evaluation.missed_fraud import MissedFraud, estimate_missed, wilson

APPROVED, RATE, SHARE = 20_000, 0.01, 0.05


def estimate(seed: int) -> tuple[MissedFraud, int]:
    """An estimate of one world, and its true number of frauds among the approved payments."""
    random = np.random.default_rng(seed)
    frauds = random.random(APPROVED) < RATE
    sampled = random.random(APPROVED) < SHARE
    reviewed = random.random(APPROVED) < 0.9
    everything = np.ones(APPROVED, dtype=np.bool_)
    found = estimate_missed(everything, sampled, reviewed, frauds, caught=300)
    assert found is not None
    return found, int(frauds.sum())


def test_it_is_unbiased_and_its_interval_has_the_truth_in_19_of_20_worlds() -> None:
    # given many worlds
    made = [estimate(seed) for seed in range(400)]
    # when their estimates are held against the truth
    errors = [found.payments.value - true for found, true in made]
    held = np.mean([found.payments.low <= true <= found.payments.high for found, true in made])
    # then they are right on average, and the intervals hold
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))
    assert 0.92 <= held <= 0.99


def test_the_interval_is_wilsons() -> None:
    for found, count in ((0, 50), (3, 40), (40, 40)):
        expected = stats.binomtest(found, count).proportion_ci(0.95, method="wilson")
        given = wilson(found, count)
        assert (given.low, given.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_without_a_fraud_among_the_samples_there_is_an_upper_bound() -> None:
    found = MissedFraud(approved=10_000, reviewed=300, found=0, caught=40)
    assert found.payments.value == 0
    assert 0 < found.payments.high < 200
    assert found.recall is not None
    assert found.recall.value == 1.0
    assert 0.2 < found.recall.low < 1.0


def test_without_a_reviewed_sample_there_is_no_estimate() -> None:
    some = np.array([True, False])
    assert estimate_missed(some, ~some, some, some, 0) is None


def test_without_any_fraud_there_is_no_recall() -> None:
    assert MissedFraud(approved=10, reviewed=5, found=0, caught=0).recall is None
    assert "estimated_recall" not in MissedFraud(approved=10, reviewed=5, found=0, caught=0).figures
