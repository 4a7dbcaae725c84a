"""Values of declared fields as analysts read them: on the case page and in `fraud explain`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType
from fraud.schema import FieldValue, from_minor


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
            return f"{from_minor(int(value), currency):,} {currency}"
        case FieldType.TIME:
            return f"{datetime.fromtimestamp(value / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        case FieldType.FIXED:
            return f"{Decimal(value).scaleb(-field.scale):,}"
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:.10g}"
