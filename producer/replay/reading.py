"""Files as a stream of batches, each row with its place in the file; memory does not grow with the file."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from fraud.errors import DataError

BATCH_ROWS = 65_536
BLOCK_BYTES = 8 << 20
_DELIMITERS = ",;\t|"
_HEADER_BYTES = 1 << 20

Reject = Callable[[int, str, Sequence[object]], None]
"""Told the place, the reason and the original values of a row that cannot be used."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file as they stand there, and the line (CSV) or row (Parquet) of each, from 1."""

    rows: pa.RecordBatch
    places: npt.NDArray[np.int64]


class Source(Protocol):
    """A file of rows."""

    columns: list[str]
    place_name: str

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; those whose shape is broken go to `reject`."""


def open_source(path: Path) -> Source:
    """The reader that fits the file's extension.

    Raises:
        DataError: there is no such file, it is broken, or its kind is not known.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        return ParquetSource(path)
    if name.endswith((".csv", ".csv.gz")):
        return CsvSource(path)
    raise DataError(f"{path} is neither .csv, .csv.gz nor .parquet")


class ParquetSource:
    """A Parquet file."""

    place_name = "row"

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.columns: list[str] = pq.read_schema(path).names
        except (pa.ArrowException, OSError) as error:
            raise DataError(_broken(path, error)) from None

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; none of them can be misshapen."""
        start = 1
        try:
            with pq.ParquetFile(self._path) as source:
                for rows in source.iter_batches(BATCH_ROWS):
                    yield Chunk(rows, np.arange(start, start + len(rows), dtype=np.int64))
                    start += len(rows)
        except (pa.ArrowException, OSError) as error:
            raise DataError(_broken(self._path, error)) from None


class CsvSource:
    """A CSV file with a header, plain or gzipped; commas, semicolons, tabs or bars between its columns.

    Values stay bytes, so that one that is not UTF-8 spoils its row and not the file. Blank lines are no rows.
    """

    place_name = "line"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._compression = "gzip" if path.name.lower().endswith(".gz") else None
        header = self._header()
        self._delimiter = max(_DELIMITERS, key=header.count)
        self.columns = next(csv.reader([header], delimiter=self._delimiter), [])
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise DataError(f"{path} has more than one column named {', '.join(map(repr, twice))}")

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; those with too few or too many values go to `reject`."""
        places = _Places()
        try:
            with self._open() as stream, self._reader(stream, places) as reader:
                for rows in reader:
                    yield from _without_blanks(Chunk(rows, places.of(rows)))
                    self._tell_misshapen(places, reject)
        except (pa.ArrowException, OSError) as error:
            raise DataError(_broken(self._path, error)) from None
        places.finish()
        self._tell_misshapen(places, reject)

    def _reader(self, stream: pa.NativeFile, places: "_Places") -> Any:
        return pa.csv.open_csv(
            stream,
            # Row numbers of misshapen rows are known to the single-threaded reader only.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pa.csv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=places.note_misshapen,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _tell_misshapen(self, places: "_Places", reject: Reject) -> None:
        for line, row in places.misshapen():
            reason = f"has {row.actual_columns} columns, the header {row.expected_columns}"
            reject(line, reason, next(csv.reader([row.text], delimiter=self._delimiter), []))

    def _header(self) -> str:
        try:
            with self._open() as stream:
                start = bytes(stream.read(_HEADER_BYTES))
        except (pa.ArrowException, OSError) as error:
            raise DataError(_broken(self._path, error)) from None
        header = start.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r")
        if not header.strip():
            raise DataError(f"{self._path} begins with no header line")
        return header.decode("utf-8", "replace")

    def _open(self) -> pa.NativeFile:
        return pa.input_stream(str(self._path), compression=self._compression)


@dataclass
class _Places:
    """Lines of a CSV file's records: a misshapen record takes a line, and a line break in quotes one more."""

    _next_record: int = 2  # the header is the first
    _breaks: int = 0
    _noted: list[Any] = field(default_factory=list)
    _placed: list[tuple[int, Any]] = field(default_factory=list)

    def note_misshapen(self, row: Any) -> str:
        self._noted.append(row)
        return "skip"

    def of(self, rows: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """The lines of the next `rows`."""
        breaks = sum(
            (
                pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy(zero_copy_only=False)
                for column in rows
            ),
            start=np.zeros(len(rows), dtype=np.int64),
        )
        records, lines = self._records(len(rows)), np.empty(len(rows), dtype=np.int64)
        begin = 0
        for row in self._passed(records[-1] if len(records) else 0):
            end = int(np.searchsorted(records, row.number))
            self._advance(records[begin:end], breaks[begin:end], lines[begin:end])
            self._place(row)
            begin = end
        self._advance(records[begin:], breaks[begin:], lines[begin:])
        return lines

    def finish(self) -> None:
        """Place what is misshapen after the last good row."""
        for row in self._noted:
            self._place(row)
        self._noted = []

    def misshapen(self) -> list[tuple[int, Any]]:
        """The misshapen rows placed since the last call, with their lines."""
        placed, self._placed = self._placed, []
        return placed

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

    def _place(self, row: Any) -> None:
        self._placed.append((row.number + self._breaks, row))
        self._breaks += row.text.count("\n")


def _without_blanks(chunk: Chunk) -> Iterator[Chunk]:
    blank = np.ones(len(chunk.places), dtype=bool)
    for column in chunk.rows:
        if not blank.any():
            break
        blank &= column.is_null().to_numpy(zero_copy_only=False)
    if blank.any():
        chunk = Chunk(chunk.rows.filter(pa.array(~blank)), chunk.places[~blank])
    if len(chunk.places):
        yield chunk


def _broken(path: Path, error: Exception) -> str:
    return f"{path} cannot be read: {' '.join(str(error).split())}"
