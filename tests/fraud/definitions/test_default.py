"""The definitions that a new installation starts with."""

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import DEFAULT_FILE, load_definitions
from tests.definitions import V1


@pytest.fixture(scope="module")
def default() -> Definitions:
    return load_definitions(DEFAULT_FILE)


def test_it_computes_all_that_models_of_v1_want(default: Definitions) -> None:
    # so that a change from one to the other refuses no model
    hashes = {one.name: one.hash for one in default.features}

    assert default.fields == V1.fields
    assert default.state_digest == V1.state_digest
    assert all(hashes[one.name] == one.hash for one in V1.features)


def test_profiles_are_those_of_merchants_their_kinds_and_countries(default: Definitions) -> None:
    assert default.profile_fields == ("merchant_id", "merchant_category", "country")
    assert {one.name for one in default.profile_features} == default.feature_by_name.keys() - set(
        V1.feature_names
    )
