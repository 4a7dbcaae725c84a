"""What the features are: names, windows, version. Everything else derives its columns from here.

A card's windows end at its watermark, the largest event time seen on the card so far, and include the
current transaction: the window of length w holds the card's events with `watermark - w < time <= watermark`.
"""

from dataclasses import dataclass
from itertools import product

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

WINDOW_STATISTICS = ("count", "sum", "mean", "max")

RECENT_EVENTS = 10
"""How many of the card's latest events `high_recent` looks at."""

HIGH_RATIO = 3.0
"""A payment is high when it exceeds the card's 30-day mean this many times."""

SMALL_AMOUNT = 200
"""A payment is small, as in card testing, up to this many minor units."""

MERCHANT_WINDOWS_DAYS = (1, 7, 14, 30)
MERCHANT_PRIOR_WEIGHT = 20.0
"""Transactions' worth of the global rate that smooths a merchant's fraud rate."""


@dataclass(frozen=True)
class Feature:
    """A column of the model's input and the words an analyst reads for it."""

    name: str
    text: str


_SPAN_TEXT = {"10m": "10 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_STATISTIC_TEXT = {
    "count": "payments in {span}",
    "sum": "spent in {span}",
    "mean": "average payment in {span}",
    "max": "largest payment in {span}",
}

TRANSACTION_FEATURES = (
    Feature("amount", "amount"),
    Feature("hour", "hour of the day (UTC)"),
    Feature("weekday", "day of the week"),
    Feature("is_night", "paid at night (0 to 6 UTC)"),
    Feature("is_weekend", "paid at the weekend"),
    Feature("category_code", "kind of merchant"),
    Feature("channel_code", "channel of the payment"),
)

CARD_WINDOW_FEATURES = tuple(
    Feature(f"card_{statistic}_{span}", _STATISTIC_TEXT[statistic].format(span=_SPAN_TEXT[span]))
    for span, statistic in product(CARD_WINDOWS, WINDOW_STATISTICS)
)

CARD_HABIT_FEATURES = (
    Feature("amount_ratio_30d", "amount against the card's average of 30 days before"),
    Feature("amount_zscore_30d", "amount's deviation from the card's habit of 30 days"),
    Feature("high_recent", "recent payments far above the card's habit"),
    Feature("small_count_1h", "small payments in 1 hour"),
    Feature("small_count_24h", "small payments in 24 hours"),
    Feature("seconds_since_last", "seconds since the card's previous payment"),
    Feature("merchants_24h", "different merchants in 24 hours"),
    Feature("countries_24h", "different countries in 24 hours"),
    Feature("merchant_is_new", "merchant new to this card"),
    Feature("category_is_new", "kind of merchant new to this card"),
    Feature("country_is_new", "country new to this card"),
    Feature("speed_kmh", "speed between the last two places (km/h)"),
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
        Feature(f"merchant_count_{days}d", f"merchant's payments in {days} days")
        for days in MERCHANT_WINDOWS_DAYS
    ),
    *(
        Feature(f"merchant_fraud_rate_{days}d", f"merchant's reported fraud rate in {days} days")
        for days in MERCHANT_WINDOWS_DAYS
    ),
    Feature("merchant_amount_ratio", "amount against the merchant's average"),
    Feature("merchant_amount_zscore", "amount's deviation from the merchant's habit"),
)
"""What the profile and the transaction's amount yield together, in the order of the output."""

FEATURES = KERNEL_FEATURES + PROFILE_FEATURES
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
FEATURE_TEXTS = {feature.name: feature.text for feature in FEATURES}
