import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fraud.monitoring.drift import MIN_SHARE, feature_drift, ks, psi
from tests.definitions import V1

UNKNOWN = np.float32("nan")


def test_psi_is_what_one_computes_by_hand() -> None:
    # given halves of the reference as bins, one value in each a quarter of the time, and no unknown
    reference = np.array([1, 1, 2, 2], dtype=np.float32)
    current = np.array([1, 2, 2, 2], dtype=np.float32)
    # then two bins count: 50 % became 25 %, and 50 % became 75 %
    by_hand = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert psi(reference, current, bins=2) == pytest.approx(by_hand)


def test_what_becomes_unknown_is_drift() -> None:
    reference = np.array([1, 1, 1, 1], dtype=np.float32)
    current = np.array([1, 1, 1, UNKNOWN], dtype=np.float32)
    by_hand = (0.75 - 1) * math.log(0.75) + (0.25 - MIN_SHARE) * math.log(0.25 / MIN_SHARE)
    assert psi(reference, current) == pytest.approx(by_hand)


def test_the_same_distribution_is_stable_and_a_shift_is_not() -> None:
    random = np.random.default_rng(1)
    reference, same = random.normal(size=20_000), random.normal(size=5_000)
    assert psi(reference, same) < 0.02
    assert psi(reference, same + 1.0) > 0.25


def test_a_feature_unknown_everywhere_has_not_moved() -> None:
    nothing = np.full(5, UNKNOWN)
    assert psi(nothing, nothing) == 0
    assert ks(nothing, nothing) == 0


def test_ks_is_scipys() -> None:
    random = np.random.default_rng(2)
    first, second = (
        random.integers(0, 20, 300).astype(np.float32),
        random.integers(3, 25, 200).astype(np.float32),
    )
    with_unknown = np.append(first, UNKNOWN)
    assert ks(with_unknown, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_features_are_listed_by_psi_without_the_calendar() -> None:
    # given features of which one has moved
    random = np.random.default_rng(3)
    reference, current = (
        random.normal(size=(2_000, len(V1.feature_names))).astype(np.float32) for _ in range(2)
    )
    current[:, V1.feature_names.index("amount_ratio_30d")] += 2.0
    current[:, V1.feature_names.index("hour")] += 2.0
    # when
    found = feature_drift(V1.features, reference, current)
    # then
    assert found[0].name == "amount_ratio_30d"
    assert found[1].psi < 0.1
    assert {one.name for one in found} == {one.name for one in V1.features if not one.is_calendar}
