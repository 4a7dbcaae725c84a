"""What is wrong with the fields of a document."""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fraud.definitions.checks.problems import Path, Problems, listed, suggestion
from fraud.definitions.document import DefinitionsDocument, FieldPart
from fraud.definitions.expansion import column_names, expand_field
from fraud.definitions.fields import CORE_FIELDS, CORE_TYPES, MAX_UNITS, Field, FieldType
from fraud.messages.decoding import MAX_DEPTH

_RESERVED = {"partition", "offset", "kafka_timestamp", "day", "is_fraud", "reported_at"}
"""Columns of the lake beside the fields."""

_MOST_COLUMNS = 1_000
_ESCAPED = re.compile(r'["\\/\x00-\x1f]')
"""What JSON may write as an escape: the fast reader compares names as they are written."""
_FITTING = {
    "min_length": ("id", "category"),
    "max_length": ("id", "category"),
    "at_least": ("number", "fixed", "money"),
    "at_most": ("number", "fixed", "money"),
    "scale": ("fixed",),
    "currency": ("money",),
    "refunds": ("money",),
    "columns": ("place", "number", "fixed", "boolean", "category", "id", "time", "money"),
}
"""The types that an option fits."""


@dataclass
class KnownFields:
    """The fields of a document.

    Attributes:
        by_name: those that are free of mistakes.
        places: the two coordinates of each place.
        groups: the columns of each entry that stands for several fields and is none itself.
        declared: all names that the file declares, also those with mistakes.
    """

    by_name: dict[str, Field] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)


def check_fields(document: DefinitionsDocument, declared: set[str], problems: Problems) -> KnownFields:
    """Note what is wrong with the fields, and return the others."""
    known = KnownFields(declared=set(declared))
    paths: dict[tuple[str, ...], str] = {}
    for name, part in document.fields.items():
        complaints = list(_complaints(name, part))
        for key, sentence in complaints:
            problems.add(("fields", name, key), f"field {name}: {sentence}")
        if complaints:
            continue
        found = list(expand_field(name, part, document.money.base if document.money else ""))
        for one in found:
            _add(one, name, known, paths, problems)
        if part.type == "place":
            known.places[name] = tuple(one.name for one in found)
        elif part.columns:
            known.groups[name] = tuple(one.name for one in found)
    _check_core(known, problems)
    _check_nesting(paths, problems)
    _check_places(known, problems)
    return known


def _add(
    one: Field, name: str, known: KnownFields, paths: dict[tuple[str, ...], str], problems: Problems
) -> None:
    at: Path = ("fields", name)
    known.declared.add(one.name)
    if one.name in known.by_name:
        problems.add(at, f"there are two fields {one.name}; rename one")
    elif one.path in paths:
        where = ".".join(one.path)
        problems.add(
            (*at, "path"), f"field {one.name}: {paths[one.path]} is read at {where}, too; remove one"
        )
    else:
        known.by_name[one.name], paths[one.path] = one, one.name


def _complaints(name: str, part: FieldPart) -> Iterator[tuple[str, str]]:
    """The key and a sentence for each mistake."""
    yield from _name_complaints(name)
    for key, types in _FITTING.items():
        if getattr(part, key) is not None and part.type not in types:
            yield key, f"{key} does not fit {_a(part.type)}, only {listed(types, 'or')}; remove it"
    yield from _core_complaints(name, part)
    yield from _bound_complaints(part)
    yield from _path_complaints(part)
    yield from _column_complaints(part)


def _name_complaints(name: str) -> Iterator[tuple[str, str]]:
    if name in _RESERVED:
        yield "", f"the name {name} is taken by a column of the lake; choose another, and set path: {name}"
    elif keyword.iskeyword(name):
        yield "", f"the name {name} is a word of Python; choose another, and set path: {name}"


def _core_complaints(name: str, part: FieldPart) -> Iterator[tuple[str, str]]:
    if part.type == "money" and part.currency is None:
        yield "type", "an amount needs its currency; add currency: currency"
    elif part.currency not in (None, "currency"):
        yield "currency", f"the currency of all amounts is the field currency, not {part.currency}"
    if name not in CORE_FIELDS:
        return
    if part.type != CORE_TYPES[name].value:
        yield (
            "type",
            f"every payment has it, as {_a(CORE_TYPES[name].value)}; set type: {CORE_TYPES[name].value}",
        )
    if part.optional:
        yield "optional", "every payment has it; remove optional"
    if part.columns is not None:
        yield "columns", "it is one field; remove columns"


def _bound_complaints(part: FieldPart) -> Iterator[tuple[str, str]]:
    for low, high in (("min_length", "max_length"), ("at_least", "at_most")):
        least, most = getattr(part, low), getattr(part, high)
        if least is not None and most is not None and least > most:
            yield high, f"{low} {least:g} is more than {high} {most:g}; no value fits"
    largest = MAX_UNITS / 10 ** (part.scale or 0)
    for key in ("at_least", "at_most"):
        bound = getattr(part, key)
        if part.type == "fixed" and bound is not None and abs(bound) > largest:
            yield (
                key,
                f"{key} {bound:g} is beyond {largest:,g}, the most that this scale holds; lower the scale",
            )


def _path_complaints(part: FieldPart) -> Iterator[tuple[str, str]]:
    if part.path is not None and not all(part.path.split(".")):
        yield "path", f"the path {part.path} has an empty name; write names with one dot between, device.id"
    if part.path is not None and _ESCAPED.search(part.path):
        yield "path", f"the path {part.path!r} has a quote, slash or control character; no name may have one"
    levels = (part.path or "").count(".") + 1 + (part.columns is not None)
    if levels > MAX_DEPTH:
        yield "path", f"it is {levels} levels deep, and messages have {MAX_DEPTH} at most; shorten the path"


def _column_complaints(part: FieldPart) -> Iterator[tuple[str, str]]:
    if part.type == "place" and part.columns is None:
        yield "type", "a place needs its two coordinates; add columns: [latitude, longitude]"
    if part.columns is None:
        return
    try:
        names = column_names(part.columns)
    except ValueError:
        yield "columns", f"columns {part.columns} is no range; write V1..V28, or a list"
        return
    if part.type == "place" and len(names) != 2:
        yield "columns", f"a place has two coordinates, latitude and longitude, not {len(names)}"
    elif not names or len(names) > _MOST_COLUMNS:
        yield (
            "columns",
            f"columns has {len(names):,} names; it takes 1 to {_MOST_COLUMNS:,}, first the lower number",
        )
    elif wrong := [one for one in names if not _is_name(one if part.type == "place" else one.lower())]:
        yield "columns", f"{wrong[0]!r} cannot be a column; declare it as a field of its own with a path"


def _is_name(name: str) -> bool:
    is_plain = name.isascii() and name.replace("_", "").isalnum() and name == name.lower()
    return is_plain and name[0].isalpha() and not list(_name_complaints(name)) and name not in CORE_FIELDS


def _check_core(known: KnownFields, problems: Problems) -> None:
    for name in CORE_FIELDS:
        if name not in known.declared:
            kind = CORE_TYPES[name].value
            problems.add(
                ("fields",), f"the field {name} is missing; add {name}: {{type: {kind}}}, with its path"
            )


def _check_nesting(paths: dict[tuple[str, ...], str], problems: Problems) -> None:
    for path, name in paths.items():
        outer = next((paths[path[:end]] for end in range(1, len(path)) if path[:end] in paths), None)
        if outer is not None:
            problems.add(
                ("fields", name, "path"),
                f"field {name}: its path {'.'.join(path)} leads through the field {outer}, no object",
            )


def _check_places(known: KnownFields, problems: Problems) -> None:
    for name in known.places:
        if name in known.by_name:
            problems.add(("fields", name), f"there are two fields {name}, a place and a column; rename one")


def require_field(name: str, known: KnownFields, at: Path, subject: str, problems: Problems) -> Field | None:
    """The field of a name; notes that there is none, or several."""
    if name in known.groups and name not in known.by_name:
        columns = listed(known.groups[name], "or", most=4)
        problems.add(at, f"{subject}: {name} stands for several fields; name one of them, {columns}")
    elif name not in known.declared and name not in known.places:
        near = suggestion(name, {*known.by_name, *known.places})
        problems.add(at, f"{subject}: the field {name} does not exist{near}")
    return known.by_name.get(name)


def type_of(one: Field) -> str:
    """How a field is described: `device_id, an id`."""
    return f"{one.name}, {_a(one.type.value)}"


def _a(kind: str) -> str:
    if kind in (FieldType.MONEY.value, FieldType.FIXED.value):
        return {"money": "an amount of money", "fixed": "a fixed-point number"}[kind]
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
