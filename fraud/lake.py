"""The lake: Parquet on a folder or on S3, behind one set of paths and one way to write.

A file appears whole or not at all: locally by a rename within the folder, on S3 because an upload is
visible only when it is complete.
"""

import errno
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import has_magic
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from fraud.errors import ConfigurationError, DataError, UnreachableError
from fraud.machine.private_files import make_private_folder
from fraud.settings import Settings

_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_AHEAD = 32 << 20
"""Bytes that S3 is asked for at once: each question costs tens of milliseconds."""


@dataclass(frozen=True)
class Lake:
    """A root on a file system; every path given to its methods is relative to that root."""

    filesystem: fsspec.AbstractFileSystem
    root: str

    def path(self, *parts: str) -> str:
        """The full path of `parts` on the file system."""
        return "/".join((self.root, *parts))

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""
        return bool(self.filesystem.exists(self.path(path)))

    def list_files(self, folder: str, suffix: str = ".parquet") -> list[str]:
        """Relative paths of the files below `folder`, sorted; a missing folder is empty."""
        return [
            path
            for path in self.list_all(folder)
            if path.endswith(suffix) and not path.rsplit("/", 1)[-1].startswith(".")
        ]

    def list_all(self, folder: str) -> list[str]:
        """Like `list_files`, with whatever a crash left half-written."""
        full = self.path(folder)
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(full):
            return []
        start = len(self.filesystem._strip_protocol(self.root)) + 1
        return sorted(found[start:] for found in self.filesystem.find(full))

    def write_table(self, table: pa.Table, path: str) -> None:
        """Write one Parquet file, atomically."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self._put(path, sink.getvalue().to_pybytes())

    def read_table(self, path: str, columns: list[str] | None = None) -> pa.Table:
        """Read one Parquet file.

        Raises:
            DataError: it is missing or broken.
        """
        try:
            with self.filesystem.open(self.path(path), "rb") as source:
                return pq.ParquetFile(source).read(columns=columns)
        except (pa.ArrowException, FileNotFoundError) as error:
            raise DataError(
                f"the lake's file {path} cannot be read ({str(error).splitlines()[0]}); restore it, or "
                "remove what names it (its commit or its day) and run the flow that wrote it again"
            ) from error

    def read_rows(self, path: str, schema: pa.Schema) -> pa.Table:
        """Read the schema's columns of one Parquet file, in its types and order; a missing column is null.

        Raises:
            DataError: the file is missing or broken, or a column of it is of another type.
        """
        table = self.read_table(path, schema.names)
        columns = [
            table[name] if name in table.column_names else pa.nulls(table.num_rows, kind)
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
        try:
            return pa.table([one.cast(kind) for one, kind in zip(columns, schema.types, strict=True)], schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"the lake's file {path} does not fit the definitions ({str(error).splitlines()[0]}); give "
                "the field whose type has changed another name"
            ) from error

    def write_json(self, value: Any, path: str) -> None:
        """Write one JSON document, atomically."""
        self._put(path, json.dumps(value, sort_keys=True, indent=1).encode())

    def read_json(self, path: str) -> Any:
        """Read one JSON document."""
        with self.filesystem.open(self.path(path), "rb") as source:
            return json.loads(source.read())

    def read_many(self, paths: list[str]) -> dict[str, bytes]:
        """The contents of small files by path; on S3 they are fetched side by side."""
        full = {path: self.filesystem._strip_protocol(self.path(path)) for path in paths}
        if any(has_magic(name) for name in full.values()):
            # Asked for several files at once, fsspec takes brackets in the path for a pattern.
            return {path: self.filesystem.cat_file(name) for path, name in full.items()}
        found = self.filesystem.cat(list(full.values())) if paths else {}
        return {path: found[name] for path, name in full.items()}

    def write_bytes(self, content: bytes, path: str) -> None:
        """Write one file of any kind, atomically."""
        self._put(path, content)

    def open(self, path: str) -> BufferedIOBase:
        """A file of any kind, to be read from start to end."""
        source: BufferedIOBase = self.filesystem.open(self.path(path), "rb", block_size=_READ_AHEAD)
        return source

    def leftovers(self) -> list[str]:
        """Relative paths of half-written files and of probes."""
        start = len(self.filesystem._strip_protocol(self.root)) + 1
        found = self.filesystem.find(self.root) if self.filesystem.exists(self.root) else []
        names = (full[start:] for full in found)
        return [name for name in names if name.startswith("_probe/") or "/." in f"/{name}"]

    def modified(self, path: str) -> datetime:
        """When the file was last written."""
        time: datetime = self.filesystem.modified(self.path(path))
        return time if time.tzinfo else time.replace(tzinfo=UTC)

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all it holds; a missing one is fine."""
        full = self.path(path)
        if self.filesystem.exists(full):
            self.filesystem.rm(full, recursive=True)

    def _put(self, path: str, content: bytes) -> None:
        try:
            self._put_whole(path, content)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise UnreachableError(
                f"there is no space left for the lake at {self.root}; free some and run this again: it goes "
                "on where it ended"
            ) from error

    def _put_whole(self, path: str, content: bytes) -> None:
        full = self.path(path)
        if self._renames():
            self._put_by_rename(full, content)
        else:
            self.filesystem.pipe_file(full, content)

    def _put_by_rename(self, full: str, content: bytes) -> None:
        make_private_folder(Path(self.filesystem._strip_protocol(self.root)))
        folder, _, name = full.rpartition("/")
        self.filesystem.makedirs(folder, exist_ok=True)
        hidden = f"{folder}/.{name}.{uuid.uuid4().hex}"
        try:
            self.filesystem.pipe_file(hidden, content)
            self.filesystem.mv(hidden, full)
        finally:
            if self.filesystem.exists(hidden):
                self.filesystem.rm_file(hidden)

    def _renames(self) -> bool:
        protocol = self.filesystem.protocol
        return "file" in (protocol if isinstance(protocol, tuple | list) else (protocol,))


def open_lake(settings: Settings, silence_s: float | None = None) -> Lake:
    """The lake that the settings name.

    With `silence_s` an S3 server that says nothing for so many seconds is an error, without another try; by
    default it is asked again for minutes.

    Raises:
        ConfigurationError: the URL's scheme is not known.
        UnreachableError: the store does not answer or refuses the credentials.
    """
    try:
        filesystem, root = _file_system(settings, silence_s)
    except (ValueError, ImportError) as error:
        raise ConfigurationError(f"FRAUD_LAKE__URL {settings.lake_url!r} cannot be used: {error}") from error
    if silence_s is not None:
        filesystem.retries = 1
    lake = Lake(filesystem, root.rstrip("/"))
    _probe(lake, settings.lake_url)
    return lake


def _file_system(settings: Settings, silence_s: float | None) -> tuple[fsspec.AbstractFileSystem, str]:
    if settings.lake.url is None:
        return LocalFileSystem(), settings.lake_url  # our own path, in which no character is special
    found: tuple[fsspec.AbstractFileSystem, str] = fsspec.core.url_to_fs(
        settings.lake_url, **_storage_options(settings, silence_s)
    )
    return found


def _probe(lake: Lake, url: str) -> None:
    try:
        lake.filesystem.exists(lake.root)
    except Exception as error:
        raise UnreachableError(
            f"the lake {url} does not answer ({type(error).__name__}); "
            "check FRAUD_LAKE__* and the credentials"
        ) from error


def _storage_options(settings: Settings, silence_s: float | None) -> dict[str, Any]:
    if not settings.lake_url.startswith("s3://"):
        return {}
    lake = settings.lake
    client = {"region_name": lake.s3_region} if lake.s3_region else {}
    patience = {"connect_timeout": silence_s, "read_timeout": silence_s, "retries": {"total_max_attempts": 1}}
    return {
        "key": lake.s3_key and lake.s3_key.get_secret_value(),
        "secret": lake.s3_secret and lake.s3_secret.get_secret_value(),
        "endpoint_url": lake.s3_endpoint_url,
        "client_kwargs": client,
    } | ({} if silence_s is None else {"config_kwargs": patience})
