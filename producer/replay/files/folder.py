"""Several files that are one data set: a folder of part files, or the files of a pattern."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from fraud.errors import DataError
from fraud.machine.terminal import shown
from producer.replay.files.source import Chunk, FileDescription, RecordSource, Reject

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
Open = Callable[[Path], RecordSource]


def part_files(folder: Path) -> list[Path]:
    """The files below a folder, in order of their names; hidden ones and markers such as _SUCCESS are none.

    Raises:
        DataError: there is none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )
    if not found:
        raise DataError(f"the folder {folder} holds no files")
    return found


class FolderSource:
    """Files read one after the other; positions are counted over all of them.

    Folders named `column=value`, as Hive and Spark write them, are columns.
    """

    position_name = "place"

    def __init__(self, base: Path, paths: Sequence[Path], open_one: Open) -> None:
        self._base, self._paths, self._open = base, list(paths), open_one
        first = open_one(self._paths[0])
        self._own = first.columns
        self.columns = [
            *first.columns,
            *(name for name in _partitions(base, paths[0]) if name not in first.columns),
        ]
        files = f"{len(paths):,} file{'s' * (len(paths) > 1)}"
        self.about = FileDescription(
            f"{first.about.format}, {files}", dict(first.about.facts), list(first.about.notes)
        )
        self.about.facts.pop("rows", None)
        self._starts: list[tuple[int, Path, RecordSource]] = []

    def describe_position(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""
        start, path, source = next(one for one in reversed(self._starts) if one[0] < position)
        return f"{source.describe_position(position - start)} of {path.relative_to(self._base)}"

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows of all files in the order of their names."""
        start, self._starts = 0, []
        for path in self._paths:
            source = self._open(path)
            self._require_columns(path, source)
            self._starts.append((start, path, source))
            largest = 0

            def reject_row(position: int, reason: str, row: Sequence[object], start: int = start) -> None:
                nonlocal largest
                largest = max(largest, position)
                reject(start + position, reason, row)

            for chunk in source.chunks(reject_row):
                largest = max(largest, int(chunk.positions[-1]) if len(chunk.positions) else 0)
                yield Chunk(self._aligned(path, chunk.rows), chunk.positions + start)
            for name, position in source.about.late_columns.items():
                self.about.late_columns.setdefault(name, start + position)
            start += largest

    def _aligned(self, path: Path, rows: pa.RecordBatch) -> pa.RecordBatch:
        partitions = _partitions(self._base, path)
        arrays = [
            rows.column(name) if name in rows.schema.names
            else pa.array([partitions.get(name)] * len(rows), pa.string())
            for name in self.columns
        ]  # fmt: skip
        return pa.record_batch(arrays, names=self.columns)

    def _require_columns(self, path: Path, source: RecordSource) -> None:
        absent = [name for name in self._own if name not in source.columns]
        more = [name for name in source.columns if name not in self._own]
        if absent or more:
            differs = (
                f"lacks {', '.join(map(shown, absent))}"
                if absent
                else f"has {', '.join(map(shown, more))} as well"
            )
            raise DataError(
                f"{path} {differs}, unlike {self._paths[0].name}: replay files of different columns one "
                f"by one"
            )


def _partitions(base: Path, path: Path) -> dict[str, str | None]:
    pairs = [part.split("=", 1) for part in path.relative_to(base).parts[:-1] if "=" in part]
    return {unquote(name): None if value == _NULL_PARTITION else unquote(value) for name, value in pairs}
