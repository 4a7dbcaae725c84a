"""Entries from a file and to a file: a value a line, or CSV with the columns value, reason, expires."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec

from fraud.csv_cells import plain_cell, safe_cell
from fraud.decisions.checks.content_check import expiry_of
from fraud.decisions.lists.entries import ListEntry
from fraud.errors import DataError

COLUMNS = ("value", "reason", "expires")
_HEADER = ",".join(COLUMNS)
_SURPLUS = "surplus"
"""What a line has beyond the columns of the first one."""
_MOST_BYTES = 256 << 20
_LONGEST_LINE = 4_096


@dataclass(frozen=True)
class EntryFile:
    """What a file holds.

    Attributes:
        entries: of its good lines.
        problems: `FILE:LINE: what is wrong` for each of the others.
    """

    entries: tuple[ListEntry, ...]
    problems: tuple[str, ...]


def read_entry_file(
    path: Path, template: ListEntry, field: str, problem_of: Callable[[str], str]
) -> EntryFile:
    """The entries of a file.

    Args:
        path: UTF-8; CSV if its first line names the column `value`, or one that is called as the field.
        template: list, author, time, and the reason and expiry of lines that have none of their own.
        field: whose values they are.
        problem_of: what is wrong with a value; empty if nothing is.

    Raises:
        DataError: the file as a whole cannot be read.
    """
    entries, problems = dict[str, ListEntry](), list[str]()
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has more than {_MOST_BYTES >> 20} MiB; split it")
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in _rows(file, field):
                found = _entry(row, template, problem_of)
                if isinstance(found, str):
                    problems.append(f"{path}:{line}: {found}")
                else:
                    entries[found.value] = found
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path} is not CSV: {error}") from None
    return EntryFile(tuple(entries.values()), tuple(problems))


def write_entries(file: TextIO, entries: Iterable[ListEntry], date_of: Callable[[int], str]) -> None:
    """CSV that `read_entry_file` reads, with who and when as further columns."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, "by", "at"])
    for one in entries:
        expires = "" if one.expires is None else date_of(one.expires)
        writer.writerow([*map(safe_cell, (one.value, one.reason, expires, one.by, date_of(one.at)))])


def _rows(file: TextIO, field: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and columns; a line without a header is a value."""
    first = file.readline(_LONGEST_LINE)
    names = [_column(name, field) for name in next(csv.reader([first]), [])]
    file.seek(0)
    if "value" in names:
        reader = csv.DictReader(file, fieldnames=names)
        next(reader)
        for row in reader:
            if any(text for text in row.values() if isinstance(text, str)):
                surplus = "".join(row.get(None) or ())
                yield (
                    reader.line_num,
                    {name: plain_cell(row.get(name) or "") for name in COLUMNS} | {_SURPLUS: surplus},
                )
    else:
        for line, text in enumerate(file, 1):
            if text.strip():
                yield line, {"value": text.strip()}


def _column(name: str, field: str) -> str:
    found = name.strip().lower()
    return "value" if found == field else found


def _entry(row: dict[str, str], template: ListEntry, problem_of: Callable[[str], str]) -> ListEntry | str:
    value, expires = row["value"], template.expires
    if "reason" not in row and "," in value:
        return f"{value[:40]!r} has a comma; a file of several columns begins with a line such as {_HEADER}"
    if row.get(_SURPLUS):
        return f"{value[:40]!r} has more columns than the first line; put a text with a comma into quotes"
    if problem := problem_of(value):
        return problem
    if text := row.get("expires"):
        expires = expiry_of(text)
        if expires is None:
            return f"{text[:40]!r} is no date; write a day, 2026-12-31, or a moment, 2026-12-31T18:00Z"
    if expires is not None and expires <= template.at:
        return f"{value[:40]!r} expires before now, so it would never count"
    entry = msgspec.structs.replace(
        template, value=value, reason=row.get("reason") or template.reason, expires=expires
    )
    return entry_problem(entry) or entry


def entry_problem(entry: ListEntry) -> str:
    """What keeps an entry from being a message of the topic; empty if nothing does."""
    try:
        msgspec.convert(msgspec.to_builtins(entry), ListEntry)
    except msgspec.ValidationError as error:
        return str(error)
    return ""
