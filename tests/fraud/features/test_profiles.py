"""What profiles yield: the features that the definitions ask for, in their order."""

from dataclasses import replace

import numpy as np
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, Feature
from fraud.errors import ConfigurationError
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from tests.definitions import V1

AMOUNTS = np.array([1_000, 50, 7], dtype=np.int64)
PROFILES = np.array([[*range(1, 9), 500.0, 250.0], [0] * 10, [np.nan] * 10])


def of(*features: Feature) -> Definitions:
    """The shipped definitions with these features of profiles."""
    return replace(V1, features=(*V1.kernel_features, *features))


def test_counts_and_rates_are_copied_and_amounts_compared() -> None:
    found = ProfileFeatures(V1).compute(AMOUNTS, PROFILES)

    assert found[0].tolist() == [*range(1, 9), 2.0, 2.0]
    assert found[1, :8].tolist() == [0.0] * 8
    assert np.isnan(found[1, 8:]).all()
    assert np.isnan(found[2]).all()


def test_some_features_in_another_order_are_columns_of_all() -> None:
    # given every third feature, the last one first
    chosen = V1.daily_profile_features[::-3]
    # when
    found = ProfileFeatures(of(*chosen)).compute(AMOUNTS, PROFILES)
    # then
    names = [one.name for one in V1.daily_profile_features]
    expected = ProfileFeatures(V1).compute(AMOUNTS, PROFILES)[:, [names.index(one.name) for one in chosen]]
    assert np.array_equal(found, expected, equal_nan=True)


def test_definitions_without_profiles_have_no_columns() -> None:
    assert ProfileFeatures(of()).compute(AMOUNTS, PROFILES).shape == (3, 0)


@pytest.mark.parametrize(
    "changes", [{"window_ms": 3 * DAY_MS}, {"window_ms": DAY_MS + 1}, {"of": ("device_id",)}]
)
def test_what_no_profile_holds_is_refused(changes: dict[str, object]) -> None:
    count = V1.feature_by_name["merchant_count_1d"]
    with pytest.raises(ConfigurationError, match=r"merchant_count_1d needs; .* 1d, 7d, 14d, 30d"):
        ProfileFeatures(of(replace(count, **changes)))  # type: ignore[arg-type]


def test_a_profile_has_a_column_for_every_feature_of_the_shipped_definitions() -> None:
    assert len(PROFILE_COLUMNS) == len(V1.daily_profile_features)
