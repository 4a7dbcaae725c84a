"""Why a transaction was flagged, in an analyst's words.

The contributions are SHAP values (Lundberg et al. 2018, TreeSHAP) of the log-odds; they are computed for
flagged transactions only, so that the others pay nothing for them.
"""

import math

import numpy as np
import numpy.typing as npt

from fraud.features.spec import FEATURE_BY_NAME, FEATURE_NAMES, Feature, FeatureKind
from fraud.schema import Reason, from_minor

MOST_REASONS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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


def describe(name: str, value: float, currency: str) -> str:
    """A feature and its value in an analyst's words, such as "5 payments in 10 minutes"."""
    feature = FEATURE_BY_NAME[name]
    if math.isnan(value):
        return f"{feature.text}: unknown"
    match feature.kind:
        case FeatureKind.CODE:
            return feature.text
        case FeatureKind.SECONDS:
            return f"{_duration(value)} since the card's previous payment"
        case FeatureKind.WEEKDAY:
            return f"paid on a {_WEEKDAYS[int(value)]}"
        case FeatureKind.HOUR:
            return f"paid at {int(value):02d} o'clock (UTC)"
        case FeatureKind.SPEED:
            return f"{value:,.0f} km/h between the last two places"
        case _:
            return _describe_number(feature, value, currency)


def _describe_number(feature: Feature, value: float, currency: str) -> str:
    match feature.kind:
        case FeatureKind.RATIO:
            return f"{feature.text}: {value:.1f} times"
        case FeatureKind.DEVIATION:
            return f"{feature.text}: {value:+.1f} standard deviations"
        case FeatureKind.FRAUD_RATE:
            return f"{feature.text}: {value:.2%}"
        case FeatureKind.FLAG:
            return feature.text if value else f"not {feature.text}"
        case FeatureKind.AMOUNT:
            return f"{from_minor(round(value), currency):,} {currency}, {feature.text}"
        case _:
            return f"{value:,.0f} {feature.text}"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
