"""The bounds of a feature: those of its kind, unless it is made of what may be negative."""

from math import inf

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature, FeatureKind
from fraud.definitions.fields import FieldType

_SIGNED_INPUTS = (FeatureKind.AMOUNT, FeatureKind.RATIO)
"""Kinds that are negative where what they are made of is."""
_NUMBERS = (FieldType.MONEY, FieldType.FIXED, FieldType.NUMBER)
_AMOUNT = "amount"
"""Admission refuses a payment with a negative one."""


def bounds(definitions: Definitions, feature: Feature) -> tuple[float, float]:
    """The lowest and the highest value that a known feature can have, both included."""
    kind = feature.kind
    if kind in _SIGNED_INPUTS and _has_negative_input(definitions, feature):
        return -inf, kind.highest
    return kind.lowest, kind.highest


def _has_negative_input(definitions: Definitions, feature: Feature) -> bool:
    """The inputs of a derived feature are features, those of any other are fields."""
    if feature.is_derived:
        return any(bounds(definitions, definitions.feature_by_name[name])[0] < 0 for name in feature.of)
    fields = (definitions.field_by_name[name] for name in feature.of if name != _AMOUNT)
    return any(field.type in _NUMBERS and field.lowest < 0 for field in fields)
