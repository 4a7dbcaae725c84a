"""What is wrong with the condition of a filter."""

from collections.abc import Iterator

from fraud.definitions.checks.feature_rules import COMPARABLE
from fraud.definitions.checks.field_check import type_of
from fraud.definitions.document import ConditionPart
from fraud.definitions.fields import MAX_UNITS, TEXT_TYPES, Field, FieldType

_MOST_VALUES = 1_000
_CURRENCY_LETTERS = 3


def condition_complaints(field: Field, test: ConditionPart | bool | float | str) -> Iterator[str]:
    """A sentence for each mistake."""
    if field.type is FieldType.TIME:
        yield f"where cannot look at {type_of(field)}; use window for how long ago a payment was"
    elif test == "same" and field.type not in TEXT_TYPES:
        yield f"same does not fit {type_of(field)}, only texts; {_remedy(field)}"
    elif isinstance(test, ConditionPart):
        yield from _bounds(field, test)
        yield from _texts(field, test)
    elif test != "same":
        yield from _single_value(field, test)


def _bounds(field: Field, test: ConditionPart) -> Iterator[str]:
    given = [name for name in ("at_least", "at_most") if getattr(test, name) is not None]
    if not given and test.one_of is None:
        yield f"the condition on {field.name} is empty; {_remedy(field)}"
    if given and field.type not in COMPARABLE:
        yield f"{given[0]} does not fit {type_of(field)}; {_remedy(field)}"
        return
    if len(given) == 2 and (test.at_least or 0) > (test.at_most or 0):
        yield f"at_least {test.at_least:g} is more than at_most {test.at_most:g}; no payment fits"
    if field.type in (FieldType.MONEY, FieldType.FIXED):
        for name in given:
            yield from _units(field, name, getattr(test, name))


def _units(field: Field, name: str, value: float) -> Iterator[str]:
    if round(value, field.decimals) != value:
        yield f"{name} {value} has more decimals than the {field.decimals} of {field.name}; round it"
    most = MAX_UNITS / 10**field.decimals
    if abs(value) > most:
        yield f"{name} {value:g} is beyond {most:,.{field.decimals}f}, the most that {field.name} holds"


def _texts(field: Field, test: ConditionPart) -> Iterator[str]:
    if test.one_of is None:
        return
    if field.type not in TEXT_TYPES:
        yield f"one_of does not fit {type_of(field)}; {_remedy(field)}"
        return
    if len(set(test.one_of)) < len(test.one_of):
        yield f"one_of of {field.name} has a value twice; remove one"
    if len(test.one_of) > _MOST_VALUES:
        yield f"one_of of {field.name} has {len(test.one_of):,} values; it takes {_MOST_VALUES:,}"
    for value in test.one_of:
        yield from _length(field, value)


def _single_value(field: Field, value: bool | float | str) -> Iterator[str]:
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    if field.type is FieldType.BOOLEAN:
        if not isinstance(value, bool):
            yield f"{shown!r} does not fit {type_of(field)}; write true or false"
    elif field.type not in TEXT_TYPES:
        yield f"{shown} alone does not fit {type_of(field)}; {_remedy(field)}"
    elif isinstance(value, str):
        yield from _length(field, value)
    else:
        example = f", '{shown}'" if type(value) is int else " as messages have it"
        yield f"{shown} is no text and does not fit {type_of(field)}; write it in quotes{example}"


def _length(field: Field, value: str) -> Iterator[str]:
    if not field.min_length <= len(value) <= field.max_length:
        yield (
            f"{value!r} has {len(value)} characters, and {field.name} has "
            f"{field.min_length} to {field.max_length}; no payment fits"
        )
    elif field.type is FieldType.CURRENCY and not (value.isascii() and value.isalpha() and value.isupper()):
        yield f"{value!r} is no currency; write {_CURRENCY_LETTERS} capitals, such as EUR"


def _remedy(field: Field) -> str:
    if field.type in COMPARABLE:
        return "write {at_least: NUMBER}, {at_most: NUMBER} or both"
    if field.type is FieldType.BOOLEAN:
        return "write true or false"
    return "write a text, {one_of: [TEXT, ...]} or same"
