"""Which integers a field's profile consists of, so that all its features can be computed of them."""

from dataclasses import dataclass
from enum import Enum, unique

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature, Operation


@unique
class Quantity(Enum):
    """What is counted in a window; the first ones are `payments.SUMS`."""

    PAYMENTS = "payments"
    AMOUNTS = "amounts"
    TOTAL = "total"
    SQUARES_HIGH = "squares_high"
    SQUARES_LOW = "squares_low"
    FRAUDS = "frauds"
    FIRST = "first"
    """The period of the key's first payment in the window; -1: none."""


_MEAN = (Quantity.AMOUNTS, Quantity.TOTAL)
_SPREAD = (*_MEAN, Quantity.SQUARES_HIGH, Quantity.SQUARES_LOW)

QUANTITIES: dict[Operation, tuple[Quantity, ...]] = {
    Operation.PROFILE_COUNT: (Quantity.PAYMENTS,),
    Operation.PROFILE_FRAUDS: (Quantity.FRAUDS,),
    Operation.PROFILE_FRAUD_RATE: (Quantity.FRAUDS, Quantity.PAYMENTS),
    Operation.PROFILE_AMOUNT_MEAN: _MEAN,
    Operation.PROFILE_AMOUNT_STD: _SPREAD,
    Operation.PROFILE_AMOUNT_RATIO: _MEAN,
    Operation.PROFILE_AMOUNT_ZSCORE: _SPREAD,
    Operation.PROFILE_AGE: (Quantity.FIRST,),
}
"""What a feature is computed of, in the order in which `fraud.profiles.values` takes it."""


@dataclass(frozen=True)
class ProfileColumn:
    """One integer of a profile; `window` is a number of periods."""

    quantity: Quantity
    window: int


def profile_columns(definitions: Definitions, field: str) -> tuple[ProfileColumn, ...]:
    """The integers of a field's profile, in their order in messages, files and arrays.

    The order of the features does not change it: definitions with the same profiles share them.
    """
    quantities = list(Quantity)
    columns = {
        column
        for feature in definitions.profile_features
        if feature.of[0] == field
        for column in columns_of(feature)
    }
    return tuple(sorted(columns, key=lambda one: (one.window, quantities.index(one.quantity))))


def columns_of(feature: Feature) -> tuple[ProfileColumn, ...]:
    """What one feature is computed of."""
    window = feature.window_ms // feature.every_ms
    return tuple(ProfileColumn(quantity, window) for quantity in QUANTITIES[feature.operation])


def longest_window(definitions: Definitions) -> int:
    """How many periods before a moment its profiles reach back."""
    return max((one.window_ms // one.every_ms for one in definitions.profile_features), default=0)
