"""Features as data: how each is computed, its unit, bounds, text and hash."""

import json
from dataclasses import asdict, dataclass
from enum import Enum, unique
from hashlib import blake2b
from math import inf

from fraud.definitions.fields import Field

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@unique
class FeatureKind(Enum):
    """What a feature measures: its unit, and between which values it lies when it is known, both included."""

    AMOUNT = "minor units", 0.0, inf
    NUMBER = "as in the message", -inf, inf
    COUNT = "payments", 0.0, inf
    DISTINCT_COUNT = "different values", 0.0, inf
    FLAG = "0 or 1", 0.0, 1.0
    CODE = "hash of a text, 1 to 65535", -inf, inf
    HOUR = "hour of the day (UTC)", 0.0, 23.0
    WEEKDAY = "day of the week, Monday is 0", 0.0, 6.0
    SECONDS = "seconds", -inf, inf
    RATIO = "times", 0.0, inf
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
    card's window with the payment in it, the last at the merchant's profile.
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

    PROFILE_COUNT = "profile_count"
    PROFILE_FRAUD_RATE = "profile_fraud_rate"
    PROFILE_AMOUNT_RATIO = "profile_amount_ratio"
    PROFILE_AMOUNT_ZSCORE = "profile_amount_zscore"


TRANSFORMS = (Operation.VALUE, Operation.HOUR, Operation.WEEKDAY, Operation.IS_NIGHT, Operation.IS_WEEKEND)
PROFILE_OPERATIONS = (
    Operation.PROFILE_COUNT,
    Operation.PROFILE_FRAUD_RATE,
    Operation.PROFILE_AMOUNT_RATIO,
    Operation.PROFILE_AMOUNT_ZSCORE,
)
CALENDAR = (Operation.HOUR, Operation.WEEKDAY, Operation.IS_NIGHT, Operation.IS_WEEKEND)


@unique
class Test(Enum):
    """How a condition compares a payment's field."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ONE_OF = "one_of"
    SAME = "same"
    """The value of the payment that is being scored."""


@dataclass(frozen=True)
class Condition:
    """One term of a filter; a payment without a value of the field does not satisfy it.

    Attributes:
        field: the name of the field.
        test: how it is compared.
        values: with what; of money and fixed-point numbers in the units of `Events.values`, of booleans 0 or
            1, of texts themselves; one value unless `test` is `ONE_OF`, none for `SAME`.
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
        of: the fields that it is computed of: none, one, or two coordinates.
        window_ms: the length of its window, 0 if it has none.
        where: which payments count, all conditions together.
        zone: of a calendar feature: an IANA name, or the name of a field with a country; empty is UTC.
        last: of `COUNT_ABOVE_MEAN`: how many of the latest payments it looks at.
        factor: of `COUNT_ABOVE_MEAN`: how many times the mean a payment must exceed.
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
    hash: str = ""

    @property
    def is_calendar(self) -> bool:
        """Whether it only says when a payment was made, not how customers behave."""
        return self.operation in CALENDAR

    @property
    def is_profile(self) -> bool:
        """Whether it comes from a profile and not from the kernel."""
        return self.operation in PROFILE_OPERATIONS


def feature_hash(feature: Feature, fields: dict[str, Field]) -> str:
    """The digest of what a feature computes and of the fields that it reads; not of its name and text."""
    names = dict.fromkeys((*feature.of, *(one.field for one in feature.where), feature.zone))
    read = {name: _plain(fields[name]) for name in names if name in fields}
    content = _plain(feature) | {"fields": read}
    for name in ("name", "text", "kind", "hash"):
        del content[name]
    text = json.dumps(content, sort_keys=True, default=lambda one: one.value)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(one: Field | Feature) -> dict[str, object]:
    return {name: str(value) if isinstance(value, float) else value for name, value in asdict(one).items()}
