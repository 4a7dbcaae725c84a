"""From the values of a policy file to its document; what does not fit is noted in a sentence."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fraud.decisions.checks.repair import repaired
from fraud.decisions.policy_file.parts import (
    BandsPart,
    ListPart,
    PolicyDocument,
    ReviewPart,
    RulePart,
    SegmentPart,
)
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

_OUTCOMES = {
    "block": "decline", "reject": "decline", "deny": "decline", "refuse": "decline", "declined": "decline",
    "allow": "approve", "accept": "approve", "pass": "approve", "approved": "approve",
    "step_up": "challenge", "stepup": "challenge", "3ds": "challenge", "verify": "challenge",
    "manual": "review", "alert": "review", "flag": "review", "hold": "review",
}  # fmt: skip
"""What others call them."""
_OTHER_WORDS: Mapping[str, Mapping[str, str]] = {
    "outcome": _OUTCOMES,
    "mode": {"on": "live", "active": "live", "enabled": "live", "test": "shadow", "disabled": "off"},
    "on": {"score": "probability", "cost": "expected_cost"},
}
_REMEDIES = {
    "version": "add `version: 1` as first line",
    "name": "add a name of small letters",
    "when": "add a predicate, such as amount > 500",
    "outcome": "add approve, challenge, review or decline",
    "field": "add the field whose values are on the list, such as card_id",
    "bands": "add bounds, such as {on: probability, review: 0.5}",
}
_SECTIONS: Mapping[str, type[BaseModel]] = {
    "lists": ListPart,
    "rules": RulePart,
    "segments": SegmentPart,
    "bands": BandsPart,
    "review": ReviewPart,
}
_ONE_OF = {"lists": "list", "rules": "rule", "segments": "segment"}
_NAMED_BOUNDS = ("challenge", "review", "decline")


def checked_document(value: Any, problems: Problems) -> PolicyDocument | None:
    """The document as far as it can be read, None if nothing can; mistakes are noted."""
    try:
        return _validated(value)
    except ValidationError as error:
        found = {path_of(one, value): one for one in reversed(error.errors(include_url=False))}
    for path, one in found.items():
        problems.add(path, f"{subject(path, value)}{_complaint(one, path)}")
    return _validated(repaired(value, found)) if () not in found else None


def list_marks(value: Any) -> set[str]:
    """What predicates that ask the lists of a file contain; of lists that are no mapping `in_list`."""
    lists = value.get("lists", {})
    return {list_mark(str(name)) for name in lists} if isinstance(lists, dict) else {"in_list"}


def list_mark(name: str) -> str:
    """How a predicate writes the name of a list."""
    return f"'{name}'"


def _validated(value: Any) -> PolicyDocument:
    # As JSON: strict, while a whole number is a number, too.
    return PolicyDocument.model_validate_json(json.dumps(value))


def subject(path: Path, value: Any) -> str:
    """Which rule, list or segment a path is in: `rule NAME: `; empty elsewhere."""
    if len(path) < 2 or path[0] not in _ONE_OF:
        return ""
    name = path[1]
    if isinstance(name, int):
        part = value[path[0]][name]
        own = part.get("name") if isinstance(part, dict) else None
        name = own if isinstance(own, str) else name + 1
    return f"{_ONE_OF[str(path[0])]} {name}: "


def _complaint(error: ErrorDetails, path: Path) -> str:
    key, kind, given = str(path[-1]) if path else "", error["type"], error.get("input")
    if not path and kind.endswith("_type"):
        return f"the file must be {wanted_type(kind)} with version, name, lists, rules and bands"
    if kind == "missing":
        return f"{key} is missing; {_REMEDIES.get(key, 'add it')}"
    if kind == "extra_forbidden":
        return f"the key {key} does not exist{suggestion(key, _part_at(path).model_fields)}"
    if _is_bound(path):
        return _bound_complaint(key, given)
    if kind == "literal_error":
        return not_among(key, given, error, _OTHER_WORDS.get(key, {}))
    if kind == "string_pattern_mismatch":
        return bad_name(key, given, error)
    return _of_size(key, given, error)


def _of_size(key: str, given: Any, error: ErrorDetails) -> str:
    kind = error["type"]
    if kind.startswith(("greater_than", "less_than")):
        return bound(key, given, error)
    if kind == "too_long":
        return f"{key} has {len(given):,} values; at most {error['ctx']['max_length']} are allowed"
    if kind == "string_too_short":
        return f"{key} is empty; write it, or remove the key"
    if kind == "string_too_long":
        return f"{key} has {len(given):,} characters; at most {error['ctx']['max_length']:,} are allowed"
    if kind.endswith(("_type", "_parsing")):
        return wrong_type(key, given, kind)
    return own_words(key, given, error)


def _is_bound(path: Path) -> bool:
    return path[-2:-1] == ("bands",) and path[-1] in _NAMED_BOUNDS


def _bound_complaint(key: str, given: Any) -> str:
    return f"{key} {shown(given)} is no bound; write a number, at least 0, or model: the model's threshold"


def _part_at(path: Path) -> type[BaseModel]:
    if len(path) == 1:
        return PolicyDocument
    if path[-2] == "bands":
        return BandsPart
    return _SECTIONS.get(str(path[0]), PolicyDocument)
