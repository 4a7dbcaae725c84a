"""What a predicate may name: fields, features and what is decided by, each with its type and its source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from functools import cache

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import FeatureKind
from fraud.definitions.fields import TEXT_TYPES, Field, FieldType
from fraud.money.currencies import minor_digits

PAID = -1
"""Instead of decimals: those of the payment's currency."""

_AMOUNT_KINDS = (FeatureKind.AMOUNT, FeatureKind.SIGNED_AMOUNT)
_AMOUNT = "amount"


@unique
class Source(Enum):
    """Where a value of a payment is.

    `AMOUNT` is in the head of the event, `FEATURE` in the row of features, `INTEGER`, `NUMBER`, `BOOLEAN` and
    `TEXT` are columns of `Events.values`; `EXPECTED_COST` is the probability times such a column.
    """

    AMOUNT = "amount"
    FEATURE = "feature"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    PROBABILITY = "probability"
    EXPECTED_COST = "expected cost"


@dataclass(frozen=True)
class PaymentName:
    """A value of a payment that predicates can use.

    Attributes:
        name: as predicates write it.
        source: where it is.
        column: of `Events.values` or of the features.
        decimals: what is there is in units of 10 ** -decimals; `PAID`: as many as the payment's currency has.
        type: of a text or a time; None of what is a number or a truth.
    """

    name: str
    source: Source
    column: int = 0
    decimals: int = 0
    type: FieldType | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is compared with texts."""
        return self.source is Source.TEXT

    @property
    def is_truth(self) -> bool:
        """Whether it is true or false."""
        return self.source is Source.BOOLEAN

    @property
    def is_time(self) -> bool:
        """Whether it is a time in ms, and compared with TIMESTAMP '...'."""
        return self.type is FieldType.TIME


@cache
def payment_names(definitions: Definitions) -> Mapping[str, PaymentName]:
    """All names by name.

    Where a field and a feature have one name, it is the field; `probability`, `score`, `expected_cost` and
    amounts in the base come before both.
    """
    found = {one.name: one for one in _features(definitions)}
    found |= {one.name: one for one in _fields(definitions)}
    return found | {one.name: one for one in _of_decisions(definitions)}


def unusable_names(definitions: Definitions) -> Mapping[str, str]:
    """Names of the definitions that predicates cannot use, each with what to do instead."""
    base = definitions.money.code if definitions.money else ""
    if not base:
        return {f"{_AMOUNT}_base": f"the definitions have no base currency; write {_AMOUNT}"}
    return {
        one.name: f"{one.name} is known in {base} only; write {one.name}_base"
        for one in definitions.fields
        if one.type is FieldType.MONEY and one.name != _AMOUNT
    }


def _features(definitions: Definitions) -> Iterator[PaymentName]:
    digits = minor_digits(definitions.money.code) if definitions.money else PAID
    for column, feature in enumerate(definitions.features):
        decimals = digits if feature.kind in _AMOUNT_KINDS else 0
        yield PaymentName(feature.name, Source.FEATURE, column, decimals)


def _fields(definitions: Definitions) -> Iterator[PaymentName]:
    for column, field in enumerate(definitions.fields):
        if field.type is not FieldType.MONEY:
            yield _of_field(field, column)
        elif field.name == _AMOUNT:
            yield PaymentName(_AMOUNT, Source.AMOUNT, 0, PAID)
        elif not definitions.money:
            yield PaymentName(field.name, Source.INTEGER, column, PAID)


def _of_field(field: Field, column: int) -> PaymentName:
    if field.type in TEXT_TYPES:
        return PaymentName(field.name, Source.TEXT, column, type=field.type)
    if field.type is FieldType.NUMBER:
        return PaymentName(field.name, Source.NUMBER, column)
    if field.type is FieldType.BOOLEAN:
        return PaymentName(field.name, Source.BOOLEAN, column)
    kind = FieldType.TIME if field.type is FieldType.TIME else None
    return PaymentName(field.name, Source.INTEGER, column, field.scale, kind)


def _of_decisions(definitions: Definitions) -> Iterator[PaymentName]:
    yield PaymentName("probability", Source.PROBABILITY)
    yield PaymentName("score", Source.PROBABILITY)
    column = definitions.field_index[_AMOUNT]
    digits = minor_digits(definitions.money.code) if definitions.money else PAID
    yield PaymentName("expected_cost", Source.EXPECTED_COST, column, digits)
    if definitions.money:
        for column in definitions.money_columns:
            name = f"{definitions.fields[column].name}_base"
            yield PaymentName(name, Source.INTEGER, column, digits)
