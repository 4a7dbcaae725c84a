"""What definitions cost, measured."""

import numpy as np

from fraud.definitions.fields import FieldType
from fraud.definitions.loading import parse_definitions
from fraud.features.cost import made_up_events, measure_cost, without_feature
from tests.definitions import EXTENDED, PROFILED, V1
from tests.fraud.definitions.files import with_features


def test_more_features_cost_more() -> None:
    shipped, extended = measure_cost(V1), measure_cost(EXTENDED)

    assert shipped.us_per_event > 0
    assert 500 < shipped.bytes_per_card < extended.bytes_per_card < 10_000
    # A transform keeps nothing; a filter's result is kept with each payment, or its number with the card.
    assert extended.bytes_of["entry_mode_code"] == 0
    assert extended.bytes_of["keyed_count_24h"] > 0
    assert extended.bytes_of.keys() == {one.name for one in EXTENDED.kernel_features}


def test_profiles_have_a_cost_of_their_own() -> None:
    found, shipped = measure_cost(PROFILED), measure_cost(V1)

    assert (shipped.profile_us_per_event, shipped.profile_integers) == (0, {})
    assert found.profile_us_per_event > 0
    # The count of a day; frauds, payments of 7 days; the first of 30 days.
    assert found.profile_integers == {"device_id": 4, "merchant_id": 9}


def test_made_up_events_have_values_of_every_field() -> None:
    events = made_up_events(EXTENDED, 5)

    for column, field in enumerate(EXTENDED.fields):
        values = events.values[:, column]
        assert len(np.unique(values)) > 1, field.name
        if field.type is FieldType.CATEGORY:
            assert values.min() >= 0
            assert values.max() <= 65_535


def test_without_a_feature_what_is_derived_of_it_is_gone_too() -> None:
    found = parse_definitions(
        with_features(
            "{name: a, aggregate: count, window: 1h}",
            "{name: b, aggregate: count, window: 2h}",
            "{name: c, divide: [a, b]}",
            "{name: d, subtract: [c, b]}",
        )
    )

    assert without_feature(found, "a").feature_names == ("b",)
    assert without_feature(found, "d").feature_names == ("a", "b", "c")
