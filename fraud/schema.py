"""Messages of the topics, and the Arrow schemas derived from them.

Money is a decimal on the wire and an integer of minor units everywhere inside, so that sums are exact.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Annotated, Literal

import msgspec
import pyarrow as pa
from msgspec import Meta

from fraud.decisions.outcomes import Outcome
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.money.currencies import CURRENCY_LETTERS as CURRENCY_LETTERS
from fraud.money.currencies import currency_index_of as currency_index_of
from fraud.money.currencies import is_currency as is_currency
from fraud.money.currencies import minor_digits as minor_digits
from fraud.money.currencies import unusual_currencies as unusual_currencies

Identifier = Annotated[str, Meta(min_length=1, max_length=64)]
MAX_MILLIS = 253_402_300_799_999
"""The last moment of the year 9999, as far as calendars reach."""
Millis = Annotated[int, Meta(ge=0, le=MAX_MILLIS)]
MinorUnits = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]
SmallCount = Annotated[int, Meta(ge=0, le=(1 << 31) - 1)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")]
LabelSource = Literal["chargeback", "analyst", "customer"]
FieldValue = str | int | float | bool
"""Of a declared field that is present: minor units of money, ms of a time, units of a fixed-point number."""

_FACTORS = tuple(Decimal(10) ** digits for digits in range(10))
_MAX_DIGITS = 18
_EXACT = Context(prec=64, traps=[Inexact, InvalidOperation, Overflow])
"""Raises where the default context would round."""


class Label(msgspec.Struct, frozen=True, gc=False):
    """Whether a transaction was fraud, reported days later; of several the latest `reported_at` wins."""

    transaction_id: Identifier
    card_id: Identifier
    is_fraud: bool
    reported_at: Millis
    source: LabelSource = "chargeback"


class MerchantProfile(msgspec.Struct, frozen=True, gc=False):
    """What was known of a merchant before the midnight (UTC) at which `date` starts.

    `values` follow `fraud.features.profiles.PROFILE_COLUMNS`; None is unknown.
    """

    merchant_id: Identifier
    date: Day
    feature_version: SmallCount
    values: list[float | None]


class Reason(msgspec.Struct, frozen=True, gc=False):
    """Why a transaction was flagged: one feature's contribution and a text for analysts."""

    feature: str
    value: float | None
    contribution: float
    text: str


class Prediction(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Score and decision of one transaction; `amount` is in minor units, times are UTC ms.

    The bounds keep numbers within 64 bits and dates within the calendar. A model is identified by its
    digest (`ModelBundle.digest`) and MLflow's run, not by the registry's number; predictions of earlier
    versions have no digest. `definitions` is `Definitions.digest`, None for the features of v1; `features`
    have the order of its features. `fields` are the values of a reviewed payment's further fields. Where the
    definitions have a base currency, `amount_base` is the amount in its minor units, None without a rate, and
    `rate_date` the date of the rate, None where the payment was in the base. `profile_moment` is the moment
    (ms) of the profiles of ids and categories: they know what was paid and reported before; None where there
    were none. `profiles` are a reviewed payment's features of them, by name.

    Two kinds of payments carry `features`: those that analysts are shown (`is_shown`), and a share of all,
    drawn by the transaction id, whose distribution is that of all payments. `in_feature_sample` is false for
    those that carry them only because they are shown. `contributions` are those of each of the definitions'
    features to the score of a shown payment, in log-odds before calibration.

    `score` is the model's probability of fraud, `decision` the outcome. Without a policy all that follows is
    absent from the message. `policy` is the version of the policy and `policy_digest` its content;
    `lists_position` is the offset of the topic of lists before which all entries were known. `rules` are the
    live rules that fired, by priority, each as `name@version` with the version of the policy that changed
    it last, `shadow_rules` those in shadow. `lists` are the lists that the payment is on. `decided_by` is
    `list NAME` or `rule NAME`, None of the bands. `would_be` is the outcome that a payment of the control
    group would have had, and `control_share` the group's share of the cards. `is_sample` marks an approved
    payment that analysts are given to review at random.
    `shadow_policy` and `shadow_decision` are the version under the alias `shadow` and its outcome.
    """

    transaction_id: str
    card_id: str
    timestamp: Millis
    amount: MinorUnits
    currency: str
    score: Probability
    decision: Outcome
    threshold: float
    model_name: str
    model_version: str
    feature_version: SmallCount
    scored_at: Millis
    profile_date: str | None = None
    reasons: list[Reason] | None = None
    features: list[float | None] | None = None
    challenger_version: str | None = None
    challenger_score: Probability | None = None
    model_digest: str | None = None
    model_run: str | None = None
    challenger_digest: str | None = None
    definitions: str | None = None
    fields: dict[str, FieldValue] | None = None
    amount_base: MinorUnits | None = None
    rate_date: Day | None = None
    profile_moment: Millis | None = None
    profiles: dict[str, float | None] | None = None
    in_feature_sample: bool = True
    contributions: list[float] | None = None
    policy: str | None = None
    policy_digest: str | None = None
    lists_position: int | None = None
    segment: str | None = None
    rules: list[str] | None = None
    shadow_rules: list[str] | None = None
    lists: list[str] | None = None
    decided_by: str | None = None
    would_be: Outcome | None = None
    is_sample: bool = False
    shadow_policy: str | None = None
    shadow_decision: Outcome | None = None
    control_share: Probability | None = None


def is_shown(prediction: Prediction) -> bool:
    """Whether analysts are shown a payment: it was not approved, or is a sample for review."""
    return prediction.decision != "approve" or prediction.is_sample


BASE_CURRENCY = "EUR"
"""The currency of limits."""


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units.

    Raises:
        ValueError: it is not finite, has a fraction of a minor unit, or more digits than any sum of money.
    """
    return to_units(amount, minor_digits(currency), "amount", currency)


def to_units(value: Decimal, digits: int, name: str, unit: str) -> int:
    """A decimal number in units of 10 ** -digits; `name` and `unit` are for the sentence of an error.

    Raises:
        ValueError: it is not finite, has a fraction of a unit, or more digits than any sum of money.
    """
    try:
        scaled = _EXACT.multiply(value, _FACTORS[digits])
        # An integer of a million digits would take minutes to write out.
        units = int(scaled) if scaled.adjusted() <= _MAX_DIGITS else None
    except (ArithmeticError, ValueError):
        raise ValueError(f"{name} is not a finite number of sensible length") from None
    if units is None:
        raise ValueError(f"{name} is too large for any sum of money")
    if units != scaled:
        raise ValueError(f"{name} {value} has more decimals than {unit} knows")
    return units


def from_minor(minor: int, currency: str) -> Decimal:
    """The inverse of `to_minor`."""
    return Decimal(minor).scaleb(-minor_digits(currency))


_POSITION = [("partition", pa.int32()), ("offset", pa.int64()), ("kafka_timestamp", pa.int64())]
_ARROW_TYPES: dict[str, pa.DataType] = {
    "reported_at": pa.int64(),
    "is_fraud": pa.bool_(),
}


_FIELD_ARROW: dict[FieldType, pa.DataType] = {
    FieldType.MONEY: pa.int64(),
    FieldType.TIME: pa.int64(),
    FieldType.FIXED: pa.int64(),
    FieldType.NUMBER: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
}
"""Of the fields that are no texts."""


def transaction_arrow(definitions: Definitions) -> pa.Schema:
    """The lake's columns of payments: the position in the log, and a column for each field.

    Texts are texts; money is in minor units, a time in ms, a fixed-point number in units of 10 ** -scale.
    """
    position = [pa.field(name, kind, nullable=False) for name, kind in _POSITION]
    return pa.schema(
        position
        + [
            pa.field(one.name, _FIELD_ARROW.get(one.type, pa.string()), nullable=one.is_optional)
            for one in definitions.fields
        ]
    )


def _arrow_schema(struct: type[msgspec.Struct]) -> pa.Schema:
    fields = [
        pa.field(field.name, _ARROW_TYPES.get(field.name, pa.string()), nullable=not field.required)
        for field in msgspec.structs.fields(struct)
    ]
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in _POSITION] + fields)


LABEL_ARROW = _arrow_schema(Label)
