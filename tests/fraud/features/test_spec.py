"""The table of features: its bounds hold for what the kernel and the profiles compute."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fraud.features.events import EVENT, from_records
from fraud.features.profiles import ProfileFeatures
from fraud.features.spec import (
    DAY_MS,
    FEATURE_BY_NAME,
    FEATURES,
    KERNEL_FEATURES,
    PROFILE_COLUMNS,
    PROFILE_FEATURES,
    FeatureKind,
    feature_text,
)
from fraud.features.store import CardStore
from tests.definitions import V1


def test_names_and_texts_are_unique() -> None:
    assert len(FEATURE_BY_NAME) == len(FEATURES)
    assert len({feature.text for feature in FEATURES}) == len(FEATURES)


def test_kinds_by_name() -> None:
    def names(kind: FeatureKind) -> set[str]:
        return {feature.name for feature in FEATURES if feature.kind is kind}

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
    assert {feature.name for feature in FEATURES if feature.is_calendar} == {
        "hour",
        "weekday",
        "is_night",
        "is_weekend",
    }


def test_the_text_of_a_foreign_column_is_its_name() -> None:
    assert feature_text("hour") == "hour of the day (UTC)"
    assert feature_text("shoe_size") == "shoe_size"


@given(st.integers(0, 2**32 - 1))
def test_what_the_kernel_computes_is_within_the_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    events = np.zeros(60, dtype=EVENT)
    events["card"] = random.integers(0, 3, len(events))
    events["transaction"] = random.integers(0, 2**63, len(events))
    events["timestamp"] = random.integers(0, 40 * DAY_MS, len(events))
    events["amount"] = random.choice([0, 1, 150, 10_000, 10**12], len(events))
    for name in ("merchant", "category", "channel", "country"):
        events[name] = random.integers(0, 4, len(events))
    events["latitude"] = random.choice([np.nan, -90, 0, 90], len(events))
    events["longitude"] = random.choice([np.nan, -180, 0, 180], len(events))

    features, _ = CardStore(V1).process(from_records(events))

    _assert_within_bounds(features, KERNEL_FEATURES)


@given(st.integers(0, 2**32 - 1))
def test_what_the_profiles_add_is_within_the_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    profiles = random.exponential(10.0, (20, len(PROFILE_COLUMNS)))
    profiles[random.random(profiles.shape) < 0.2] = np.nan

    features = ProfileFeatures(V1).compute(random.integers(0, 10**12, 20), profiles)

    _assert_within_bounds(features, PROFILE_FEATURES)


def _assert_within_bounds(features: np.ndarray[tuple[int, ...], np.dtype[np.float32]], table: object) -> None:
    for column, feature in enumerate(table):  # type: ignore[arg-type, var-annotated]
        known = features[:, column][~np.isnan(features[:, column])]
        assert (known >= feature.kind.lowest).all(), feature.name
        assert (known <= feature.kind.highest).all(), feature.name
