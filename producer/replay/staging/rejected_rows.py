"""Rejected rows of a file, written to a CSV with position and reason; the first few are kept to be shown."""

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SHOWN = 10


class RejectedRows:
    """The rejected rows of one file; the CSV that holds them appears with the first."""

    def __init__(
        self,
        folder: Path,
        name: str,
        columns: Sequence[str],
        place_name: str,
        name_place: Callable[[int], str] | None = None,
    ) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self.path = folder / f"{name}-{moment}.csv"
        self.place_name = place_name
        self.count = 0
        self._name_place = name_place
        self.first: list[tuple[int, str]] = []
        self._header = (place_name, "reason", *columns)
        self._file: Any = None
        self._writer: Any = None

    def add(self, place: int, reason: str, row: Sequence[object]) -> None:
        """Write one rejected row."""
        if self._writer is None:
            self._begin()
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append((place, reason))
        shown = place if self.place_name != "place" else self.name(place)
        self._writer.writerow((shown, reason, *map(_text, row)))

    def name(self, place: int) -> str:
        """A row's place in words, such as `line 3`."""
        return self._name_place(place) if self._name_place else f"{self.place_name} {place}"

    def _begin(self) -> None:
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
