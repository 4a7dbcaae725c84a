"""The fields of a payment's message: where each is read and what it may hold."""

from dataclasses import dataclass
from enum import Enum, unique
from math import inf

from fraud.money.currencies import minor_digits


@unique
class FieldType(Enum):
    """What a field holds, and so how it is read, stored and compared.

    In `Events.values` each is one int64: the 64 bits of the hash of an `ID`, the code (1 to 65535) of a
    `CATEGORY`, minor units of `MONEY`, three letters of a `CURRENCY`, ms of a `TIME`, the bits of the float64
    of a `NUMBER`, units of 10 ** -scale of a `FIXED`, 0 or 1 of a `BOOLEAN`. An `ID` or `CATEGORY` that is
    absent is 0, a `NUMBER` NaN, any other `UNKNOWN`.
    """

    ID = "id"
    CATEGORY = "category"
    MONEY = "money"
    CURRENCY = "currency"
    TIME = "time"
    NUMBER = "number"
    FIXED = "fixed"
    BOOLEAN = "boolean"


UNKNOWN = -(1 << 63)
"""In `Events.values`: a `MONEY`, `TIME`, `FIXED` or `BOOLEAN` that is absent."""

MAX_UNITS = 1_000_000_000_000
"""The largest amount of any currency in minor units, and the largest number of units of a fixed-point number:
up to it all sums of them and of their squares are exact."""

TEXT_TYPES = frozenset({FieldType.ID, FieldType.CATEGORY, FieldType.CURRENCY})
"""Read from a JSON string."""

SUMMABLE = (FieldType.MONEY, FieldType.FIXED, FieldType.BOOLEAN)
"""Integers, of which sums stay exact while payments come and go."""

CORE_TYPES = {
    "transaction_id": FieldType.ID,
    "card_id": FieldType.ID,
    "merchant_id": FieldType.ID,
    "amount": FieldType.MONEY,
    "currency": FieldType.CURRENCY,
    "timestamp": FieldType.TIME,
}
CORE_FIELDS = tuple(CORE_TYPES)
"""Every payment has these; a definition says where they are read."""


@dataclass(frozen=True)
class Field:
    """One value of a payment.

    Attributes:
        name: of the column, everywhere behind the message.
        type: what it holds.
        path: the names of the JSON objects around it and its own, outermost first.
        is_optional: whether it may be absent or null.
        min_length: fewest characters of a text.
        max_length: most characters of a text.
        lowest: bound of a number, included.
        highest: likewise.
        scale: decimals of a `FIXED`.
        place: the place that it is a coordinate of, empty for any other.
        text: what an analyst reads for it.
        base: of money: the currency that its amounts are converted to for features; empty: they are not.
        allows_refunds: of money: whether it may be below 0.
        refund_field: of `amount`: the category that says what is a refund, too; empty if none does.
        refund_values: of `refund_field`: those of refunds.
    """

    name: str
    type: FieldType
    path: tuple[str, ...]
    is_optional: bool = False
    min_length: int = 0
    max_length: int = 64
    lowest: float = -inf
    highest: float = inf
    scale: int = 0
    place: str = ""
    text: str = ""
    base: str = ""
    allows_refunds: bool = False
    refund_field: str = ""
    refund_values: tuple[str, ...] = ()

    @property
    def decimals(self) -> int:
        """Of an amount, as features see it, or of a fixed-point number: `Events.values` has units of them."""
        return minor_digits(self.base) if self.type is FieldType.MONEY else self.scale

    @property
    def is_text(self) -> bool:
        """Whether it is read from a JSON string."""
        return self.type in TEXT_TYPES
