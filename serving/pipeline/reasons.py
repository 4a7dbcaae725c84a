"""Why a transaction was flagged, in an analyst's words.

The contributions are SHAP values (Lundberg et al. 2018, TreeSHAP) of the log-odds; they are computed for
flagged transactions only, so that the others pay nothing for them.
"""

import math

import numpy as np
import numpy.typing as npt

from fraud.features.spec import FEATURE_NAMES, FEATURE_TEXTS
from fraud.schema import Reason, from_minor

MOST_REASONS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONEY = ("amount", "card_sum_", "card_mean_", "card_max_")
_RATIOS = ("amount_ratio_30d", "merchant_amount_ratio")
_DEVIATIONS = ("amount_zscore_30d", "merchant_amount_zscore")
_CODES = ("category_code", "channel_code")
_YES_NO = ("is_", "merchant_is_new", "category_is_new", "country_is_new")


def explain(
    rows: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32], currencies: list[str]
) -> list[list[Reason]]:
    """The features that raised each row's score most, strongest first; both have shape (n, features)."""
    return [_reasons(*one) for one in zip(rows, contributions, currencies, strict=True)]


def _reasons(
    row: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32], currency: str
) -> list[Reason]:
    strongest = np.argsort(-contributions, kind="stable")[:MOST_REASONS]
    return [
        Reason(
            feature=FEATURE_NAMES[column],
            value=None if math.isnan(row[column]) else float(row[column]),
            contribution=round(float(contributions[column]), 4),
            text=describe(FEATURE_NAMES[column], float(row[column]), currency),
        )
        for column in strongest
        if contributions[column] > 0
    ]


def describe(feature: str, value: float, currency: str) -> str:
    """A feature and its value as one would say it: "5 payments in 10 minutes"."""
    text = FEATURE_TEXTS[feature]
    if math.isnan(value):
        return f"{text}: unknown"
    if feature in _CODES:
        return text
    if feature == "seconds_since_last":
        return f"{_duration(value)} since the card's previous payment"
    if feature == "weekday":
        return f"paid on a {_WEEKDAYS[int(value)]}"
    if feature == "hour":
        return f"paid at {int(value):02d} o'clock (UTC)"
    if feature == "speed_kmh":
        return f"{value:,.0f} km/h between the last two places"
    return _figure(feature, value, text, currency)


def _figure(feature: str, value: float, text: str, currency: str) -> str:
    if feature in _RATIOS:
        return f"{text}: {value:.1f} times"
    if feature in _DEVIATIONS:
        return f"{text}: {value:+.1f} standard deviations"
    if "fraud_rate" in feature:
        return f"{text}: {value:.2%}"
    if feature.startswith(_YES_NO):
        return text if value else f"not {text}"
    if feature == "amount" or feature.startswith(_MONEY[1:]):
        return f"{from_minor(round(value), currency):,} {currency}, {text}"
    return f"{value:,.0f} {text}"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
