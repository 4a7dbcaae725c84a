"""From the values of the file to its document; what does not fit is noted in a sentence, and left out."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fraud.definitions.checks.problems import Path, Problems, suggestion
from fraud.definitions.checks.sentences import (
    bad_name,
    bound,
    not_among,
    own_words,
    path_of,
    shown,
    wanted_type,
    wrong_type,
)
from fraud.definitions.document import (
    Aggregate,
    ConditionPart,
    DefinitionsDocument,
    EntityPart,
    FeaturePart,
    FieldPart,
    MoneyPart,
    ProfilesPart,
    Transform,
)

_PARTS = {"fields": FieldPart, "features": FeaturePart, "entities": EntityPart}
_LENGTHS = {
    "max_age": "write days, from 1d to 99d",
    "every": "write minutes, hours or a day, from 5m to 1d, such as 15m",
}
_OTHER_WORDS = {
    "type": {
        "string": "id or category", "text": "id or category", "str": "id or category", "identifier": "id",
        "float": "number", "integer": "fixed", "int": "fixed", "decimal": "fixed", "bool": "boolean",
        "timestamp": "time", "datetime": "time", "date": "time", "amount": "money",
    },
    "aggregate": {
        "avg": "mean", "average": "mean", "stddev": "std", "count_distinct": "distinct",
        "nunique": "distinct", "unique": "distinct", "maximum": "max", "minimum": "min",
        "first": "seconds_since_first", "last": "seconds_since_last", "total": "sum", "velocity": "count",
        **{name: f"transform: {name}" for name in get_args(Transform)},
    },
    "transform": {name: f"aggregate: {name}" for name in get_args(Aggregate)},
}  # fmt: skip
"""What others call it."""


@dataclass(frozen=True)
class CheckedDocument:
    """What could be read of a file.

    Attributes:
        document: without the fields and features that could not be read.
        field_names: of all fields in the file, also of those.
        feature_names: likewise.
        feature_paths: where each feature of the document is in the file.
    """

    document: DefinitionsDocument
    field_names: set[str]
    feature_names: set[str]
    feature_paths: list[Path]


def check_document(value: Any, problems: Problems) -> CheckedDocument | None:
    """The document as far as it can be read, None if nothing can; mistakes are noted."""
    broken = _broken(value, problems)
    if any(len(path) < 2 for path in broken):
        return None
    fields = {name: one for name, one in value["fields"].items() if ("fields", name) not in broken}
    entities = {
        name: one for name, one in value.get("entities", {}).items() if ("entities", name) not in broken
    }
    features = {
        index: one for index, one in enumerate(value["features"]) if ("features", index) not in broken
    }
    if not features:
        return None
    kept = {**value, "fields": fields, "features": list(features.values())}
    for section in {path[0] for path in broken} | {"entities"}:
        if section not in ("fields", "features"):
            kept.pop(section, None)
    return CheckedDocument(
        _validated({**kept, "entities": entities} if entities else kept),
        set(value["fields"]),
        {str(one["name"]) for one in value["features"] if isinstance(one, dict) and "name" in one},
        [("features", index) for index in features],
    )


def _validated(value: Any) -> DefinitionsDocument:
    # As JSON, where a list is a tuple, too, while a text is no number.
    return DefinitionsDocument.model_validate_json(json.dumps(value))


def _broken(value: Any, problems: Problems) -> set[Path]:
    """The paths of the fields, entities and features that cannot be read; notes why."""
    try:
        _validated(value)
    except ValidationError as error:
        found = [(path_of(one, value), one) for one in error.errors(include_url=False)]
        # Each member of a union complains; one sentence a value is enough.
        for path, one in dict(reversed(found)).items():
            problems.add(path, _sentence(one, path, value))
        return {path[:2] for path, _ in found}
    return set()


def _sentence(error: ErrorDetails, path: Path, document: Any) -> str:
    return f"{_subject(path, document)}{_complaint(error, path)}"


def _subject(path: Path, document: Any) -> str:
    """Which field or feature, as far as it has a name."""
    if len(path) < 2 or path[0] not in _PARTS:
        return ""
    if path[0] == "features":
        part = document["features"][path[1]]
        name = part.get("name") if isinstance(part, dict) else None
        return f"feature {name if isinstance(name, str) else int(path[1]) + 1}: "
    return f"{'field' if path[0] == 'fields' else 'entity'} {path[1]}: "


def _complaint(error: ErrorDetails, path: Path) -> str:
    key = str(path[-1]) if path else ""
    kind, given = error["type"], error.get("input")
    if key in _LENGTHS and given is not None and kind in ("string_pattern_mismatch", "string_type"):
        return f"{key} {shown(given)} is not allowed; {_LENGTHS[key]}"
    if key == "window" and kind in ("string_pattern_mismatch", "string_type"):
        return window_complaint(given)
    if kind in _COMPLAINTS:
        return _COMPLAINTS[kind](key, given, error)
    if kind.endswith(("_type", "_parsing")):
        return _wrong_type(key, given, kind, path)
    return f"{key}: {error['msg'].removeprefix('Value error, ')}"


def _wrong_type(key: str, given: Any, kind: str, path: Path) -> str:
    if not path:
        return f"the file must be {wanted_type(kind)} with version, fields and features"
    if key == "columns":
        return f"columns must be a range, V1..V28, or a list of names, and is {shown(given)}"
    if path[-2:-1] == ("where",):
        return f"where {key} has no condition; write a value, same, or {{at_least: NUMBER}} and the like"
    return wrong_type(key, given, kind)


def _unknown_key(key: str, given: Any, error: ErrorDetails) -> str:
    part: Any = DefinitionsDocument
    if len(error["loc"]) > 1:
        parts = {**_PARTS, "money": MoneyPart, "profiles": ProfilesPart}
        part = ConditionPart if "where" in error["loc"] else parts.get(str(error["loc"][0]), part)
    return f"the key {key} does not exist{suggestion(key, part.model_fields)}"


def _lacks(key: str, given: Any, error: ErrorDetails) -> str:
    remedies = {
        "version": "add `version: 1` as first line",
        "fields": "add `fields:` with what a message holds",
        "features": "add `features:` with what is computed",
        "name": "add a name, such as card_sum_1h",
        "type": "add one, such as {type: category}",
        "key": "add key: card_id",
        "base": "add the currency of sums, base: EUR",
        "rates": "add the path of a file, rates: rates.csv, or rates: topic",
    }
    return f"{key} is missing; {remedies.get(key, 'add it')}"


def _not_among(key: str, given: Any, error: ErrorDetails) -> str:
    return not_among(key, given, error, _OTHER_WORDS.get(key, {}))


def _too_short(key: str, given: Any, error: ErrorDetails) -> str:
    if error["loc"] == ("features",):
        return "there is no feature; give at least one"
    wanted = "two features, [a, b]" if key in ("divide", "subtract") else "at least one"
    return f"{key} has too few values; give {wanted}"


def _missing_item(key: str, given: Any, error: ErrorDetails) -> str:
    return _lacks(key, given, error) if not key.isdecimal() else "two features are needed, [a, b]"


_COMPLAINTS: Mapping[str, Callable[[str, Any, ErrorDetails], str]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_item,
    "literal_error": _not_among,
    "string_pattern_mismatch": bad_name,
    "value_error": own_words,
    "too_short": _too_short,
    "too_long": lambda key, given, error: f"{key} takes two features, [a, b], not {len(given)}",
    "string_too_short": lambda key, given, error: f"{key} is empty; write it, or remove the key",
    "string_too_long": lambda key, given, error: f"{key} has {len(given)} characters; {error['msg']}",
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), bound),
}


def window_complaint(given: Any) -> str:
    """What is wrong with the text of a window."""
    form = "write minutes, hours or days, from 1m to 90d"
    text = str(given)
    if isinstance(given, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?\s*(s|sec|ms|seconds)", text):
        return f"window {shown(given)} is not allowed: the shortest is a minute; {form}"
    if re.fullmatch(r"0+(m|h|d)?", text):
        return f"window {shown(given)} is empty; {form}"
    if isinstance(given, int):
        return f"window {given} has no unit; {form}, such as {given}h"
    if match := re.fullmatch(r"([0-9]+)\s*(w|weeks?)", text):
        return f"window {shown(given)} is not allowed; {form}: {int(match[1]) * 7}d"
    return f"window {shown(given)} is not allowed; {form}"
