"""Text files with one row a line."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from fraud.errors import DataError
from producer.replay.files import source
from producer.replay.files.dialect import find_dialect
from producer.replay.files.quotes import Fault, LineFilter
from producer.replay.files.source import Chunk, FileDescription, FileOptions, Reject, broken
from producer.replay.files.text import ENDS, TextFile

_RUN = re.compile(rb" {2,}")


class CsvSource:
    """A text file with a header, compressed or not, in any common encoding and dialect.

    Values stay bytes (UTF-8),
     so that one that is not UTF-8 rejects its row and not the file. Blank lines are no rows.
    """

    position_name = "line"

    def __init__(self, path: Path, options: FileOptions) -> None:
        self._path = path
        self._text = TextFile(path, options)
        self._dialect = find_dialect(path, self._text.sample, options)
        self.columns = self._dialect.columns
        facts = {"encoding": self._text.encoding, "delimiter": self._dialect.name()}
        if self._text.compression:
            facts = {"compression": self._text.compression} | facts
        self.about = FileDescription("CSV", facts, [*self._text.notes, *self._dialect.notes])

    def describe_position(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""
        return f"line {position}"

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; those of another shape than the header go to `reject`."""
        positions, lines = _LinePositions(), LineFilter(self._dialect, decoded=self._text.encoding != "utf-8")
        stream = _Stream(self._blocks(lines))
        try:
            for rows in self._reader(stream, positions):
                found = positions.of(rows, has_breaks=lines.has_quotes)
                yield from _without_blanks(Chunk(rows, found))
                self._report(lines.taken(), positions, reject)
        except ENDS as error:
            raise DataError(broken(self._path, error)) from None
        positions.finish()
        self._report(lines.taken(), positions, reject)

    def _blocks(self, lines: LineFilter) -> Iterator[bytes]:
        blocks = self._text.blocks()
        if self._dialect.spaces:
            blocks = (_RUN.sub(b"\t", re.sub(rb"(?m)^ +| +$", b"", block)) for block in blocks)
        return lines.filtered(_without_header(blocks, self._dialect.header_lines))

    def _reader(self, stream: "_Stream", positions: "_LinePositions") -> Any:
        dialect = self._dialect
        return pa.csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            # Row numbers of misshapen rows are known to the single-threaded reader only.
            read_options=pa.csv.ReadOptions(
                use_threads=False, block_size=source.BLOCK_BYTES, column_names=self.columns
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                double_quote=not dialect.escape,
                escape_char=dialect.escape or False,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=positions.note_misshapen,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _report(self, faults: list[Fault], positions: "_LinePositions", reject: Reject) -> None:
        for line, row in positions.misshapen():
            reason = f"has {row.actual_columns} columns, the header {row.expected_columns}"
            reject(line, reason, self._dialect.split(row.text))
        for fault in faults:
            reject(*fault)


class _Stream(io.RawIOBase):
    """Blocks of bytes as a file that Arrow can read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; fewer only at the end."""
        parts, missing = [], size
        while missing > 0:
            if not self._rest:
                block = next(self._blocks, None)
                if block is None:
                    break
                self._rest = memoryview(block)
                continue
            part = self._rest[:missing]
            self._rest = self._rest[len(part) :]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _without_header(blocks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """The blocks with the first lines left empty, so that the others keep their numbers."""
    for block in blocks:
        if lines and block:
            first, emptied = 0, 0
            while emptied < lines and (end := block.find(b"\n", first)) >= 0:
                first, emptied = end + 1, emptied + 1
            if emptied < lines:  # the last line has no end
                first = len(block)
            lines, block = 0, b"\n" * lines + block[first:]
        yield block


@dataclass
class _LinePositions:
    """Lines of a CSV file's records: a misshapen record takes a line, and a line break in quotes one more."""

    _next_record: int = 1
    _breaks: int = 0
    _noted: list[Any] = field(default_factory=list)
    _positioned: list[tuple[int, Any]] = field(default_factory=list)

    def note_misshapen(self, row: Any) -> str:
        self._noted.append(row)
        return "skip"

    def of(self, rows: pa.RecordBatch, *, has_breaks: bool) -> npt.NDArray[np.int64]:
        """The lines of the next `rows`; without quotes no value has a line break."""
        breaks = np.zeros(len(rows), dtype=np.int64)
        for column in rows if has_breaks else []:
            breaks += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy(zero_copy_only=False)
        records, lines = self._records(len(rows)), np.empty(len(rows), dtype=np.int64)
        first = 0
        for row in self._passed(records[-1] if len(records) else 0):
            end = int(np.searchsorted(records, row.number))
            self._advance(records[first:end], breaks[first:end], lines[first:end])
            self._set_position(row)
            first = end
        self._advance(records[first:], breaks[first:], lines[first:])
        return lines

    def finish(self) -> None:
        """Place what is misshapen after the last good row."""
        for row in self._noted:
            self._set_position(row)
        self._noted = []

    def misshapen(self) -> list[tuple[int, Any]]:
        """The misshapen rows placed since the last call, with their lines."""
        with_position, self._positioned = self._positioned, []
        return with_position

    def _records(self, count: int) -> npt.NDArray[np.int64]:
        """The numbers of the next `count` records that are not misshapen."""
        skipped = np.array([row.number for row in self._noted], dtype=np.int64)
        candidates = np.arange(self._next_record, self._next_record + count + len(skipped), dtype=np.int64)
        records = candidates[~np.isin(candidates, skipped)][:count]
        if count:
            self._next_record = int(records[-1]) + 1
        return records

    def _passed(self, last: int) -> list[Any]:
        passed = [row for row in self._noted if row.number < last]
        self._noted = [row for row in self._noted if row.number >= last]
        return passed

    def _advance(
        self, records: npt.NDArray[np.int64], breaks: npt.NDArray[np.int64], lines: npt.NDArray[np.int64]
    ) -> None:
        before = self._breaks + np.cumsum(breaks) - breaks
        lines[:] = records + before
        self._breaks += int(breaks.sum())

    def _set_position(self, row: Any) -> None:
        self._positioned.append((row.number + self._breaks, row))
        self._breaks += row.text.count("\n")


def _without_blanks(chunk: Chunk) -> Iterator[Chunk]:
    blank = np.ones(len(chunk.positions), dtype=bool)
    for column in chunk.rows:
        if not blank.any():
            break
        blank &= column.is_null().to_numpy(zero_copy_only=False)
    if blank.any():
        chunk = Chunk(chunk.rows.filter(pa.array(~blank)), chunk.positions[~blank])
    if len(chunk.positions):
        yield chunk
