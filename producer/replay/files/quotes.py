"""Quotes that open and are not closed are found, so that they cost one line and not thousands.

A line at fault becomes an empty one, so that the numbers of all others stay what they are.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from producer.replay.files.dialect import Dialect

MAX_SPAN = 20
"""Lines that a quoted value may span."""

_NEWLINE = 10
_UNKNOWN = "\ufffd".encode()

Fault = tuple[int, str, Sequence[object]]
"""A line's number, what is wrong with it, and its values."""


class LineFilter:
    """Passes on blocks of whole lines; `taken` gives the lines that it took out."""

    def __init__(self, dialect: Dialect, *, decoded: bool) -> None:
        self._dialect = dialect
        self._quote = dialect.quote.encode()
        self._delimiter = dialect.delimiter.encode()
        self._escape = dialect.escape.encode()
        self._width = len(dialect.columns)
        self._decoded = decoded
        self._faults: list[Fault] = []
        self._line = 1
        self.has_quotes = False

    def taken(self) -> list[Fault]:
        """The lines taken out since the last call."""
        faults, self._faults = self._faults, []
        return faults

    def filtered(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks without the lines at fault; a value of several lines is never cut in two."""
        held = b""
        for block in blocks:
            done, held = self._passed(held + block, last=False)
            yield done
        yield self._passed(held, last=True)[0]

    def _passed(self, block: bytes, *, last: bool) -> tuple[bytes, bytes]:
        """What is settled of a block of whole lines, and the lines that need those after them."""
        self.has_quotes = self.has_quotes or (bool(self._quote) and self._quote in block)
        suspects, rest = self._suspects(block), b""
        if suspects:
            lines = block.split(b"\n")
            kept = self._checked(lines, suspects, last)
            block, rest = b"\n".join(lines[:kept]), b"\n".join(lines[kept:])
            if kept and kept < len(lines):
                block += b"\n"
        self._line += block.count(b"\n")
        return block, rest

    def _suspects(self, block: bytes) -> list[int]:
        """Lines (from 0) that must be looked at singly."""
        strange = [b"\0"] if b"\0" in block else []
        if self._decoded and _UNKNOWN in block:
            strange.append(_UNKNOWN)
        found = {number for mark in strange for number in _lines_with(block, mark)}
        if self._quote and self._quote in block:
            found.update(self._unevenly_quoted(block))
        return sorted(found)

    def _unevenly_quoted(self, block: bytes) -> list[int]:
        """Lines whose quotes do not simply open and close whole values."""
        data = np.frombuffer(b"\n" + block + b"\n", np.uint8)
        quotes = np.flatnonzero(data == self._quote[0])
        lines = np.searchsorted(np.flatnonzero(data[1:] == _NEWLINE), quotes - 1)
        starts = np.flatnonzero(np.r_[True, lines[1:] != lines[:-1]])
        rank = np.arange(len(quotes)) - np.repeat(starts, np.diff(np.r_[starts, len(quotes)]))
        beside = np.where(rank % 2 == 0, data[quotes - 1], data[quotes + 1])
        simple = (beside == _NEWLINE) | (beside == self._delimiter[0])
        uneven = np.diff(np.r_[starts, len(quotes)]) % 2 == 1
        found: list[int] = np.union1d(lines[~simple], lines[starts[uneven]]).tolist()
        return found

    def _checked(self, lines: list[bytes], suspects: list[int], last: bool) -> int:
        """Blank the lines at fault; returns how many are settled (all, if no more lines come)."""
        done = 0
        for at in suspects:
            line = lines[at]
            if at < done:
                continue
            if b"\0" in line or (self._decoded and _UNKNOWN in line):
                self._blank(lines, at, "holds NUL bytes" if b"\0" in line else "cannot be decoded")
            elif self._quote and self._is_open(line):
                span = self._span(lines, at)
                if span == 0 and not last and len(lines) - at <= MAX_SPAN:
                    return at
                done = self._settle(lines, at, span)
        return len(lines)

    def _settle(self, lines: list[bytes], at: int, span: int) -> int:
        """Keep a value of several lines, or remove the lines of an open quote; returns the next line."""
        if span and not all(self._is_whole(line) for line in lines[at : at + span]):
            return at + span
        if not span:
            self._blank(lines, at, f"a quote opens in this line and is not closed within {MAX_SPAN} lines")
            return at + 1
        first = self._line + at
        for number in range(at, at + span):
            self._blank(lines, number, f"a quote opens in line {first} and closes in line "
                                       f"{first + span - 1}, "
                        "although each of these lines is a whole row")  # fmt: skip
        return at + span

    def _span(self, lines: list[bytes], at: int) -> int:
        """Over how many lines the value that opens in a line runs, if it ends well; else 0."""
        record = lines[at]
        for end in range(at + 1, min(at + MAX_SPAN, len(lines))):
            record += b"\n" + lines[end]
            if self._quote in lines[end] and not self._is_open(record):
                return end - at + 1 if self._is_whole_record(record) else 0
        return 0

    def _is_open(self, record: bytes) -> bool:
        """Whether a quoted value is still open at the end."""
        return self._walk(record)[0]

    def _is_whole_record(self, record: bytes) -> bool:
        is_open, columns, is_clean = self._walk(record)
        return not is_open and is_clean and columns == self._width

    def _is_whole(self, line: bytes) -> bool:
        """Whether a line is a row if its quotes are taken for letters."""
        return line.count(self._delimiter) == self._width - 1

    def _walk(self, record: bytes) -> tuple[bool, int, bool]:
        """Whether a quote is open at the end, the columns, and whether quotes close at values' ends."""
        quote, delimiter, escape = self._quote, self._delimiter, self._escape
        at, columns, is_clean, size = 0, 0, True, len(record)
        while at <= size:
            columns += 1
            if record[at : at + 1] == quote:
                at = self._closing(record, at + 1)
                if at < 0:
                    return True, columns, is_clean
                is_clean &= at == size or record[at : at + 1] == delimiter
            end = record.find(delimiter, at)
            if end < 0:
                break
            while escape and record[end - 1 : end] == escape:
                end = record.find(delimiter, end + 1)
                if end < 0:
                    return False, columns, is_clean
            at = end + 1
        return False, columns, is_clean

    def _closing(self, record: bytes, at: int) -> int:
        """The position after the quote that closes a value; -1 if none does."""
        while True:
            at = record.find(self._quote, at)
            if at < 0:
                return -1
            if self._escape and record[at - 1 : at] == self._escape:
                at += 1
            elif not self._escape and record[at + 1 : at + 2] == self._quote:
                at += 2
            else:
                return at + 1

    def _blank(self, lines: list[bytes], at: int, reason: str) -> None:
        text = lines[at].decode("utf-8", "backslashreplace")
        values = text.split(self._dialect.delimiter)
        self._faults.append((self._line + at, reason, values))
        lines[at] = b""


def _lines_with(block: bytes, mark: bytes) -> list[int]:
    return [number for number, line in enumerate(block.split(b"\n")) if mark in line]
