"""Declared fields and their profiles as analysts read them: on the case page and in `fraud explain`."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType
from fraud.money.texts import amount_text
from fraud.schema import FieldValue
from serving.pipeline.reasons import describe

OTHER_DEFINITIONS = "of other definitions"


def in_order(
    definitions: Definitions, values: Mapping[str, FieldValue]
) -> Iterator[tuple[str, FieldValue | None]]:
    """Each further field of the definitions with its value, None where it has none; then those of others."""
    declared = [field.name for field in definitions.fields if field.name not in CORE_FIELDS]
    yield from ((name, values.get(name)) for name in declared)
    yield from ((name, value) for name, value in values.items() if name not in declared)


def label_of(name: str, field: Field | None) -> str:
    """What an analyst reads for a field."""
    return (field and field.text) or name.replace("_", " ")


def field_text(field: Field | None, value: FieldValue | None, currency: str) -> str:
    """A value in an analyst's words; `field` is None when it is declared no longer."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field is None or isinstance(value, str):
        return str(value)
    match field.type:
        case FieldType.MONEY:
            return amount_text(int(value), currency)
        case FieldType.TIME:
            return f"{datetime.fromtimestamp(value / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        case FieldType.FIXED:
            return f"{Decimal(value).scaleb(-field.scale):,}"
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:.10g}"


def profile_texts(
    definitions: Definitions, made_with: str | None, profiles: Mapping[str, float | None], currency: str
) -> dict[str, list[str]]:
    """What the profiles of a payment's ids and categories said, by the label of the field.

    Args:
        definitions: the present ones.
        made_with: `Prediction.definitions`; the features of others have their names and no words.
        profiles: `Prediction.profiles`.
        currency: of the payment.
    """
    if made_with != (None if definitions.tag == V1_TAG else definitions.digest):
        values = [f"{name}: {_number_text(value)}" for name, value in profiles.items()]
        return {OTHER_DEFINITIONS: values} if values else {}
    texts: dict[str, list[str]] = {}
    for feature in definitions.profile_features:
        if feature.name in profiles:
            value = profiles[feature.name]
            label = label_of(feature.of[0], definitions.field_by_name.get(feature.of[0]))
            number = math.nan if value is None else value
            text = describe(feature, number, definitions.amount_currency(currency))
            texts.setdefault(label, []).append(text)
    return texts


def _number_text(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.7g}"
