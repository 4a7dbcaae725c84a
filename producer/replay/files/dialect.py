"""The dialect of a text file: delimiter, quotes, escape, and lines before the header."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fraud.errors import DataError
from producer.replay.files.source import FileOptions, repeated_names, unique_names

DELIMITERS = ",;\t|^~\x01\x1f"
SPACES = "spaces"
_LINES = 200
_PREAMBLE = 50
_RUN = re.compile(r" {2,}")
_VALUE = re.compile(
    r"[+-]?[\d.,]*\d([eE][+-]?\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|true|false|nan|null",
    re.I,
)
_NAMES = {
    ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "^": "caret", "~": "tilde",
    "\x01": "control character 1", "\x1f": "control character 31", SPACES: "two or more spaces",
}  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """How to split lines into values.

    Attributes:
        delimiter: one character; where `spaces` is set, the tab that runs of spaces become.
        columns: the names, made unique.
        header_lines: lines up to and with the header; 0 without one.
        quote: the character around values; empty for none.
        escape: before a quote that is part of a value; empty for none, quotes are doubled then.
    """

    delimiter: str
    columns: list[str]
    header_lines: int
    quote: str
    escape: str
    spaces: bool
    notes: list[str]

    def split(self, line: str) -> list[str]:
        """The values of one line, or of several where a value spans them."""
        return _split(line, self.delimiter, self.quote, self.escape)

    def name(self) -> str:
        """The name of the delimiter."""
        return _NAMES.get(SPACES if self.spaces else self.delimiter, repr(self.delimiter))


def find_dialect(path: Path, sample: str, options: FileOptions) -> Dialect:
    """Find the dialect from the beginning of a file, except for what the options say.

    Raises:
        DataError: it is empty, has no header line, or names of columns are those of values.
    """
    lines = sample.split("\n")[:_LINES]
    if not any(line.strip(" \t,;|\0") for line in lines):
        raise DataError(f"{path} is empty: it has no header line")
    notes: list[str] = []
    quote, escape = _quoting(options, sample)
    delimiter, directive = _delimiter(lines, options, quote, escape)
    spaces = delimiter == SPACES
    if spaces:
        delimiter, lines = "\t", [_RUN.sub("\t", line.strip(" ")) for line in lines]
    # A line with an uneven count of quotes is a part of a row.
    rows = [
        _split(line, delimiter, quote, escape) if line.strip() and not _is_part(line, quote) else []
        for line in lines
    ]
    if options.header is not None:
        names, header_lines = list(options.header), options.skip or 0
    else:
        at = _header(path, rows, options.skip, directive, notes)
        names, header_lines = [name.lstrip("\ufeff") for name in rows[at]], at + 1
    names = _padded(names, _records(lines[header_lines:], delimiter, quote, escape))
    twice = repeated_names(names)
    if twice:
        raise DataError(
            f"{path} has more than one column named {', '.join(map(repr, twice))}: rename one of them, or "
            f"give all "
            "names in the mapping, `file: {header: [...], skip: " + f"{header_lines}" + "}`"
        )
    return Dialect(delimiter, unique_names(names), header_lines, quote, escape, spaces, notes)


def _is_part(line: str, quote: str) -> bool:
    return bool(quote) and line.count(quote) % 2 == 1


def _quoting(options: FileOptions, sample: str) -> tuple[str, str]:
    quote = '"' if options.quote is None else options.quote
    if options.escape is not None or not quote:
        return quote, options.escape or ""
    # A backslash before a quote inside of a value; at a value's end it is part of the value.
    inner = re.search(r'\\"(?![,;\t|\n])', sample) is not None
    return quote, "\\" if inner and quote == '"' else ""


def _delimiter(lines: Sequence[str], options: FileOptions, quote: str, escape: str) -> tuple[str, bool]:
    """The delimiter, and whether the first line is a spreadsheet's directive that names it."""
    directive = re.fullmatch(r'"?sep=(.)"?', lines[0].strip().lstrip("\ufeff"))
    if options.delimiter is not None:
        named = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
        return named, directive is not None
    if directive:
        return directive[1], True
    return max((*DELIMITERS, SPACES), key=lambda one: _fitness(lines, one, quote, escape)), False


def _fitness(lines: Sequence[str], delimiter: str, quote: str, escape: str) -> tuple[float, int]:
    """How well a delimiter fits: the share of lines with the usual number of columns, and that number."""
    if delimiter == SPACES:
        counts = [len(_RUN.split(line.strip(" "))) for line in lines if line.strip()]
    else:
        counts = [len(_split(line, delimiter, quote, escape)) for line in lines if line.strip()]
    usual, times = max(Counter(counts).items(), key=lambda one: (one[0] > 1, one[1], one[0]))
    if usual == 1:
        return 0.0, 0
    return round(times / len(counts), 1), usual


def _header(path: Path, rows: list[list[str]], skip: int | None, directive: bool, notes: list[str]) -> int:
    """The index of the header line.

    Raises:
        DataError: there is none.
    """
    first = skip if skip is not None else int(directive)
    candidates = [at for at in range(first, min(len(rows), first + _PREAMBLE)) if any(rows[at])]
    if not candidates:
        raise DataError(f"{path} has no header line")
    usual = Counter(len(rows[at]) for at in range(len(rows)) if any(rows[at])).most_common(1)[0][0]
    at = candidates[0]
    if skip is None and _is_remark(rows[at], usual):
        at = next((one for one in candidates if not _is_remark(rows[one], usual)), at)
    if at != first:
        notes.append(f"the {at} line{'s' * (at > 1)} before its header {'are' if at > 1 else 'is'} left out")
    if _is_values(rows[at]):
        raise DataError(
            f"{path} has no header line: line {at + 1} holds values; name its {len(rows[at])} columns in the "
            "mapping, `file: {header: [transaction_id, card_id, ...]}`"
        )
    if not all(map(_is_decoded, rows[at])):
        raise DataError(
            f"{path}: bytes of its header, line {at + 1}, cannot be decoded; if it is a text file, name its "
            "encoding in the mapping, `file: {encoding: ...}`"
        )
    return at


def _is_decoded(name: str) -> bool:
    """Whether a name holds no byte that the encoding does not know; such bytes are lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _is_remark(row: list[str], usual: int) -> bool:
    """Whether a line before the header is a remark: marked as one, or with most columns missing."""
    filled = [value for value in row if value.strip()]
    return row[0].lstrip("\ufeff").startswith(("#", "//", "--")) or (usual > 2 and 2 * len(filled) < usual)


def _is_values(row: list[str]) -> bool:
    filled = [value.strip() for value in row if value.strip()]
    if filled == [str(number) for number in range(len(filled))]:
        return False  # pandas numbers columns that have no names
    return sum(_VALUE.fullmatch(value) is not None for value in filled) * 3 >= len(filled)


def _padded(names: list[str], rows: list[list[str]]) -> list[str]:
    """With nameless columns for the empty values that all rows have beyond the header's."""
    longer = [row for row in rows if len(row) > len(names)]
    if not longer or 2 * len(longer) < len([row for row in rows if any(row)]):
        return names
    usual = Counter(len(row) for row in longer).most_common(1)[0][0]
    if any(value.strip() for row in longer for value in row[len(names) : usual]):
        return names
    return names + [""] * (usual - len(names))


def _records(lines: list[str], delimiter: str, quote: str, escape: str) -> list[list[str]]:
    """The rows of lines, some of which values may span."""
    try:
        return list(_reader([line + "\n" for line in lines], delimiter, quote, escape))
    except csv.Error:
        return []


def _split(line: str, delimiter: str, quote: str, escape: str) -> list[str]:
    try:
        return next(_reader(line.split("\n"), delimiter, quote, escape), [])
    except csv.Error:
        return line.split(delimiter)


def _reader(lines: list[str], delimiter: str, quote: str, escape: str) -> Iterator[list[str]]:
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape or None,
        doublequote=not escape,
    )
