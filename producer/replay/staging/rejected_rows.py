"""Rejected rows of a file, written to a CSV with position and reason; the first few are kept to be shown.

Card numbers in them are masked.
"""

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fraud.cards.masking import mask_text
from fraud.csv_cells import safe_cell

SHOWN = 10


class RejectedRows:
    """The rejected rows of one file; the CSV that holds them appears with the first."""

    def __init__(
        self,
        folder: Path,
        name: str,
        columns: Sequence[str],
        position_name: str,
        describe_position: Callable[[int], str] | None = None,
    ) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self.path = folder / f"{name}-{moment}.csv"
        self.position_name = position_name
        self.count = 0
        self._describe_position = describe_position
        self.first: list[tuple[int, str]] = []
        self._header = (position_name, "reason", *columns)
        self._file: Any = None
        self._writer: Any = None

    def add(self, position: int, reason: str, row: Sequence[object]) -> None:
        """Write one rejected row."""
        if self._writer is None:
            self._open()
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append((position, mask_text(reason)))
        shown = position if self.position_name != "place" else self.name(position)
        self._writer.writerow(
            map(safe_cell, (shown, mask_text(reason), *(mask_text(_text(one)) for one in row)))
        )

    def name(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""
        return (
            self._describe_position(position)
            if self._describe_position
            else f"{self.position_name} {position}"
        )

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(self._header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "" if value is None else str(value)
