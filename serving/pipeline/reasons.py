"""Why a transaction was flagged, in an analyst's words.

The contributions are SHAP values (Lundberg et al. 2018, TreeSHAP) of the log-odds; they are computed for
transactions that analysts are shown, so that the others pay nothing for them.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature, FeatureKind, Operation
from fraud.money.texts import amount_text
from fraud.schema import FieldValue, Reason

MOST_REASONS = 4
CONTRIBUTION_DIGITS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Fields = Mapping[str, FieldValue]
_NO_FIELDS: Fields = {}
_PAID_AT = "timestamp"
"""The field whose calendar features are about the payment itself."""
_SECONDS, _SPENT, _KMH = "seconds ", "spent", " (km/h)"
"""What a text may start and end with that its value replaces."""
_LEAST_TRAVEL_S = 60.0
"""The time that a speed is computed with at least (`fraud.native.kernel.outputs`)."""
_IMPOSSIBLE_KMH = 1_000.0
"""Faster than any airliner."""


def explain(
    definitions: Definitions,
    rows: npt.NDArray[np.float32],
    contributions: npt.NDArray[np.float32],
    currencies: Sequence[str],
    fields: Sequence[Fields],
) -> list[list[Reason]]:
    """The features that raised each payment's score most, strongest first.

    Args:
        definitions: of the features.
        rows: of the payments, shape (n, features).
        contributions: to their scores, shape (n, features).
        currencies: of the payments, n.
        fields: their further fields, n.
    """
    shown = map(definitions.amount_currency, currencies)
    payments = zip(rows, contributions, shown, fields, strict=True)
    return [_reasons(definitions.features, *one) for one in payments]


def _reasons(
    features: tuple[Feature, ...],
    row: npt.NDArray[np.float32],
    contributions: npt.NDArray[np.float32],
    currency: str,
    fields: Fields,
) -> list[Reason]:
    strongest = np.argsort(-contributions, kind="stable")[:MOST_REASONS]
    since_last = seconds_since_last(features, row)
    return [
        Reason(
            feature=features[column].name,
            value=None if math.isnan(row[column]) else float(row[column]),
            contribution=round(float(contributions[column]), CONTRIBUTION_DIGITS),
            text=describe(features[column], float(row[column]), currency, fields, since_last),
        )
        for column in strongest
        if contributions[column] > 0
    ]


def seconds_since_last(features: Sequence[Feature], row: npt.NDArray[np.float32]) -> float:
    """The time since the card's previous payment, by the feature that says it; NaN without one."""
    for column, one in enumerate(features):
        if one.operation is Operation.SECONDS_SINCE_LAST and not one.where:
            return float(row[column])
    return math.nan


def describe(
    feature: Feature,
    value: float,
    currency: str,
    fields: Fields = _NO_FIELDS,
    since_last: float = math.nan,
) -> str:
    """A feature and its value in an analyst's words, such as "5 payments in 10 minutes".

    Args:
        feature: which.
        value: of a payment.
        currency: of amounts (`Definitions.amount_currency`).
        fields: its further fields; a code is named by the text that it stands for.
        since_last: seconds since the card's previous payment, NaN where it is not known. It makes a speed
            a distance and a time; both are too small where the previous payment had no place.
    """
    if math.isnan(value):
        return f"{feature.text}: unknown"
    match feature.kind:
        case FeatureKind.CODE:
            text = fields.get(feature.of[0])
            return feature.text if text is None else f"{feature.text}: {text}"
        case FeatureKind.SECONDS:
            return _describe_seconds(feature, value)
        case FeatureKind.SPEED:
            return _describe_travel(feature, value, since_last)
        case FeatureKind.WEEKDAY:
            return _describe_time(feature, "paid on a", _WEEKDAYS[int(value) % len(_WEEKDAYS)])
        case FeatureKind.HOUR:
            return _describe_time(feature, "paid at", f"{int(value):02d} o'clock{_zone(feature)}")
        case FeatureKind.AMOUNT | FeatureKind.SIGNED_AMOUNT:
            return _describe_amount(feature, amount_text(round(value), currency))
        case _:
            return _describe_number(feature, value)


def _describe_amount(feature: Feature, amount: str) -> str:
    return f"{amount} {feature.text}" if feature.text.startswith(_SPENT) else f"{feature.text}: {amount}"


def _describe_seconds(feature: Feature, value: float) -> str:
    text, time = feature.text, _duration(value)
    return f"{time} {text.removeprefix(_SECONDS)}" if text.startswith(_SECONDS) else f"{text}: {time}"


def _describe_travel(feature: Feature, kmh: float, since_last: float) -> str:
    """A speed as the distance and the time that it was computed of."""
    text = "impossible travel" if kmh > _IMPOSSIBLE_KMH else feature.text.removesuffix(_KMH)
    if math.isnan(since_last):
        return f"{text}: {kmh:,.0f} km/h"
    seconds = max(since_last, _LEAST_TRAVEL_S)
    return f"{text}: {kmh * seconds / 3_600:,.0f} km in {_duration(seconds)}"


def _describe_time(feature: Feature, paid: str, time: str) -> str:
    return f"{paid} {time}" if feature.of == (_PAID_AT,) else f"{feature.text}: {time}"


def _zone(feature: Feature) -> str:
    """A zone has a slash, as in Europe/Berlin; otherwise it is the field that says the country."""
    if not feature.zone:
        return " (UTC)"
    return f" ({feature.zone})" if "/" in feature.zone or feature.zone == "UTC" else " (local time)"


def _describe_number(feature: Feature, value: float) -> str:
    match feature.kind:
        case FeatureKind.RATIO | FeatureKind.SIGNED_RATIO:
            return f"{feature.text}: {value:.1f} times"
        case FeatureKind.DEVIATION:
            return f"{feature.text}: {value:+.1f} standard deviations"
        case FeatureKind.FRAUD_RATE:
            return f"{feature.text}: {value:.2%}"
        case FeatureKind.SHARE:
            return f"{feature.text}: {value:.0%}"
        case FeatureKind.FLAG:
            return feature.text if value else f"not {feature.text}"
        case FeatureKind.NUMBER:
            # float32 has seven digits.
            return f"{feature.text}: {value:,.0f}" if value.is_integer() else f"{feature.text}: {value:.7g}"
        case _:
            return _describe_count(feature, value)


def _describe_count(feature: Feature, value: float) -> str:
    """The texts of the card's counts are a plural, those of profiles start with whose payments they are."""
    is_plural = value != 1 and feature.is_of_kernel
    return f"{value:,.0f} {feature.text}" if is_plural else f"{feature.text}: {value:,.0f}"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
