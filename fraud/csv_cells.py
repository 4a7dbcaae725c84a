"""Cells of CSV files that a spreadsheet opens: none of them is run as a formula.

A text that starts like a formula gets an apostrophe, as OWASP advises; numbers stay numbers.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MARKED = re.compile(r"'+[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")


def safe_cell(value: object) -> str:
    """The text of a cell; `plain_cell` gives back the original text."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def plain_cell(text: str) -> str:
    """The text before `safe_cell`."""
    return text[1:] if _MARKED.match(text) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a CSV file, one at a time, each with its end."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        yield _taken(buffer)
        writer.writerow([safe_cell(value) for value in row])
    yield _taken(buffer)


def _taken(buffer: StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
