"""From the parts of a document to fields and features; the parts have been checked."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from fraud.definitions.document import TOPIC, ConditionPart, FeaturePart, FieldPart, MoneyPart
from fraud.definitions.features import (
    DAILY_PROFILE_OPERATIONS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PROFILE_OPERATIONS,
    Condition,
    Feature,
    FeatureKind,
    Operation,
    Test,
)
from fraud.definitions.fields import Field, FieldType
from fraud.definitions.texts import default_text, field_text
from fraud.definitions.zones import UTC_ZONE
from fraud.money.base import BaseCurrency

LATITUDE, LONGITUDE = (-90.0, 90.0), (-180.0, 180.0)
_UNITS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_RANGE = re.compile(r"([A-Za-z_]*)([0-9]{1,6})\.\.([A-Za-z_]*)([0-9]{1,6})")

PROFILE_VALUES = {
    "count": Operation.PROFILE_COUNT,
    "frauds": Operation.PROFILE_FRAUDS,
    "fraud_rate": Operation.PROFILE_FRAUD_RATE,
    "amount_mean": Operation.PROFILE_AMOUNT_MEAN,
    "amount_std": Operation.PROFILE_AMOUNT_STD,
    "amount_ratio": Operation.PROFILE_AMOUNT_RATIO,
    "amount_zscore": Operation.PROFILE_AMOUNT_ZSCORE,
    "age": Operation.PROFILE_AGE,
}
DAILY_PROFILE_VALUES = {
    "count": Operation.DAILY_PROFILE_COUNT,
    "fraud_rate": Operation.DAILY_PROFILE_FRAUD_RATE,
    "amount_ratio": Operation.DAILY_PROFILE_AMOUNT_RATIO,
    "amount_zscore": Operation.DAILY_PROFILE_AMOUNT_ZSCORE,
}
_KINDS = {
    Operation.HOUR: FeatureKind.HOUR,
    Operation.WEEKDAY: FeatureKind.WEEKDAY,
    Operation.IS_NIGHT: FeatureKind.FLAG,
    Operation.IS_WEEKEND: FeatureKind.FLAG,
    Operation.RATIO: FeatureKind.RATIO,
    Operation.ZSCORE: FeatureKind.DEVIATION,
    Operation.IS_NEW: FeatureKind.FLAG,
    Operation.SECONDS_SINCE_LAST: FeatureKind.SECONDS,
    Operation.SECONDS_SINCE_FIRST: FeatureKind.SECONDS,
    Operation.SPEED: FeatureKind.SPEED,
    Operation.COUNT: FeatureKind.COUNT,
    Operation.DISTINCT: FeatureKind.DISTINCT_COUNT,
    Operation.SHARE: FeatureKind.SHARE,
    Operation.COUNT_ABOVE_MEAN: FeatureKind.COUNT,
    Operation.SUBTRACT: FeatureKind.NUMBER,
    Operation.DAILY_PROFILE_COUNT: FeatureKind.COUNT,
    Operation.DAILY_PROFILE_FRAUD_RATE: FeatureKind.FRAUD_RATE,
    Operation.DAILY_PROFILE_AMOUNT_RATIO: FeatureKind.RATIO,
    Operation.DAILY_PROFILE_AMOUNT_ZSCORE: FeatureKind.DEVIATION,
    Operation.PROFILE_COUNT: FeatureKind.COUNT,
    Operation.PROFILE_FRAUDS: FeatureKind.COUNT,
    Operation.PROFILE_FRAUD_RATE: FeatureKind.FRAUD_RATE,
    Operation.PROFILE_AMOUNT_MEAN: FeatureKind.AMOUNT,
    Operation.PROFILE_AMOUNT_STD: FeatureKind.AMOUNT,
    Operation.PROFILE_AMOUNT_RATIO: FeatureKind.RATIO,
    Operation.PROFILE_AMOUNT_ZSCORE: FeatureKind.DEVIATION,
    Operation.PROFILE_AGE: FeatureKind.AGE,
}
"""Of those whose kind does not depend on what they are computed of."""

_OF_MONEY = (Operation.VALUE, Operation.SUM, Operation.MEAN, Operation.MIN, Operation.MAX, Operation.STD)
_OF_PAYMENTS = tuple(one for one in (*DAILY_PROFILE_OPERATIONS, *PROFILE_OPERATIONS) if "amount" in one.value)
"""Profiles of what was paid: their `of` is whose payments."""
_OF_THOSE_THAT_COUNT = (Operation.SUM, Operation.MEAN, Operation.MIN, Operation.MAX)
"""Not of the payment that is scored, which may be a refund itself."""
_SPREADS = (Operation.STD, Operation.PROFILE_AMOUNT_STD)
"""Never below 0."""
_OF_REFUNDS = {FeatureKind.AMOUNT: FeatureKind.SIGNED_AMOUNT, FeatureKind.RATIO: FeatureKind.SIGNED_RATIO}
"""Where an amount may be below 0."""

_KINDS_BY_FIELD = {(operation, FieldType.MONEY): FeatureKind.AMOUNT for operation in _OF_MONEY} | {
    (Operation.VALUE, FieldType.CATEGORY): FeatureKind.CODE,
    (Operation.VALUE, FieldType.BOOLEAN): FeatureKind.FLAG,
    (Operation.MIN, FieldType.BOOLEAN): FeatureKind.FLAG,
    (Operation.MAX, FieldType.BOOLEAN): FeatureKind.FLAG,
    (Operation.MEAN, FieldType.BOOLEAN): FeatureKind.SHARE,
    (Operation.SUM, FieldType.BOOLEAN): FeatureKind.COUNT,
}


def column_names(columns: str | list[str] | None) -> list[str]:
    """The names in the message of several fields: of a list, or of a range such as `V1..V28`.

    Raises:
        ValueError: it is a text but no range.
    """
    if isinstance(columns, list) or columns is None:
        return columns or []
    found = _RANGE.fullmatch(columns)
    if found is None or found[1] != found[3]:
        raise ValueError(f"{columns} is no range")
    return [f"{found[1]}{number}" for number in range(int(found[2]), int(found[4]) + 1)]


def expand_field(name: str, part: FieldPart, base: str = "") -> Iterator[Field]:
    """The fields of one entry; `base` is the currency of amounts in features, empty if there is none."""
    around = tuple(part.path.split(".")) if part.path else ()
    if part.type == "place":
        for column, bounds in zip(column_names(part.columns), (LATITUDE, LONGITUDE), strict=True):
            yield Field(
                column, FieldType.NUMBER, (*around, column), part.optional, lowest=bounds[0],
                highest=bounds[1], place=name, text=part.text or field_text(column),
            )  # fmt: skip
    elif part.columns:
        for column in column_names(part.columns):
            yield _field(column.lower(), part, (*around, column), base)
    else:
        yield _field(name, part, around or (name,), base)


def _field(name: str, part: FieldPart, path: tuple[str, ...], base: str) -> Field:
    kind = FieldType(part.type)
    least = part.min_length if part.min_length is not None else int(kind is FieldType.ID)
    most = 3 if kind is FieldType.CURRENCY else part.max_length or 64
    lowest = -inf if part.at_least is None else part.at_least
    highest = inf if part.at_most is None else part.at_most
    is_other_money = kind is FieldType.MONEY and name != "amount"
    allows_refunds = bool(part.refunds) or (is_other_money and (part.at_least or 0) < 0)
    if is_other_money and not allows_refunds:
        # Of the payment's own amount admission decides, with its limits.
        lowest = max(lowest, 0.0)
    text = part.text or field_text(name)
    by_field = part.refunds if isinstance(part.refunds, dict) else {}
    refund_field = next(iter(by_field), "")
    refund_values = tuple(sorted(by_field.get(refund_field, ())))
    return Field(
        name, kind, path, part.optional, least, most, lowest, highest, part.scale or 0, text=text,
        base=base if kind is FieldType.MONEY else "", allows_refunds=allows_refunds,
        refund_field=refund_field, refund_values=refund_values,
    )  # fmt: skip


def expand_money(part: MoneyPart, folder: Path) -> BaseCurrency:
    """The base currency; `folder` is where the definitions file is."""
    path = None if part.rates == TOPIC else folder / part.rates
    return BaseCurrency(part.base, path, int(part.max_age[:-1]))


def expand_feature(
    part: FeaturePart, fields: dict[str, Field], places: dict[str, tuple[str, ...]], every_ms: int
) -> Feature:
    """A feature without its hash; the kind and text of a derived one follow its inputs (`with_inputs`)."""
    operation = operation_of(part)
    of = part.divide or part.subtract or _inputs(part, places)
    feature = Feature(
        name=part.name,
        text=part.text or "",
        kind=_kind(operation, _measured(operation, of, fields), part.refunds),
        operation=operation,
        of=of,
        window_ms=window_ms(part.window) if part.window else 0,
        where=(
            *(one for name, test in part.where.items() for one in conditions(fields[name], test)),
            *_refund_terms(part, fields),
        ),
        zone="" if part.zone in (None, UTC_ZONE) else part.zone,
        last=part.last or 0,
        factor=part.factor or 0.0,
        every_ms=every_ms if part.profile else 0,
    )
    return replace(feature, text=feature.text or default_text(feature, part.window or "", fields))


def with_inputs(feature: Feature, inputs: list[Feature]) -> Feature:
    """A derived feature with what follows from the two that it is derived of."""
    first, second = inputs
    text = feature.text or (
        f"{first.text} divided by {second.text}"
        if feature.operation is Operation.DIVIDE
        else f"{first.text} minus {second.text}"
    )
    is_ratio = feature.operation is Operation.DIVIDE and min(one.kind.lowest for one in inputs) >= 0
    return replace(feature, text=text, kind=FeatureKind.RATIO if is_ratio else FeatureKind.NUMBER)


def operation_of(part: FeaturePart) -> Operation:
    """How it is computed."""
    if part.profile:
        return PROFILE_VALUES[part.value or "count"]
    if part.daily_profile:
        return DAILY_PROFILE_VALUES.get(part.value or "count", Operation.DAILY_PROFILE_COUNT)
    if part.divide:
        return Operation.DIVIDE
    return Operation.SUBTRACT if part.subtract else Operation(part.transform or part.aggregate)


def window_ms(window: str) -> int:
    """The length of `30d` and the like."""
    return int(window[:-1]) * _UNITS[window[-1]]


def _inputs(part: FeaturePart, places: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    name = part.profile or part.daily_profile or part.of
    return () if name is None else places.get(name, (name,))


def _measured(operation: Operation, of: tuple[str, ...], fields: dict[str, Field]) -> Field | None:
    """The field whose values a feature has, None if it has none, or features for inputs."""
    if operation in _OF_PAYMENTS:
        return fields["amount"]
    return fields.get(of[0]) if of else None


def _refund_terms(part: FeaturePart, fields: dict[str, Field]) -> Iterator[Condition]:
    """Refunds do not count as payments, unless a feature says that they do."""
    if part.aggregate is not None and fields["amount"].allows_refunds and part.refunds != "with":
        yield Condition("amount", Test.IS_REFUND if part.refunds == "only" else Test.IS_PAYMENT)


def _kind(operation: Operation, field: Field | None, refunds: str | None) -> FeatureKind:
    if field is None:
        return _KINDS.get(operation, FeatureKind.NUMBER)
    kind = _KINDS.get(operation) or _KINDS_BY_FIELD.get((operation, field.type), FeatureKind.NUMBER)
    is_signed = field.allows_refunds and operation not in _SPREADS
    if field.name == "amount" and operation in _OF_THOSE_THAT_COUNT and refunds not in ("with", "only"):
        is_signed = False
    return _OF_REFUNDS.get(kind, kind) if is_signed else kind


def conditions(field: Field, test: ConditionPart | bool | float | str) -> Iterator[Condition]:
    """The terms of a filter on one field."""
    if isinstance(test, ConditionPart):
        if test.at_least is not None:
            yield Condition(field.name, Test.AT_LEAST, (_stored(field, test.at_least),))
        if test.at_most is not None:
            yield Condition(field.name, Test.AT_MOST, (_stored(field, test.at_most),))
        if test.one_of is not None:
            yield Condition(field.name, Test.ONE_OF, tuple(sorted(test.one_of)))
    elif test == "same":
        yield Condition(field.name, Test.SAME)
    else:
        yield Condition(field.name, Test.ONE_OF, (int(test) if isinstance(test, bool) else str(test),))


def _stored(field: Field, value: float) -> Any:
    """A number as `Events.values` has it; money without a base in units of a hundredth."""
    if field.type in (FieldType.MONEY, FieldType.FIXED):
        return round(value * 10**field.decimals)
    # Without the sign of a zero.
    return value + 0.0
