"""Where profiles of ids and categories are not computed yet."""

import pytest

from fraud.definitions.loading import parse_definitions
from fraud.errors import ConfigurationError
from fraud.profiles.served import require_no_profiles
from tests.definitions import V1
from tests.fraud.profiles.test_values import TEXT


def test_serving_refuses_features_that_it_cannot_compute() -> None:
    with pytest.raises(ConfigurationError, match="feature payments comes from a profile of device_id"):
        require_no_profiles(parse_definitions(TEXT, "mine.yaml"))


def test_the_merchants_daily_profile_is_served() -> None:
    require_no_profiles(V1)
