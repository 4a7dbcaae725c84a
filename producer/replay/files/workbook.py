"""Workbooks of Excel and LibreOffice: .xlsx, .xls, .xlsb, .ods."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fraud.errors import ConfigurationError, DataError
from producer.replay.files.records import Row, as_written, chunks_of
from producer.replay.files.source import (
    Chunk,
    FileDescription,
    FileOptions,
    Reject,
    broken,
    repeated_names,
    unique_names,
)


class WorkbookSource:
    """One sheet of a workbook: its first with rows, or the one that the mapping names."""

    position_name = "row"

    def __init__(self, path: Path, options: FileOptions) -> None:
        self._path = path
        sheets = _sheets(path)
        filled = [name for name, rows in sheets.items() if any(any(row) for row in rows)]
        name = options.sheet or next(iter(filled), "")
        if name not in sheets:
            raise (ConfigurationError if options.sheet else DataError)(
                f"{path} has no sheet {name!r} with rows: its sheets are {', '.join(sheets)}"
            )
        self._rows = sheets[name]
        self.about = FileDescription("workbook", {"sheet": name})
        if options.sheet is None and len(filled) > 1:
            others = ", ".join(one for one in filled if one != name)
            self.about.notes.append(
                f"its sheet {name!r} is read, and {others} not: name another in the mapping, `file: "
                f"{{sheet: ...}}`"
            )
        self._first_row, names = self._header(options)
        twice = repeated_names(names)
        if twice:
            raise DataError(f"{path} has more than one column named {', '.join(map(repr, twice))}")
        self.columns = unique_names(names)

    def describe_position(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""
        return f"row {position}"

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the sheet's order; empty ones are none."""
        yield from chunks_of(self.columns, self._texts())

    def _texts(self) -> Iterator[Row]:
        width = len(self.columns)
        for position, row in enumerate(self._rows[self._first_row :], self._first_row + 1):
            texts = [as_written(value) for value in row[:width]]
            if any(text is not None for text in texts):
                yield position, texts + [None] * (width - len(texts))

    def _header(self, options: FileOptions) -> tuple[int, list[Any]]:
        if options.header is not None:
            return options.skip or 0, list(options.header)
        width = max(sum(value not in ("", None) for value in row) for row in self._rows[:50])
        for at, row in enumerate(self._rows[options.skip or 0 :], options.skip or 0):
            if 2 * sum(value not in ("", None) for value in row) >= width:
                return at + 1, [as_written(value) for value in row]
        raise DataError(f"{self._path} has no header row")


def _sheets(path: Path) -> dict[str, list[list[Any]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(path) as book:
            return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                    for name in book.sheet_names}  # fmt: skip
    except (CalamineError, OSError, ValueError) as error:
        raise DataError(broken(path, error)) from None
