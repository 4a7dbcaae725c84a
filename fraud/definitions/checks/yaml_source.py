"""Reads the YAML of a file that people write: what it says, and on which line.

Plain words are read as YAML 1.2 does: only `true` and `false` are booleans, so that Norway's `NO` is a text.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from fraud.definitions.checks.problems import DEFINITIONS, FileKind, Path, Problems

_MAX_DEPTH = 12
_NO_KEY = "?"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""Without zeros in front: `0742` is a code, of which no number would keep them."""
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    spelling: value
    for value in (True, False)
    for spelling in (str(value), str(value).lower(), str(value).upper())
}
_CAUSES = {
    "found character '\\t' that cannot start any token": "a tab cannot indent a line; use spaces",
    "found unexpected end of stream": "a quote is not closed",
    "mapping values are not allowed here": "a colon is where none is allowed; put the text into quotes",
}


@dataclass
class YamlSource:
    """The content of a file.

    Attributes:
        value: mappings, lists and scalars.
        lines: of each value by its path; where a mapping's value stands, the line of its key.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)


def read_yaml(path: Any, source: str) -> YamlSource:
    """Read a file of definitions.

    Args:
        path: a `Path`, or a file of a package.
        source: its name in messages.

    Raises:
        DefinitionsError: it is not UTF-8 or not YAML, or has what definitions do not need: anchors, tags,
            one key twice.
    """
    return parse_yaml(read_text(path, source), source)


def parse_yaml(text: str, source: str, kind: FileKind = DEFINITIONS) -> YamlSource:
    """Read the text of a file, as `read_yaml` does; mistakes are raised as `kind.error`."""
    found = YamlSource()
    problems = Problems(source, found.lines, kind)
    try:
        events = _content(yaml.parse(text, Loader=yaml.SafeLoader), problems)
        found.value = _Builder(events, found, problems).build(())
        # What comes behind the document is read for its mistakes.
        deque(events, maxlen=0)
    except yaml.MarkedYAMLError as error:
        problems.add_at(_line_of(error), _cause_of(error))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        problems.add_at(line, f"the character U+{ord(text[error.position]):04X} is not allowed; remove it")
    problems.raise_if_any()
    return found


def read_text(path: Any, source: str, kind: FileKind = DEFINITIONS) -> str:
    """The text of a file.

    Raises:
        FileError: it cannot be read, is too large or not UTF-8; `kind.error`.
    """
    problems = Problems(source, {}, kind)
    try:
        content: bytes = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be used").lower()
        problems.add((), f"the file cannot be read: {reason}; {kind.if_unreadable}")
        content = b""
    if len(content) > kind.max_bytes:
        most = f"more than {kind.max_bytes:,} are no {kind.content}"
        problems.add((), f"the file has {len(content):,} bytes; {most}")
    problems.raise_if_any()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.add_at(line, "the file is not UTF-8; save it with this encoding")
    problems.raise_if_any()
    return ""


def _line_of(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark is not None else 1


def _cause_of(error: yaml.MarkedYAMLError) -> str:
    cause = str(error.problem or error.context)
    return _CAUSES.get(cause, f"this is not YAML: {cause}; check brackets, quotes and indentation")


def _content(events: Iterator[Any], problems: Problems) -> Iterator[Any]:
    """The events of the first document; a second one is a mistake, as is an empty file."""
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                problems.add_at(_line(event), "a second document starts here; remove the ---")
                return
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event
    if not documents:
        problems.add((), f"the file is empty; {problems.kind.if_empty}")


class _Builder:
    """Makes values of events; notes the line of each."""

    def __init__(self, events: Iterator[Any], found: YamlSource, problems: Problems) -> None:
        self._events, self._found, self._problems = events, found, problems

    def build(self, path: Path) -> Any:
        """The next value."""
        event = next(self._events, None)
        return None if event is None else self._value(event, path)

    def _value(self, event: Any, path: Path) -> Any:
        line = _line(event)
        self._found.lines.setdefault(path, line)
        self._check(event, line, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return _scalar(event) if isinstance(event, yaml.ScalarEvent) else None

    def _check(self, event: Any, line: int, path: Path) -> None:
        if getattr(event, "anchor", None):
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            self._problems.add_at(line, f"anchors ({sign}{event.anchor}) are not supported; write it out")
        if getattr(event, "tag", None):
            self._problems.add_at(line, f"tags ({event.tag}) are not supported; remove it")
        if len(path) > _MAX_DEPTH:
            self._problems.add_at(line, f"values are nested more than {_MAX_DEPTH} deep")
            self._problems.raise_if_any()

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in iter(lambda: next(self._events), None):
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, line = self._key(event, path), _line(event)
            if key in found and key != _NO_KEY:
                first = self._found.lines[*path, key]
                self._problems.add_at(line, f"the key {key} is here twice, first on line {first}; remove one")
            self._found.lines[*path, key] = line
            found[key] = self.build((*path, key))
        return found

    def _key(self, event: Any, path: Path) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value != "<<":
            self._check(event, _line(event), path)
            return str(event.value)
        self._problems.add_at(_line(event), "a key must be a name; merge keys are not supported")
        if not isinstance(event, yaml.ScalarEvent):
            self._value(event, (*path, _NO_KEY))
        return _NO_KEY

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        for event in iter(lambda: next(self._events), None):
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._value(event, (*path, len(found))))
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(event: Any) -> Any:
    """The value of a word; a number that is not finite stays a text, which is no number."""
    text: str = event.value
    if event.style is not None or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    is_number = _FLOAT.fullmatch(text) and isfinite(float(text))
    return float(text) if is_number else text
