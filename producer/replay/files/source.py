"""What every reader of files yields: batches of rows, each row with its position in the file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

BATCH_ROWS = 65_536
BLOCK_BYTES = 8 << 20

Reject = Callable[[int, str, Sequence[object]], None]
"""Called with the position, the reason and the original values of a row that cannot be used."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file as they are there, and the line (text) or row (others) of each, from 1."""

    rows: pa.RecordBatch
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FileOptions:
    """How to read a file; None is found out from the content.

    Attributes:
        encoding: a codec of Python, such as cp1252.
        delimiter: one character between columns, or `spaces` for runs of two or more spaces.
        quote: the character around values, or an empty string for none.
        escape: the character before a quote that is part of a value.
        header: the columns' names, for a file without a header line.
        skip: lines before the header.
        sheet: of a workbook.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: tuple[str, ...] | None = None
    skip: int | None = None
    sheet: str | None = None


@dataclass
class FileDescription:
    """The description of a file: its format, how it was read, and notes for the user.

    Attributes:
        late_columns: of JSON: names that no row among the first ones has, and where each came first; their
            values are not read. Complete once all rows have been.
    """

    format: str
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    late_columns: dict[str, int] = field(default_factory=dict)


class RecordSource(Protocol):
    """A file of rows; several columns of one name, and nameless ones, get names of their own."""

    columns: list[str]
    position_name: str
    about: FileDescription

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; those whose shape is broken go to `reject`."""

    def describe_position(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""


def broken(path: Path, error: Exception) -> str:
    """The message for a file that cannot be read."""
    return f"{path} cannot be read: {' '.join(str(error).split())}"


def unique_names(names: Sequence[Any]) -> list[str]:
    """Names that differ: a nameless column is called by its number, a repeated name by it too."""
    found: list[str] = []
    for number, given in enumerate(names, 1):
        name = "" if given is None else str(given).strip()
        name = name or f"column {number}"
        found.append(f"{name} ({number})" if name in found else name)
    return found


def repeated_names(names: Sequence[Any]) -> list[str]:
    """The names that more than one column has."""
    given = [str(name).strip() for name in names if name is not None and str(name).strip()]
    return sorted({name for name in given if given.count(name) > 1})
