"""From the file to `Definitions`: read, checked, expanded and hashed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fraud.definitions.definitions import Definitions
from fraud.definitions.document import ConditionPart, DefinitionsDocument, FeaturePart, FieldPart
from fraud.definitions.features import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Condition,
    Feature,
    FeatureKind,
    Operation,
    Test,
    feature_hash,
)
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType
from fraud.definitions.zones import UTC_ZONE
from fraud.errors import ConfigurationError

_SHIPPED = files("fraud.definitions") / "v1.yaml"
_UNITS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_RANGE = re.compile(r"^([A-Za-z_]*)([0-9]+)\.\.([A-Za-z_]*)([0-9]+)$")
_LATITUDE, _LONGITUDE = (-90.0, 90.0), (-180.0, 180.0)

_PROFILE = {
    "count": Operation.PROFILE_COUNT,
    "fraud_rate": Operation.PROFILE_FRAUD_RATE,
    "amount_ratio": Operation.PROFILE_AMOUNT_RATIO,
    "amount_zscore": Operation.PROFILE_AMOUNT_ZSCORE,
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
    # Whether it is a ratio depends on the signs of its inputs.
    Operation.DIVIDE: FeatureKind.RATIO,
    Operation.SUBTRACT: FeatureKind.NUMBER,
    Operation.PROFILE_COUNT: FeatureKind.COUNT,
    Operation.PROFILE_FRAUD_RATE: FeatureKind.FRAUD_RATE,
    Operation.PROFILE_AMOUNT_RATIO: FeatureKind.RATIO,
    Operation.PROFILE_AMOUNT_ZSCORE: FeatureKind.DEVIATION,
}
"""Of those whose kind does not depend on the field."""

_VALUE_KINDS = {
    FieldType.MONEY: FeatureKind.AMOUNT,
    FieldType.CATEGORY: FeatureKind.CODE,
    FieldType.BOOLEAN: FeatureKind.FLAG,
}


@cache
def load_definitions(path: Path | None = None) -> Definitions:
    """The definitions in a file, or the ones that are shipped.

    Raises:
        ConfigurationError: the file cannot be used; says where and why.
    """
    source = str(path or "v1.yaml")
    try:
        text = (path or _SHIPPED).read_text(encoding="utf-8")
        document = DefinitionsDocument.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"the definitions in {source} cannot be used: {error}") from error
    return build_definitions(document, source)


def build_definitions(document: DefinitionsDocument, source: str) -> Definitions:
    """Expand what was read.

    Raises:
        ConfigurationError: a feature or a field makes no sense.
    """
    fields = tuple(field for name, part in document.fields.items() for field in _fields(name, part))
    places = {
        name: _column_names(part.columns) for name, part in document.fields.items() if part.type == "place"
    }
    by_name = {field.name: field for field in fields}
    missing = [name for name in CORE_FIELDS if name not in by_name]
    if missing:
        raise ConfigurationError(f"{source} lacks the field {missing[0]}; every payment needs it")
    features = [_feature(part, by_name, places) for part in document.features]
    features.sort(key=lambda one: one.is_profile)
    return Definitions(source, fields, _hashed(features, by_name))


def _hashed(features: list[Feature], fields: dict[str, Field]) -> tuple[Feature, ...]:
    """The features with their hashes; what a derived one is derived of comes first."""
    by_name = {one.name: one for one in features}
    inputs = {one.name: one.of if one.is_derived else () for one in features}
    for name in TopologicalSorter(inputs).static_order():
        by_name[name] = replace(by_name[name], hash=feature_hash(by_name[name], fields, by_name))
    return tuple(by_name[one.name] for one in features)


def _column_names(columns: str | list[str] | None) -> list[str]:
    if columns is None:
        return []
    if isinstance(columns, list):
        return columns
    found = _RANGE.match(columns)
    if found is None or found[1] != found[3]:
        return [columns]
    return [f"{found[1]}{number}" for number in range(int(found[2]), int(found[4]) + 1)]


def _fields(name: str, part: FieldPart) -> Iterator[Field]:
    around = tuple(part.path.split(".")) if part.path else ()
    if part.type == "place":
        for column, bounds in zip(_column_names(part.columns), (_LATITUDE, _LONGITUDE), strict=True):
            yield Field(
                column, FieldType.NUMBER, (*around, column), part.optional,
                lowest=bounds[0], highest=bounds[1], place=name,
            )  # fmt: skip
    elif part.columns:
        for column in _column_names(part.columns):
            yield _field(column.lower(), part, (*around, column))
    else:
        yield _field(name, part, around or (name,))


def _field(name: str, part: FieldPart, path: tuple[str, ...]) -> Field:
    kind = FieldType(part.type)
    least = part.min_length if part.min_length is not None else int(kind is FieldType.ID)
    most = 3 if kind is FieldType.CURRENCY else part.max_length or 64
    lowest = -inf if part.at_least is None else part.at_least
    highest = inf if part.at_most is None else part.at_most
    return Field(name, kind, path, part.optional, least, most, lowest, highest, part.scale)


def _feature(part: FeaturePart, fields: dict[str, Field], places: dict[str, list[str]]) -> Feature:
    operation = _operation(part)
    of = part.divide or part.subtract or _inputs(part, places)
    return Feature(
        name=part.name,
        text=part.text or part.name.replace("_", " "),
        kind=_kind(operation, fields.get(of[0]) if of else None),
        operation=operation,
        of=of,
        window_ms=int(part.window[:-1]) * _UNITS[part.window[-1]] if part.window else 0,
        where=tuple(one for name, test in part.where.items() for one in _conditions(fields[name], test)),
        zone="" if part.zone in (None, UTC_ZONE) else part.zone,
        last=part.last or 0,
        factor=part.factor or 0.0,
    )


def _operation(part: FeaturePart) -> Operation:
    if part.profile:
        return _PROFILE[part.value or "count"]
    if part.divide:
        return Operation.DIVIDE
    return Operation.SUBTRACT if part.subtract else Operation(part.transform or part.aggregate)


def _inputs(part: FeaturePart, places: dict[str, list[str]]) -> tuple[str, ...]:
    name = part.profile or part.of
    return () if name is None else tuple(places.get(name, [name]))


def _kind(operation: Operation, field: Field | None) -> FeatureKind:
    if operation in _KINDS:
        return _KINDS[operation]
    return _VALUE_KINDS.get(field.type, FeatureKind.NUMBER) if field else FeatureKind.NUMBER


def _conditions(field: Field, test: ConditionPart | bool | str) -> Iterator[Condition]:
    if test == "same":
        yield Condition(field.name, Test.SAME)
    elif isinstance(test, bool):
        yield Condition(field.name, Test.ONE_OF, (int(test),))
    elif isinstance(test, str):
        yield Condition(field.name, Test.ONE_OF, (test,))
    else:
        if test.at_least is not None:
            yield Condition(field.name, Test.AT_LEAST, (_stored(field, test.at_least),))
        if test.at_most is not None:
            yield Condition(field.name, Test.AT_MOST, (_stored(field, test.at_most),))
        if test.one_of is not None:
            yield Condition(field.name, Test.ONE_OF, tuple(test.one_of))


def _stored(field: Field, value: float) -> Any:
    """A number as `Events.values` has it; money in units of a hundredth."""
    if field.type is FieldType.MONEY:
        return round(value * 100)
    return round(value * 10**field.scale) if field.type is FieldType.FIXED else value
