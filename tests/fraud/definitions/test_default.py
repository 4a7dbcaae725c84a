"""The definitions that a new installation starts with."""

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import DEFAULT_FILE, load_definitions
from tests.definitions import V1


@pytest.fixture(scope="module")
def default() -> Definitions:
    return load_definitions(DEFAULT_FILE)


def test_fields_and_the_state_of_cards_are_those_of_v1(default: Definitions) -> None:
    # so that the log can serve both
    assert default.fields == V1.fields
    assert default.kernel_features == V1.kernel_features
    assert default.state_digest == V1.state_digest


def test_profiles_replace_the_daily_ones(default: Definitions) -> None:
    assert not default.daily_profile_features
    assert default.profile_fields == ("merchant_id", "merchant_category", "country")


def test_what_differs_from_v1_has_a_name_of_its_own(default: Definitions) -> None:
    # so that one file can hold both while models of both serve
    hashes = {one.name: one.hash for one in V1.features}

    renamed = [one.name for one in default.features if hashes.get(one.name, one.hash) != one.hash]

    assert renamed == []
