"""What the features are: names, texts, units, bounds, windows, version. All other code reads them from here.

A card's windows end at its watermark, the largest event time seen on the card so far, and include the
current transaction: the window of length w holds the card's events with `watermark - w < time <= watermark`.
"""

from dataclasses import dataclass
from enum import Enum, unique
from itertools import product
from math import inf

FEATURE_VERSION = 1
"""Raised with every change of a feature's name, order or meaning; models say which one they need."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

CARD_WINDOWS = {
    "10m": 10 * MINUTE_MS,
    "1h": HOUR_MS,
    "24h": DAY_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
}
"""Lengths in ms, shortest first."""

LONGEST_WINDOW_MS = max(CARD_WINDOWS.values())
"""A card's state is a function of its events within this; older ones are forgotten."""

RECENT_EVENTS = 10
"""How many of the card's latest events `high_recent` looks at."""

HIGH_RATIO = 3.0
"""A payment is high when it exceeds the card's 30-day mean this many times."""

SMALL_AMOUNT = 200
"""A payment is small, as in card testing, up to this many minor units."""

MERCHANT_WINDOWS_DAYS = (1, 7, 14, 30)
MERCHANT_PRIOR_WEIGHT = 20.0
"""Transactions' worth of the global rate that smooths a merchant's fraud rate."""


@unique
class FeatureKind(Enum):
    """What a feature measures: its unit, and between which values it lies when it is known, both included."""

    AMOUNT = "minor units", 0.0, inf
    COUNT = "payments", 0.0, inf
    DISTINCT_COUNT = "different values", 0.0, inf
    FLAG = "0 or 1", 0.0, 1.0
    CODE = "hash of a text, 1 to 65535", -inf, inf
    HOUR = "hour of the day (UTC)", 0.0, 23.0
    WEEKDAY = "day of the week, Monday is 0", 0.0, 6.0
    SECONDS = "seconds", -inf, inf
    RATIO = "times", 0.0, inf
    DEVIATION = "standard deviations", -inf, inf
    SPEED = "km/h", 0.0, inf
    # It may exceed 1: what is reported in a window may have been paid long before it.
    FRAUD_RATE = "frauds a payment", 0.0, inf

    def __init__(self, unit: str, lowest: float, highest: float) -> None:
        self.unit, self.lowest, self.highest = unit, lowest, highest


@dataclass(frozen=True)
class Feature:
    """A column of the model's input.

    Attributes:
        name: of the column.
        text: what an analyst reads for it.
        kind: what it measures, with unit and bounds.
        is_calendar: whether it only says when a payment was made, not how customers behave.
    """

    name: str
    text: str
    kind: FeatureKind
    is_calendar: bool = False


_WINDOW_TEXTS = {"10m": "10 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_STATISTICS = {
    "count": ("payments in {window}", FeatureKind.COUNT),
    "sum": ("spent in {window}", FeatureKind.AMOUNT),
    "mean": ("average payment in {window}", FeatureKind.AMOUNT),
    "max": ("largest payment in {window}", FeatureKind.AMOUNT),
}

TRANSACTION_FEATURES = (
    Feature("amount", "amount", FeatureKind.AMOUNT),
    Feature("hour", "hour of the day (UTC)", FeatureKind.HOUR, is_calendar=True),
    Feature("weekday", "day of the week", FeatureKind.WEEKDAY, is_calendar=True),
    Feature("is_night", "paid at night (0 to 6 UTC)", FeatureKind.FLAG, is_calendar=True),
    Feature("is_weekend", "paid at the weekend", FeatureKind.FLAG, is_calendar=True),
    Feature("category_code", "kind of merchant", FeatureKind.CODE),
    Feature("channel_code", "channel of the payment", FeatureKind.CODE),
)

CARD_WINDOW_FEATURES = tuple(
    Feature(f"card_{statistic}_{window}", text.format(window=_WINDOW_TEXTS[window]), kind)
    for window, (statistic, (text, kind)) in product(CARD_WINDOWS, _STATISTICS.items())
)

CARD_HABIT_FEATURES = (
    Feature("amount_ratio_30d", "amount against the card's average of 30 days before", FeatureKind.RATIO),
    Feature(
        "amount_zscore_30d", "amount's deviation from the card's habit of 30 days", FeatureKind.DEVIATION
    ),
    Feature("high_recent", "recent payments far above the card's habit", FeatureKind.COUNT),
    Feature("small_count_1h", "small payments in 1 hour", FeatureKind.COUNT),
    Feature("small_count_24h", "small payments in 24 hours", FeatureKind.COUNT),
    Feature("seconds_since_last", "seconds since the card's previous payment", FeatureKind.SECONDS),
    Feature("merchants_24h", "different merchants in 24 hours", FeatureKind.DISTINCT_COUNT),
    Feature("countries_24h", "different countries in 24 hours", FeatureKind.DISTINCT_COUNT),
    Feature("merchant_is_new", "merchant new to this card", FeatureKind.FLAG),
    Feature("category_is_new", "kind of merchant new to this card", FeatureKind.FLAG),
    Feature("country_is_new", "country new to this card", FeatureKind.FLAG),
    Feature("speed_kmh", "speed between the last two places (km/h)", FeatureKind.SPEED),
)

KERNEL_FEATURES = TRANSACTION_FEATURES + CARD_WINDOW_FEATURES + CARD_HABIT_FEATURES
"""What the kernel computes from the card's own events, in the order of its output."""

PROFILE_COLUMNS = (
    *(f"merchant_count_{days}d" for days in MERCHANT_WINDOWS_DAYS),
    *(f"merchant_fraud_rate_{days}d" for days in MERCHANT_WINDOWS_DAYS),
    "merchant_amount_mean_30d",
    "merchant_amount_std_30d",
)
"""What a merchant's daily profile holds, in the order of its `values`."""

PROFILE_FEATURES = (
    *(
        Feature(f"merchant_count_{days}d", f"merchant's payments in {days} days", FeatureKind.COUNT)
        for days in MERCHANT_WINDOWS_DAYS
    ),
    *(
        Feature(
            f"merchant_fraud_rate_{days}d",
            f"merchant's reported fraud rate in {days} days",
            FeatureKind.FRAUD_RATE,
        )
        for days in MERCHANT_WINDOWS_DAYS
    ),
    Feature("merchant_amount_ratio", "amount against the merchant's average", FeatureKind.RATIO),
    Feature("merchant_amount_zscore", "amount's deviation from the merchant's habit", FeatureKind.DEVIATION),
)
"""What the profile and the transaction's amount yield together, in the order of the output."""

FEATURES = KERNEL_FEATURES + PROFILE_FEATURES
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
FEATURE_BY_NAME = {feature.name: feature for feature in FEATURES}


def feature_text(name: str) -> str:
    """What an analyst reads for a column; the name itself of a column that is no feature of ours."""
    return FEATURE_BY_NAME[name].text if name in FEATURE_BY_NAME else name
