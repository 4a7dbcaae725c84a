"""Why a transaction was flagged."""

import pytest

from fraud.features.spec import FEATURE_NAMES
from serving.pipeline.reasons import describe


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("card_count_10m", 5, "5 payments in 10 minutes"),
        ("card_sum_1h", 123_456, "1,234.56 EUR, spent in 1 hour"),
        ("amount", 9_900, "99.00 EUR, amount"),
        ("seconds_since_last", 7_300, "2 hours since the card's previous payment"),
        ("seconds_since_last", 30, "30 seconds since the card's previous payment"),
        ("merchant_is_new", 1, "merchant new to this card"),
        ("merchant_fraud_rate_7d", 0.0123, "merchant's reported fraud rate in 7 days: 1.23%"),
        ("speed_kmh", 1_234.5, "1,234 km/h between the last two places"),
        ("weekday", 5, "paid on a Saturday"),
        ("card_max_24h", float("nan"), "largest payment in 24 hours: unknown"),
    ],
)
def test_reasons_are_in_an_analysts_words(feature: str, value: float, text: str) -> None:
    assert describe(feature, value, "EUR") == text


@pytest.mark.parametrize("feature", FEATURE_NAMES)
def test_every_feature_has_a_text(feature: str) -> None:
    assert describe(feature, 1.0, "JPY")
