"""Features as data: how each is computed, its unit, bounds, text and hash."""

import json
from dataclasses import dataclass
from enum import Enum, unique
from hashlib import blake2b
from math import inf

from fraud.definitions.fields import Field

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

FEATURE_VERSION = 1
"""In models, predictions and profiles: what named all features together before each had its own hash."""


@unique
class FeatureKind(Enum):
    """What a feature measures: its unit, and the lowest and the highest value when it is known."""

    AMOUNT = "minor units", 0.0, inf
    SIGNED_AMOUNT = "minor units, below 0 of refunds", -inf, inf
    NUMBER = "as in the message", -inf, inf
    COUNT = "payments", 0.0, inf
    DISTINCT_COUNT = "different values", 0.0, inf
    FLAG = "0 or 1", 0.0, 1.0
    CODE = "hash of a text, 1 to 65535", -inf, inf
    HOUR = "hour of the day", 0.0, 23.0
    WEEKDAY = "day of the week, Monday is 0", 0.0, 6.0
    SECONDS = "seconds", -inf, inf
    AGE = "days", 0.0, inf
    RATIO = "times", 0.0, inf
    SIGNED_RATIO = "times, below 0 of refunds", -inf, inf
    SHARE = "part of 1", 0.0, 1.0
    DEVIATION = "standard deviations", -inf, inf
    SPEED = "km/h", 0.0, inf
    # It may exceed 1: what is reported in a window may have been paid long before it.
    FRAUD_RATE = "frauds a payment", 0.0, inf

    def __init__(self, unit: str, lowest: float, highest: float) -> None:
        self.unit, self.lowest, self.highest = unit, lowest, highest


@unique
class Operation(Enum):
    """How a feature is computed.

    The first group looks at the payment alone, the second at the card's earlier payments, the third at the
    card's window with the payment in it, the fourth at two other features, the fifth at the
    merchant's daily profile, the last at the profile of any id or category.
    """

    VALUE = "value"
    HOUR = "hour"
    WEEKDAY = "weekday"
    IS_NIGHT = "is_night"
    IS_WEEKEND = "is_weekend"

    RATIO = "ratio"
    ZSCORE = "zscore"
    IS_NEW = "is_new"
    SECONDS_SINCE_LAST = "seconds_since_last"
    SECONDS_SINCE_FIRST = "seconds_since_first"
    SPEED = "speed"

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    STD = "std"
    DISTINCT = "distinct"
    SHARE = "share"
    COUNT_ABOVE_MEAN = "count_above_mean"

    DIVIDE = "divide"
    SUBTRACT = "subtract"

    DAILY_PROFILE_COUNT = "daily_profile_count"
    DAILY_PROFILE_FRAUD_RATE = "daily_profile_fraud_rate"
    DAILY_PROFILE_AMOUNT_RATIO = "daily_profile_amount_ratio"
    DAILY_PROFILE_AMOUNT_ZSCORE = "daily_profile_amount_zscore"

    PROFILE_COUNT = "profile_count"
    PROFILE_FRAUDS = "profile_frauds"
    PROFILE_FRAUD_RATE = "profile_fraud_rate"
    PROFILE_AMOUNT_MEAN = "profile_amount_mean"
    PROFILE_AMOUNT_STD = "profile_amount_std"
    PROFILE_AMOUNT_RATIO = "profile_amount_ratio"
    PROFILE_AMOUNT_ZSCORE = "profile_amount_zscore"
    PROFILE_AGE = "profile_age"


TRANSFORMS = (Operation.VALUE, Operation.HOUR, Operation.WEEKDAY, Operation.IS_NIGHT, Operation.IS_WEEKEND)
DAILY_PROFILE_OPERATIONS = (
    Operation.DAILY_PROFILE_COUNT,
    Operation.DAILY_PROFILE_FRAUD_RATE,
    Operation.DAILY_PROFILE_AMOUNT_RATIO,
    Operation.DAILY_PROFILE_AMOUNT_ZSCORE,
)
PROFILE_OPERATIONS = (
    Operation.PROFILE_COUNT,
    Operation.PROFILE_FRAUDS,
    Operation.PROFILE_FRAUD_RATE,
    Operation.PROFILE_AMOUNT_MEAN,
    Operation.PROFILE_AMOUNT_STD,
    Operation.PROFILE_AMOUNT_RATIO,
    Operation.PROFILE_AMOUNT_ZSCORE,
    Operation.PROFILE_AGE,
)
_OF_AMOUNTS = (
    Operation.PROFILE_AMOUNT_MEAN,
    Operation.PROFILE_AMOUNT_STD,
    Operation.PROFILE_AMOUNT_RATIO,
    Operation.PROFILE_AMOUNT_ZSCORE,
)
_OF_DAILY_AMOUNTS = (Operation.DAILY_PROFILE_AMOUNT_RATIO, Operation.DAILY_PROFILE_AMOUNT_ZSCORE)
DERIVED = (Operation.DIVIDE, Operation.SUBTRACT)
"""Float64 of the two float32 inputs, stored as float32; NaN where one is unknown or the divisor is 0."""

CALENDAR = (Operation.HOUR, Operation.WEEKDAY, Operation.IS_NIGHT, Operation.IS_WEEKEND)


@unique
class Test(Enum):
    """How a condition compares a payment's field."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ONE_OF = "one_of"
    SAME = "same"
    """The value of the payment that is being scored."""
    IS_REFUND = "is_refund"
    """Of `amount`: it is below 0, or `Field.refund_field` has one of `Field.refund_values`."""
    IS_PAYMENT = "is_payment"
    """Of `amount`: it is no refund; also where the amount is unknown."""


REFUND_TESTS = (Test.IS_REFUND, Test.IS_PAYMENT)


@dataclass(frozen=True)
class Condition:
    """One term of a filter; a payment without a value of the field satisfies none but `Test.IS_PAYMENT`.

    Attributes:
        field: the name of the field.
        test: how it is compared.
        values: with what; of money and fixed-point numbers in the units of `Events.values`, of booleans 0 or
            1, of texts themselves; one value unless `test` is `ONE_OF`, none for `SAME` and of refunds.
    """

    field: str
    test: Test
    values: tuple[float | int | str, ...] = ()


@dataclass(frozen=True)
class Feature:
    """A column of the model's input.

    Attributes:
        name: of the column.
        text: what an analyst reads for it.
        kind: what it measures, with unit and bounds.
        operation: how it is computed.
        of: the fields that it is computed of: none, one, or two coordinates; of a derived feature the two
            features.
        window_ms: the length of its window, 0 if it has none.
        where: which payments count, all conditions together.
        zone: of a calendar feature: an IANA name, or the name of a field with a country's ISO code; empty is
            UTC. A country that does not exist gives NaN.
        last: of `COUNT_ABOVE_MEAN`: how many of the latest payments it looks at.
        factor: of `COUNT_ABOVE_MEAN`: how many times the mean a payment must exceed.
        every_ms: of a profile: how often it is made.
        hash: identifies what is computed, with the fields it is read from; 16 hex digits.
    """

    name: str
    text: str
    kind: FeatureKind
    operation: Operation
    of: tuple[str, ...] = ()
    window_ms: int = 0
    where: tuple[Condition, ...] = ()
    zone: str = ""
    last: int = 0
    factor: float = 0.0
    every_ms: int = 0
    hash: str = ""

    @property
    def is_calendar(self) -> bool:
        """Whether it only says when a payment was made, not how customers behave."""
        return self.operation in CALENDAR

    @property
    def is_derived(self) -> bool:
        """Whether it is computed of two other features."""
        return self.operation in DERIVED

    @property
    def unit(self) -> str:
        """What one of it is, with the time zone of a calendar feature."""
        return f"{self.kind.unit} ({self.zone or 'UTC'})" if self.kind is FeatureKind.HOUR else self.kind.unit

    @property
    def is_daily_profile(self) -> bool:
        """Whether it comes from the merchant's daily profile."""
        return self.operation in DAILY_PROFILE_OPERATIONS

    @property
    def is_profile(self) -> bool:
        """Whether it comes from the profile of an id or a category."""
        return self.operation in PROFILE_OPERATIONS

    @property
    def is_of_amounts(self) -> bool:
        """Whether it comes from a profile of what was paid, which `of` does not name."""
        return self.operation in _OF_AMOUNTS

    @property
    def is_of_daily_amounts(self) -> bool:
        """Whether it compares with what the merchant's daily profile says of amounts."""
        return self.operation in _OF_DAILY_AMOUNTS

    @property
    def is_of_kernel(self) -> bool:
        """Whether the kernel computes it."""
        return not self.is_daily_profile and not self.is_profile


def feature_hash(feature: Feature, fields: dict[str, Field], features: dict[str, Feature]) -> str:
    """The digest of what a feature computes; not of its name and text, nor of those of what it reads.

    Args:
        feature: of which.
        fields: by name.
        features: by name, with their hashes: at least those that it is derived of.
    """
    source = features if feature.is_derived else fields
    content = [
        feature.operation.value,
        *(_identity(source[name]) for name in feature.of),
        feature.window_ms,
        *sorted(
            (_identity_of_term(one, fields) for one in feature.where),
            key=json.dumps,
        ),
        _identity(fields[feature.zone]) if feature.zone in fields else feature.zone,
        feature.last,
        str(feature.factor),
        *([feature.every_ms] if feature.every_ms else []),
        *([_identity(fields["amount"])] if feature.is_of_amounts else []),
        *([fields["amount"].base] if feature.is_of_daily_amounts and fields["amount"].base else []),
        *(_refund_rule(fields) if feature.is_daily_profile or feature.is_profile else []),
        *(_identity(fields[name]) for name in _ordering(feature) if fields[name].path != (name,)),
    ]
    return blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()


def _identity_of_term(one: Condition, fields: dict[str, Field]) -> list[object]:
    found = [_identity(fields[one.field]), one.test.value, *map(str, one.values)]
    return found + (_refund_rule(fields) if one.test in REFUND_TESTS else [])


def _refund_rule(fields: dict[str, Field]) -> list[object]:
    """What separates refunds from payments; nothing where there are no refunds."""
    amount = fields["amount"]
    if not amount.allows_refunds:
        return []
    kind = [_identity(fields[amount.refund_field]), *amount.refund_values] if amount.refund_field else []
    return ["refunds", *kind]


def _ordering(feature: Feature) -> tuple[str, ...]:
    """The fields by which other payments are found that a feature looks at."""
    if not feature.window_ms:
        return ()
    return ("card_id", "timestamp") if feature.is_of_kernel else ("timestamp",)


def _identity(one: Field | Feature) -> object:
    """What of an input changes a feature's values; what admission lets in does not."""
    if isinstance(one, Feature):
        return one.hash
    base = [one.base] if one.base else []
    return [one.type.value, *one.path, one.scale, bool(one.place), *base]
