"""What is wrong with the features of a document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from fraud.definitions.checks.condition_check import condition_complaints
from fraud.definitions.checks.feature_rules import RULES, fitting_operations
from fraud.definitions.checks.field_check import KnownFields, require_field, type_of
from fraud.definitions.checks.problems import Path, Problems, listed, suggestion
from fraud.definitions.document import DefinitionsDocument, EntityPart, FeaturePart
from fraud.definitions.expansion import DAILY_PROFILE_VALUES, PROFILE_VALUES, operation_of, window_ms
from fraud.definitions.features import (
    CALENDAR,
    DAILY_PROFILE_OPERATIONS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PROFILE_OPERATIONS,
    Operation,
)
from fraud.definitions.fields import Field, FieldType
from fraud.definitions.zones import UTC_ZONE, zone_names

MAX_WINDOW_MS = 90 * DAY_MS
_SHORTEST_EVERY_MS = 5 * MINUTE_MS
DAILY_PROFILE_WINDOWS = {
    Operation.DAILY_PROFILE_COUNT: ("1d", "7d", "14d", "30d"),
    Operation.DAILY_PROFILE_FRAUD_RATE: ("1d", "7d", "14d", "30d"),
    Operation.DAILY_PROFILE_AMOUNT_RATIO: ("30d",),
    Operation.DAILY_PROFILE_AMOUNT_ZSCORE: ("30d",),
}
_RESERVED = {
    "transaction_id", "card_id", "merchant_id", "currency", "timestamp", "partition", "offset", "day",
    "profile_date", "profile_moment", "is_fraud", "reported_at", "paid_amount", "paid_currency",
}  # fmt: skip
"""Columns of the training rows beside the features."""

_ENTITY = ("card", "card_id")
_ONE_ENTITY = "only entities: {card: {key: card_id}} is supported so far"
_OWN_KEYS = {"zone": CALENDAR, "last": (Operation.COUNT_ABOVE_MEAN,), "factor": (Operation.COUNT_ABOVE_MEAN,),
             "value": (*DAILY_PROFILE_OPERATIONS, *PROFILE_OPERATIONS)}  # fmt: skip
"""Keys that fit few operations."""


_WITHOUT_SAME = (Operation.MIN, Operation.MAX, Operation.DISTINCT)
"""Of these nothing is kept by value, and a large card cannot be searched for each payment."""


@dataclass(frozen=True)
class NumberedFeature:
    """A feature of the file, and where it is there."""

    part: FeaturePart
    path: Path

    @property
    def subject(self) -> str:
        """How messages call it."""
        return f"feature {self.part.name}"


def check_entities(entities: dict[str, EntityPart], problems: Problems) -> None:
    """Note entities that are not supported."""
    for name, part in entities.items():
        if (name, part.key) != _ENTITY:
            problems.add(("entities", name), f"entity {name}: {_ONE_ENTITY}")


def check_features(
    document: DefinitionsDocument,
    paths: Sequence[Path],
    known: KnownFields,
    names: set[str],
    problems: Problems,
) -> None:
    """Note what is wrong with the features.

    Args:
        document: with the features.
        paths: where each is in the file.
        known: the fields.
        names: of all features in the file, also of those that could not be read.
        problems: takes what is found.
    """
    every_ms = check_profiles(document.profiles.every, problems)
    features = [NumberedFeature(part, path) for part, path in zip(document.features, paths, strict=True)]
    by_name: dict[str, NumberedFeature] = {}
    for one in features:
        first = by_name.setdefault(one.part.name, one)
        if first is not one:
            line = problems.line_of((*first.path, "name"))
            sentence = f"there are two features {one.part.name}, the first on line {line}; rename one"
            problems.add((*one.path, "name"), sentence)
    for one in features:
        operation = operation_of(one.part)
        for key, sentence in _complaints(one, operation, every_ms, known, problems):
            problems.add((*one.path, *key.split("/")) if key else one.path, f"{one.subject}: {sentence}")
        _check_inputs(one, by_name, names, problems)
    _check_cycles(by_name, problems)
    if features and all(one.part.profile or one.part.daily_profile for one in features):
        problems.add(
            ("features",), "all features come from profiles; give at least one of the payment itself"
        )


def _complaints(
    one: NumberedFeature, operation: Operation, every_ms: int, known: KnownFields, problems: Problems
) -> Iterator[tuple[str, str]]:
    part = one.part
    yield from _name_complaints(part, operation)
    yield from _key_complaints(part, operation)
    yield from _same_complaints(part, operation)
    yield from _entity_complaints(part)
    yield from _window_complaints(part, operation)
    yield from _of_complaints(one, operation, known, problems)
    yield from _profile_complaints(one, every_ms, known, problems)
    yield from _zone_complaints(part, operation, known)
    for name, test in part.where.items():
        found = require_field(name, known, (*one.path, "where", name), one.subject, problems)
        if name in known.places:
            yield f"where/{name}", f"where cannot look at the place {name}; use one of its coordinates"
        elif found is not None:
            yield from ((f"where/{name}", sentence) for sentence in condition_complaints(found, test))


def _name_complaints(part: FeaturePart, operation: Operation) -> Iterator[tuple[str, str]]:
    if part.name in _RESERVED:
        yield "name", f"the name {part.name} is taken by a column of the training rows; choose another"
    elif part.name == "amount" and (operation, part.of) != (Operation.VALUE, "amount"):
        yield "name", "the name amount is taken by the payment's amount itself; choose another"


def _same_complaints(part: FeaturePart, operation: Operation) -> Iterator[tuple[str, str]]:
    if operation in _WITHOUT_SAME and "same" in part.where.values():
        yield "where", f"same does not fit {_what(part)}; compare with a value, or remove it"


def _key_complaints(part: FeaturePart, operation: Operation) -> Iterator[tuple[str, str]]:
    what = _what(part)
    for key, operations in _OWN_KEYS.items():
        if getattr(part, key) is not None and operation not in operations:
            fitting = "a profile" if key == "value" else listed((one.value for one in operations), "or")
            yield key, f"{key} does not fit {what}, only {fitting}; remove it"
    if operation is Operation.COUNT_ABOVE_MEAN:
        for key, example in (("last", 10), ("factor", 3.0)):
            if getattr(part, key) is None:
                yield "", f"count_above_mean needs {key}; add {key}: {example}"
    if part.where and not RULES[operation].takes_where:
        yield "where", f"where does not fit {what}; remove it"
    if not part.where and RULES[operation].needs_where:
        yield "", f"{what} needs where: the payments whose share it is; add where: {{FIELD: VALUE}}"


def _entity_complaints(part: FeaturePart) -> Iterator[tuple[str, str]]:
    if part.entity is not None and part.aggregate is None:
        yield "entity", f"entity does not fit {_what(part)}, only an aggregate; remove it"
    elif part.entity not in (None, _ENTITY[0]):
        yield "entity", f"the entity {part.entity} does not exist; {_ONE_ENTITY}"
    if part.daily_profile not in (None, "merchant_id"):
        yield "daily_profile", f"it exists of merchant_id only, not of {part.daily_profile}; use profile"
    if part.daily_profile is not None and part.value not in (None, *DAILY_PROFILE_VALUES):
        yield "value", f"a daily profile has no {part.value}; use profile"
    if (part.profile or part.daily_profile) and part.value is None:
        values = PROFILE_VALUES if part.profile else DAILY_PROFILE_VALUES
        yield "", f"a profile needs a value; add value: {listed(values, 'or')}"


def _profile_complaints(
    one: NumberedFeature, every_ms: int, known: KnownFields, problems: Problems
) -> Iterator[tuple[str, str]]:
    part = one.part
    if part.profile is None:
        return
    field = require_field(part.profile, known, (*one.path, "profile"), one.subject, problems)
    if part.profile in known.places or (field and field.type not in (FieldType.ID, FieldType.CATEGORY)):
        yield "profile", f"{part.profile} is no id and no category, which alone have profiles; name one"
    if part.window is not None and window_ms(part.window) % every_ms:
        yield "window", _no_multiple(part.window, every_ms)


def _no_multiple(window: str, every_ms: int) -> str:
    length = (window_ms(window) // every_ms + 1) * every_ms
    hours, rest = divmod(length, HOUR_MS)
    near = f"{length // MINUTE_MS}m" if rest else f"{hours}h"
    return (
        f"the window {window} is not a multiple of how often profiles are made, "
        f"{every_ms // MINUTE_MS}m; write {near} or change profiles: {{every}}"
    )


def check_profiles(every: str, problems: Problems) -> int:
    """How often profiles are made, ms; notes an interval at which they cannot be, and gives a minute."""
    length = window_ms(every)
    if length < _SHORTEST_EVERY_MS or length > DAY_MS or DAY_MS % length:
        sentence = f"every {every} is not between 5m and 1d, or a day is no multiple of it; write 15m, 1h"
        problems.add(("profiles", "every"), f"profiles: {sentence} or 1d")
        return MINUTE_MS
    return length


def _window_complaints(part: FeaturePart, operation: Operation) -> Iterator[tuple[str, str]]:
    what, windows = _what(part), DAILY_PROFILE_WINDOWS.get(operation)
    if part.window is None:
        if RULES[operation].has_window:
            yield "", f"{what} needs a window; add window: 24h or another"
    elif not RULES[operation].has_window:
        yield "window", f"a window makes no sense for {what}; remove it"
    elif windows is not None and part.window not in windows:
        yield "window", f"a profile has {part.value} of {listed(windows)} only, not of {part.window}"
    elif window_ms(part.window) > MAX_WINDOW_MS:
        yield "window", f"window {part.window} is longer than 90d; write minutes, hours or days up to 90d"


def _of_complaints(
    one: NumberedFeature, operation: Operation, known: KnownFields, problems: Problems
) -> Iterator[tuple[str, str]]:
    part, types, what = one.part, RULES[operation].types, _what(one.part)
    if types is None:
        if part.of is not None:
            remedy = "; to leave out payments use where" if part.aggregate else ""
            yield "of", f"{what} takes no `of`; remove it{remedy}"
        return
    if part.of is None:
        fitting = listed((kind.value for kind in types), "or") or "place"
        yield "", f"{what} needs `of`: a field of type {fitting}; add of: FIELD"
        return
    field = require_field(part.of, known, (*one.path, "of"), one.subject, problems)
    if part.of in known.places:
        if types:
            yield "of", f"{part.of} is a place, which only speed takes; name one of its coordinates"
    elif field is not None and field.type not in types:
        yield "of", _misfit(what, field)


def _misfit(what: str, field: Field) -> str:
    fitting = fitting_operations(field.type)
    remedy = f"use {listed(fitting, 'or')}" if fitting else "leave it out"
    if what == "speed":
        return f"speed needs a place, not {type_of(field)}; declare one, {{type: place, columns: [...]}}"
    if field.type is FieldType.NUMBER and FieldType.FIXED in (RULES[Operation(what)].types or ()):
        remedy = f"declare it with type: fixed and a scale, which is summed exactly, or {remedy}"
    if field.type in (FieldType.ID, FieldType.CATEGORY, FieldType.CURRENCY):
        remedy += "; where counts payments by it"
    return f"{what} does not fit {type_of(field)}; {remedy}"


def _zone_complaints(
    part: FeaturePart, operation: Operation, known: KnownFields
) -> Iterator[tuple[str, str]]:
    zone = part.zone
    if zone in (None, UTC_ZONE) or operation not in CALENDAR:
        return
    if zone in known.declared or zone in known.places:
        field = known.by_name.get(zone)
        is_other = zone in known.places or (field is None and zone in known.groups)
        if is_other or (field is not None and field.type is not FieldType.CATEGORY):
            yield "zone", f"zone needs a category with a country's code of two letters; {zone} is none"
    elif zone not in zone_names():
        names = {
            *zone_names(),
            *(name for name, one in known.by_name.items() if one.type is FieldType.CATEGORY),
        }
        near = suggestion(zone, names) if suggestion(zone, names).startswith("; did") else ""
        yield (
            "zone",
            f"there is no time zone and no field {zone}{near or '; write a name such as Europe/Berlin'}",
        )


def _check_inputs(
    one: NumberedFeature, by_name: dict[str, NumberedFeature], names: set[str], problems: Problems
) -> None:
    """That what a derived feature is derived of exists and comes from the kernel."""
    key = "divide" if one.part.divide else "subtract"
    for number, name in enumerate(one.part.divide or one.part.subtract or ()):
        at = (*one.path, key, number)
        if name not in by_name:
            if name not in names:
                others = set(by_name) - {one.part.name}
                near = suggestion(name, others) if len(others) < 20 or _is_near(name, others) else ""
                problems.add(at, f"{one.subject}: the feature {name} does not exist{near}")
        elif by_name[name].part.profile or by_name[name].part.daily_profile:
            problems.add(
                at, f"{one.subject}: {name} comes from a profile, which is joined later; use another"
            )


def _is_near(name: str, others: set[str]) -> bool:
    return suggestion(name, others).startswith("; did")


def _check_cycles(by_name: dict[str, NumberedFeature], problems: Problems) -> None:
    inputs = {
        name: [other for other in (one.part.divide or one.part.subtract or ()) if other in by_name]
        for name, one in by_name.items()
    }
    while True:
        try:
            TopologicalSorter(inputs).prepare()
        except CycleError as error:
            names: list[str] = error.args[1]
            first = by_name[names[-1]]
            way = " → ".join(reversed(names))
            problems.add(first.path, f"{first.subject}: it is derived of itself: {way}; break the cycle")
            inputs = {name: of for name, of in inputs.items() if name not in names}
        else:
            return


def _what(part: FeaturePart) -> str:
    """What a feature is, as the file says it."""
    if part.divide or part.subtract:
        return "divide" if part.divide else "subtract"
    return part.transform or part.aggregate or "a profile"
