"""Why a transaction was flagged."""

from dataclasses import replace

import numpy as np
import pytest

from fraud.definitions.features import Feature, FeatureKind, Operation
from serving.pipeline.reasons import describe, explain
from tests.definitions import EXTENDED, V1


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("card_count_10m", 5, "5 payments in 10 minutes"),
        ("card_count_10m", 1, "payments in 10 minutes: 1"),
        ("merchant_count_7d", 1_500, "merchant's payments in 7 days: 1,500"),
        ("card_sum_1h", 123_456, "€1,234.56 spent in 1 hour"),
        ("amount", 9_900, "amount: €99.00"),
        ("seconds_since_last", 7_300, "2 hours since the card's previous payment"),
        ("seconds_since_last", 30, "30 seconds since the card's previous payment"),
        ("merchant_is_new", 1, "merchant new to this card"),
        ("merchant_fraud_rate_7d", 0.0123, "merchant's reported fraud rate in 7 days: 1.23%"),
        ("speed_kmh", 1_234.5, "impossible travel: 1,234 km/h"),
        ("speed_kmh", 90, "travel from the card's previous place: 90 km/h"),
        ("weekday", 5, "paid on a Saturday"),
        ("hour", 3, "paid at 03 o'clock (UTC)"),
        ("card_max_24h", float("nan"), "largest payment in 24 hours: unknown"),
        ("devices_30d", 4, "4 different devices in 30 days"),
        ("device_is_new", 1, "device new to this card"),
        ("device_sum_7d", 5_050, "€50.50 spent on the same device in 7 days"),
        ("keyed_count_24h", 2, "2 payments with a keyed card number in 24 hours"),
    ],
)
def test_reasons_are_in_an_analysts_words(feature: str, value: float, text: str) -> None:
    assert describe(EXTENDED.feature_by_name[feature], value, "EUR") == text


@pytest.mark.parametrize(
    ("kmh", "since_last", "text"),
    [
        (89_640, 40, "impossible travel: 1,494 km in 60 seconds"),
        (89_640, 60, "impossible travel: 1,494 km in 60 seconds"),
        (1_200, 7_200, "impossible travel: 2,400 km in 2 hours"),
        (160, 7_200, "travel from the card's previous place: 320 km in 2 hours"),
    ],
)
def test_a_speed_is_read_as_a_distance_and_a_time(kmh: float, since_last: float, text: str) -> None:
    # given a payment so fast after the card's previous one
    row = np.full((1, len(EXTENDED.features)), np.nan, dtype=np.float32)
    row[0, EXTENDED.feature_names.index("speed_kmh")] = kmh
    row[0, EXTENDED.feature_names.index("seconds_since_last")] = since_last
    shares = np.where(np.isnan(row), -1.0, 1.0).astype(np.float32)
    # when
    (reasons,) = explain(EXTENDED, row, shares, ["EUR"], [{}])
    # then
    assert text in [one.text for one in reasons]


HOUR = replace(V1.feature_by_name["hour"], text="hour of the day")


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        (replace(HOUR, zone="Europe/Berlin"), 14, "paid at 14 o'clock (Europe/Berlin)"),
        (replace(HOUR, zone="country"), 14, "paid at 14 o'clock (local time)"),
        (replace(HOUR, of=("opened_at",), text="account opened"), 9, "account opened: 09 o'clock (UTC)"),
        (Feature("s", "part by chip", FeatureKind.SHARE, Operation.SHARE), 0.25, "part by chip: 25%"),
        (Feature("n", "age", FeatureKind.NUMBER, Operation.VALUE), 0.1, "age: 0.1"),
        (Feature("n", "age", FeatureKind.NUMBER, Operation.VALUE), 12_345, "age: 12,345"),
        (Feature("d", "age", FeatureKind.SECONDS, Operation.SECONDS_SINCE_FIRST), 7_200, "age: 2 hours"),
        (Feature("v", "travel", FeatureKind.SPEED, Operation.SPEED), 900, "travel: 900 km/h"),
    ],
)  # fmt: skip
def test_a_feature_of_any_definition_reads_well(feature: Feature, value: float, text: str) -> None:
    assert describe(feature, float(np.float32(value)), "EUR") == text


@pytest.mark.parametrize("feature", EXTENDED.features, ids=EXTENDED.feature_names)
def test_every_feature_has_a_text(feature: Feature) -> None:
    assert describe(feature, 1.0, "JPY")


def test_reasons_name_the_features_that_raised_the_score_most() -> None:
    # given a payment whose new device counts most, while the hour lowers the score
    rows = np.ones((1, len(EXTENDED.features)), dtype=np.float32)
    shares = np.zeros_like(rows)
    for name, share in (("device_is_new", 2.0), ("entry_mode_code", 1.5), ("amount", 1.0), ("hour", -3.0)):
        shares[0, EXTENDED.feature_names.index(name)] = share
    # when
    (reasons,) = explain(EXTENDED, rows, shares, ["EUR"], [{"entry_mode": "keyed"}])
    # then
    assert [(one.feature, one.text) for one in reasons] == [
        ("device_is_new", "device new to this card"),
        ("entry_mode_code", "how the card was read: keyed"),
        ("amount", "amount: €0.01"),
    ]  # fmt: skip
