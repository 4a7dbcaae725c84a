"""Why a transaction was flagged, in an analyst's words.

The contributions are SHAP values (Lundberg et al. 2018, TreeSHAP) of the log-odds; they are computed for
transactions that analysts are shown, so that the others pay nothing for them.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature, FeatureKind
from fraud.schema import FieldValue, Reason, from_minor

MOST_REASONS = 4
CONTRIBUTION_DIGITS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Fields = Mapping[str, FieldValue]
_NO_FIELDS: Fields = {}
_PAID_AT = "timestamp"
"""The field whose calendar features are about the payment itself."""
_SECONDS, _SPEED, _KMH = "seconds ", "speed ", " (km/h)"
"""What a text may start and end with that its value replaces."""


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
    return [
        Reason(
            feature=features[column].name,
            value=None if math.isnan(row[column]) else float(row[column]),
            contribution=round(float(contributions[column]), CONTRIBUTION_DIGITS),
            text=describe(features[column], float(row[column]), currency, fields),
        )
        for column in strongest
        if contributions[column] > 0
    ]


def describe(feature: Feature, value: float, currency: str, fields: Fields = _NO_FIELDS) -> str:
    """A feature and its value in an analyst's words, such as "5 payments in 10 minutes".

    Args:
        feature: which.
        value: of a payment.
        currency: of amounts (`Definitions.amount_currency`).
        fields: its further fields; a code is named by the text that it stands for.
    """
    if math.isnan(value):
        return f"{feature.text}: unknown"
    match feature.kind:
        case FeatureKind.CODE:
            text = fields.get(feature.of[0])
            return feature.text if text is None else f"{feature.text}: {text}"
        case FeatureKind.SECONDS | FeatureKind.SPEED:
            return _describe_measure(feature, value)
        case FeatureKind.WEEKDAY:
            return _describe_time(feature, "paid on a", _WEEKDAYS[int(value) % len(_WEEKDAYS)])
        case FeatureKind.HOUR:
            return _describe_time(feature, "paid at", f"{int(value):02d} o'clock{_zone(feature)}")
        case FeatureKind.AMOUNT | FeatureKind.SIGNED_AMOUNT:
            return f"{from_minor(round(value), currency):,} {currency}, {feature.text}"
        case _:
            return _describe_number(feature, value)


def _describe_measure(feature: Feature, value: float) -> str:
    text = feature.text
    if feature.kind is FeatureKind.SECONDS:
        measured, name = _duration(value), _SECONDS
    else:
        measured, name, text = f"{value:,.0f} km/h", _SPEED, text.removesuffix(_KMH)
    return f"{measured} {text.removeprefix(name)}" if text.startswith(name) else f"{text}: {measured}"


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
    return f"{seconds:.0f} seconds"
