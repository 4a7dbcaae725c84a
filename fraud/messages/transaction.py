"""Payments as the definitions describe them: the struct of a message, and the values of its fields."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache, reduce
from math import isinf
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import MAX_UNITS, Field, FieldType
from fraud.schema import CURRENCY_LETTERS, MAX_MILLIS, minor_digits, to_units

Values = tuple[str | int | float | bool | None, ...]
"""A value for each field, in the order of the definitions: a text; minor units of money, ms, units of a
fixed-point number; a float; a boolean; None is absent."""


class _Object(NamedTuple):
    """The declared members of a JSON object, by their names in the message."""

    fields: dict[str, Field]
    objects: dict[str, "_Object"]


@cache
def transaction_type(definitions: Definitions) -> type[msgspec.Struct]:
    """The struct of a payment's message, frozen.

    Every field is an attribute under its name, also one that is inside another JSON object. Amounts and
    fixed-point numbers are decimals as they came; `TransactionValues` converts them.
    """
    return _struct("Transaction", _tree(definitions))


def new_transaction(definitions: Definitions, values: Mapping[str, Any]) -> Any:
    """The struct with these values by the names of their fields; what is missing or None is absent.

    Raises:
        msgspec.ValidationError: a value is not of the field's type, or a required one is missing.
    """
    message: dict[str, Any] = {}
    for name, value in values.items():
        if value is not None:
            path = definitions.field_by_name[name].path
            around = reduce(lambda inner, one: inner.setdefault(one, {}), path[:-1], message)
            around[path[-1]] = value
    return msgspec.convert(message, transaction_type(definitions))


class TransactionValues:
    """Takes the values of all fields out of a payment's struct.

    Args:
        definitions: of the struct.
    """

    def __init__(self, definitions: Definitions) -> None:
        fields = definitions.fields
        self._attributes = attrgetter(*(field.name for field in fields))
        self._currency = definitions.field_index["currency"]
        self._converted = [
            (number, _converter(field))
            for number, field in enumerate(fields)
            if field.type in (FieldType.MONEY, FieldType.FIXED)
        ]

    def read(self, transaction: Any) -> Values:
        """The values of one payment.

        Raises:
            ValueError: an amount or a fixed-point number has too many digits or is out of bounds.
        """
        values = list(self._attributes(transaction))
        currency = values[self._currency]
        for number, convert in self._converted:
            if values[number] is not None:
                values[number] = convert(values[number], currency)
        return tuple(values)


def _converter(field: Field) -> Callable[[Decimal, str], int]:
    """From the decimal of the message to the integer that is stored; its second argument is the currency."""
    if field.type is FieldType.FIXED:
        unit = f"its scale of {field.scale}"
        return lambda value, _: _units(field, value, field.scale, unit)
    return lambda value, currency: _units(field, value, minor_digits(currency), currency)


def _units(field: Field, value: Decimal, digits: int, unit: str) -> int:
    units = to_units(value, digits, field.name, unit)
    # The limit of a payment's own amount depends on its currency: admission has it.
    if abs(units) > MAX_UNITS and field.name != "amount":
        raise ValueError(f"{field.name} {value} has more than {MAX_UNITS} units")
    # The nearest double decides, as in `fraud.native.json_reader`.
    if not field.lowest <= units / 10**digits <= field.highest:
        raise ValueError(f"{field.name} {value} is outside {field.lowest:g} to {field.highest:g}")
    return units


def _tree(definitions: Definitions) -> _Object:
    root = _Object({}, {})
    for field in definitions.fields:
        inner = root
        for name in field.path[:-1]:
            inner = inner.objects.setdefault(name, _Object({}, {}))
        inner.fields[field.path[-1]] = field
    return root


def _struct(name: str, members: _Object) -> type[msgspec.Struct]:
    """A struct of an object's members; those of its inner objects are properties."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    renamed: dict[str, str] = {}
    properties: dict[str, Any] = {}
    for wire_name, field in members.fields.items():
        kind = _value_type(field)
        fields.append((field.name, kind | None, None) if field.is_optional else (field.name, kind))
        renamed[field.name] = wire_name
    for number, (wire_name, inner) in enumerate(members.objects.items()):
        struct: Any = _struct(wire_name, inner)
        attribute = f"_object_{number}"
        is_required = any(one.required for one in msgspec.structs.fields(struct))
        fields.append((attribute, struct) if is_required else (attribute, struct | None, None))
        renamed[attribute] = wire_name
        properties |= {one: _inner_value(attribute, one) for one in _attribute_names(inner)}
    return msgspec.defstruct(
        name, fields, frozen=True, omit_defaults=True, gc=False, kw_only=True,
        rename=renamed, namespace=properties, module=__name__,
    )  # fmt: skip


def _attribute_names(members: _Object) -> list[str]:
    names = [field.name for field in members.fields.values()]
    return names + [name for inner in members.objects.values() for name in _attribute_names(inner)]


def _inner_value(attribute: str, name: str) -> property:
    def value(transaction: Any) -> Any:
        inner = getattr(transaction, attribute)
        return None if inner is None else getattr(inner, name)

    return property(value)


def _value_type(field: Field) -> Any:
    if field.type is FieldType.CURRENCY:
        return Annotated[str, Meta(min_length=CURRENCY_LETTERS, max_length=CURRENCY_LETTERS)]
    if field.is_text:
        return Annotated[str, Meta(min_length=field.min_length or None, max_length=field.max_length)]
    if field.type is FieldType.TIME:
        return Annotated[int, Meta(ge=time_bounds(field)[0], le=time_bounds(field)[1])]
    if field.type is FieldType.NUMBER:
        return Annotated[float, Meta(ge=_finite(field.lowest), le=_finite(field.highest))]
    return bool if field.type is FieldType.BOOLEAN else Decimal


def time_bounds(field: Field) -> tuple[int, int]:
    """The earliest and the latest time of a field, ms."""
    lowest, highest = _finite(field.lowest), _finite(field.highest)
    return (
        max(0, 0 if lowest is None else int(lowest)),
        MAX_MILLIS if highest is None else min(MAX_MILLIS, int(highest)),
    )


def _finite(bound: float) -> float | None:
    return None if isinf(bound) else bound
