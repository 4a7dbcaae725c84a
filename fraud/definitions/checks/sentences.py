"""Sentences for what pydantic finds wrong with a value of a file."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from fraud.definitions.checks.problems import Path, suggestion

_TYPES: Mapping[str, str] = {
    "bool": "true or false", "int": "a whole number", "float": "a finite number", "string": "a text",
    "list": "a list, [a, b]", "tuple": "a list, [a, b]", "dict": "a mapping, {key: value}",
    "model": "a mapping, {key: value}",
}  # fmt: skip


def path_of(error: ErrorDetails, value: Any) -> Path:
    """Where in the file; pydantic names the members of a union, too, which may be called like a key."""
    path: list[str | int] = []
    for step in error["loc"]:
        if _has(value, step):
            path.append(step)
            value = value[step]
    return (*path, error["loc"][-1]) if error["type"] == "missing" else tuple(path)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def wanted_type(kind: str) -> str:
    """What an error of a type asks for."""
    return next((text for name, text in _TYPES.items() if kind.startswith(name)), "another value")


def wrong_type(key: str, given: Any, kind: str) -> str:
    """A value is of another type."""
    wanted = wanted_type(kind)
    if given is None:
        return f"{key} has no value; give {wanted}, or remove the key"
    example = f", '{given}'" if type(given) is int else ""
    quoted = f"; write it in quotes{example}" if wanted == "a text" and _is_scalar(given) else ""
    what = "an item" if key.isdecimal() else key
    text = f"the text {given!r}" if isinstance(given, str) else shown(given)
    return f"{what} must be {wanted}, and is {text}{quoted}"


def _is_scalar(given: Any) -> bool:
    return isinstance(given, bool | int | float)


def not_among(key: str, given: Any, error: ErrorDetails, other_words: Mapping[str, str]) -> str:
    """A value is none of those that exist; `other_words` are what others call them."""
    if given is None:
        return f"{key} has no value; give one, or remove the key"
    if key == "version":
        if given == "1":
            return "version must be a number; write it without quotes"
        return f"version {shown(given)} is unknown; this release reads version 1"
    names = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    other = other_words.get(str(given))
    remedy = f"; did you mean {other}?" if other else suggestion(str(given), names)
    return f"{key} {shown(given)} does not exist{remedy}"


def bad_name(key: str, given: Any, error: ErrorDetails) -> str:
    """A name has other characters than names have."""
    if not isinstance(given, str) or key not in ("name", given):
        return f"{key}: {error['msg']}"
    near = re.sub(r"[^a-z0-9]+", "_", given.lower()).strip("_").lstrip("0123456789_")[:63]
    remedy = f", such as {near}" if near else ""
    return (
        f"the name {shown(given)} is not allowed; use small letters, digits and _, first a letter, "
        f"at most 63{remedy}"
    )


def bound(key: str, given: Any, error: ErrorDetails) -> str:
    """A number is too small or too large."""
    return f"{key} {shown(given)} is not allowed; {error['msg'].replace('Input should be', 'it must be')}"


def own_words(key: str, given: Any, error: ErrorDetails) -> str:
    """The sentence of a validator of ours."""
    return error["msg"].removeprefix("Value error, ")


def shown(given: Any) -> str:
    """A value as a sentence has it, shortened."""
    text = {True: "true", False: "false"}.get(given, str(given)) if isinstance(given, bool) else str(given)
    if isinstance(given, str) and (not text or " ".join(text.split()) != text):
        text = repr(text)
    return text if len(text) <= 40 else f"{text[:37]}..."
