"""Collects the mistakes of a file, so that all are reported at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from fraud.errors import DefinitionsError, FileError

Path = tuple[str | int, ...]
"""Where a value is: the keys and indices that lead to it."""


@dataclass(frozen=True)
class FileKind:
    """What a file is for.

    Attributes:
        error: what its mistakes are raised as.
        content: what it holds, in the plural.
        max_bytes: its size at most.
        if_empty: what to do with an empty one.
        if_unreadable: what to check if it cannot be read.
    """

    error: type[FileError]
    content: str
    max_bytes: int
    if_empty: str
    if_unreadable: str


DEFINITIONS = FileKind(
    DefinitionsError,
    "definitions",
    1_000_000,
    "`fraud definitions init` writes one to start from",
    "check FRAUD_DEFINITIONS",
)


class Problems:
    """The mistakes of one file, each with its line.

    Attributes:
        source: the file's name.
        lines: of each value, by its path, counted from 1.
        kind: what the file is for.
    """

    def __init__(self, source: str, lines: Mapping[Path, int], kind: FileKind = DEFINITIONS) -> None:
        self.source, self.lines, self.kind = source, lines, kind
        self._found: dict[tuple[int, str], None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def line_of(self, path: Path) -> int:
        """The line of a value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add(self, path: Path, sentence: str) -> None:
        """Note a mistake at a value."""
        self.add_at(self.line_of(path), sentence)

    def add_at(self, line: int, sentence: str) -> None:
        """Note a mistake on a line."""
        self._found[line, sentence] = None

    def raise_if_any(self) -> None:
        """Report what was found, sorted by line.

        Raises:
            FileError: something was; `kind.error`.
        """
        if self._found:
            raise self.kind.error([f"{self.source}:{line}: {text}" for line, text in sorted(self._found)])


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` where a known name is near, else `; there are ...`, or nothing."""
    names = sorted(set(known))
    near = get_close_matches(wrong, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {listed(names)}" if names else ""


def listed(names: Iterable[str], word: str = "and", most: int = 20) -> str:
    """Names as in a sentence."""
    all_names = list(names)
    if len(all_names) > most:
        return f"{', '.join(all_names[:most])} {word} {len(all_names) - most} more"
    return f" {word} ".join(filter(None, (", ".join(all_names[:-1]), all_names[-1]))) if all_names else ""
