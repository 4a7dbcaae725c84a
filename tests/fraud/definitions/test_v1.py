"""The shipped features: names, texts and kinds, and bounds that hold for what is computed."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.serving.harness.events import events_of
from fraud.definitions.features import DAY_MS, Feature, FeatureKind
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from fraud.features.store import CardStore
from tests.definitions import V1


def test_names_and_texts_are_unique() -> None:
    assert len(V1.feature_by_name) == len(V1.features) == 49
    assert len({feature.text for feature in V1.features}) == 49


def test_kinds_by_name() -> None:
    def names(kind: FeatureKind) -> set[str]:
        return {feature.name for feature in V1.features if feature.kind is kind}

    windows = ("10m", "1h", "24h", "7d", "30d")
    assert names(FeatureKind.AMOUNT) == {"amount"} | {
        f"card_{statistic}_{window}" for statistic in ("sum", "mean", "max") for window in windows
    }
    assert names(FeatureKind.FLAG) == {
        "is_night",
        "is_weekend",
        "merchant_is_new",
        "category_is_new",
        "country_is_new",
    }
    assert names(FeatureKind.FRAUD_RATE) == {f"merchant_fraud_rate_{days}d" for days in (1, 7, 14, 30)}
    assert {feature.name for feature in V1.features if feature.is_calendar} == {
        "hour",
        "weekday",
        "is_night",
        "is_weekend",
    }


def test_the_text_of_a_foreign_column_is_its_name() -> None:
    assert V1.feature_text("hour") == "hour of the day (UTC)"
    assert V1.feature_text("shoe_size") == "shoe_size"


@given(st.integers(0, 2**32 - 1))
def test_what_the_kernel_computes_is_within_the_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    events = events_of(
        V1,
        60,
        card=random.integers(0, 3, 60),
        transaction=random.integers(0, 2**63, 60),
        timestamp=random.integers(0, 40 * DAY_MS, 60),
        amount=random.choice([0, 1, 150, 10_000, 10**12], 60),
        **{
            name: random.integers(0, 4, 60)
            for name in ("merchant_id", "merchant_category", "channel", "country")
        },
        latitude=random.choice([np.nan, -90, 0, 90], 60),
        longitude=random.choice([np.nan, -180, 0, 180], 60),
    )

    features, _ = CardStore(V1).process(events)

    _assert_within_bounds(features, V1.kernel_features)


@given(st.integers(0, 2**32 - 1))
def test_what_the_profiles_add_is_within_the_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    profiles = random.exponential(10.0, (20, len(PROFILE_COLUMNS)))
    profiles[random.random(profiles.shape) < 0.2] = np.nan

    features = ProfileFeatures(V1).compute(random.integers(0, 10**12, 20), profiles)

    _assert_within_bounds(features, V1.daily_profile_features)


def _assert_within_bounds(
    features: np.ndarray[tuple[int, ...], np.dtype[np.float32]], table: Sequence[Feature]
) -> None:
    for column, feature in enumerate(table):
        known = features[:, column][~np.isnan(features[:, column])]
        assert (known >= feature.kind.lowest).all(), feature.name
        assert (known <= feature.kind.highest).all(), feature.name
