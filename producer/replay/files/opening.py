"""Opens a user's file, folder or pattern with the reader that fits its content."""

import glob
from pathlib import Path

from fraud.errors import DataError
from producer.replay.files.csv_file import CsvSource
from producer.replay.files.folder import FolderSource, part_files
from producer.replay.files.json_file import JsonSource
from producer.replay.files.parquet_file import ParquetSource
from producer.replay.files.source import BLOCK_BYTES, Chunk, FileOptions, RecordSource, Reject
from producer.replay.files.text import TextFile
from producer.replay.files.workbook import WorkbookSource

__all__ = ["BLOCK_BYTES", "Chunk", "FileOptions", "RecordSource", "Reject", "open_source"]

_OLE = b"\xd0\xcf\x11\xe0"
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_FOREIGN = {
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"SQLite format 3": "SQLite",
    b"%PDF": "PDF",
    b"7z\xbc\xaf": "7z",
}
_KNOWN = "CSV (plain, .gz, .zst, .bz2 or .zip), Parquet, JSON lines or a workbook"


def open_source(path: Path, options: FileOptions | None = None) -> RecordSource:
    """The reader that fits the content of a file, or of the files of a folder or pattern.

    Raises:
        DataError: there is no such file, it is broken, or its kind is not known.
    """
    options = options or FileOptions()
    if path.is_dir():
        return FolderSource(path, part_files(path), lambda one: _open_file(one, options))
    if not path.exists() and glob.has_magic(str(path)):
        # Path.glob knows no absolute patterns.
        found = sorted(Path(one) for one in glob.glob(str(path), recursive=True) if Path(one).is_file())  # noqa: PTH207
        if not found:
            raise DataError(f"there is no file that fits {path}")
        base = Path(*path.parts[: next(n for n, part in enumerate(path.parts) if glob.has_magic(part))])
        return FolderSource(base, found, lambda one: _open_file(one, options))
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    return _open_file(path, options)


def _open_file(path: Path, options: FileOptions) -> RecordSource:
    try:
        with path.open("rb") as file:
            start = file.read(1 << 13)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    name = path.name.lower()
    if not start:
        raise DataError(f"{path} is empty: it has no header line")
    if start.startswith(b"PAR1") or name.endswith((".parquet", ".pq")):
        return ParquetSource(path)
    if name.endswith(_WORKBOOKS) or start.startswith(_OLE) or b"[Content_Types].xml" in start:
        return WorkbookSource(path, options)
    foreign = next((kind for magic, kind in _FOREIGN.items() if start.startswith(magic)), None)
    if foreign is not None:
        raise DataError(f"{path} is {foreign}, which is not read: convert it to {_KNOWN}")
    if _is_json(path, name, options):
        return JsonSource(path, options)
    return CsvSource(path, options)


def _is_json(path: Path, name: str, options: FileOptions) -> bool:
    if ".json" in name or ".ndjson" in name:
        return True
    start = TextFile(path, options).sample.lstrip("\ufeff \t\n")[:2].replace("\n", " ")
    return start.startswith(("{", "[{", "[ "))
