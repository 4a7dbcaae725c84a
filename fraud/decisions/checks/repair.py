"""Puts something valid in the place of what cannot be read, so that the rest of the file is checked, too."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from fraud.definitions.checks.problems import Path

_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "rules": {"when": "TRUE", "outcome": "review"},
    "segments": {"when": "TRUE", "bands": {}},
}
_AT_TOP: Mapping[str, Any] = {"version": 1, "name": "unnamed"}


def repaired(document: dict[str, Any], broken: Iterable[Path]) -> dict[str, Any]:
    """The values of a policy file without those at the broken paths, which have at least one step.

    Rules and segments keep their places, so that other mistakes in them are reported on the right line.
    """
    copy = deepcopy(document)
    for path in broken:
        section = path[0]
        if len(path) == 1 or section not in ("lists", *_NEEDED):
            _replace_at_top(copy, str(section))
        elif section not in copy:
            continue
        elif section == "lists":
            copy["lists"].pop(path[1], None)
        else:
            part = copy[section][path[1]] if len(path) > 2 else {}
            copy[section][path[1]] = _replaced(str(section), int(path[1]), part, path[2:])
    return copy


def _replace_at_top(document: dict[str, Any], key: str) -> None:
    document.pop(key, None)
    if key in _AT_TOP:
        document[key] = _AT_TOP[key]


def _replaced(section: str, index: int, part: dict[str, Any], path: Path) -> dict[str, Any]:
    """A rule or a segment with something valid at a path; all of it if the path is empty."""
    needed = {"name": f"{'x' * 55}{index}", **_NEEDED[section]}
    if not path:
        return needed
    key = str(path[0])
    return {name: one for name, one in part.items() if name != key} | (
        {key: needed[key]} if key in needed else {}
    )
