"""Looks for a text in everything that a run has left: topics, files, databases."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Message

from fraud.messages.decoding import headers_of
from fraud.settings import Settings, TopicSettings
from tests.serving.world import read_all


def written_to_kafka(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """The bytes of every message of every topic: key, headers and value."""
    for field in TopicSettings.model_fields:
        topic = getattr(settings.topics, field)
        try:
            messages = read_all(settings, topic)
        except KeyError:
            continue  # not of this run
        for message in messages:
            yield f"topic {field}", _bytes_of(message)


def written_to_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder as it is; of Parquet files, which are compressed, also what they hold."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield f"file {path.relative_to(folder)}", content
            if path.suffix == ".parquet":
                yield f"rows of {path.relative_to(folder)}", _rows_of(content)
            if content.startswith(b"SQLite format 3"):
                yield f"tables of {path.relative_to(folder)}", _tables_of(path)


def _bytes_of(message: Message) -> bytes:
    headers = [part for name, value in headers_of(message) or [] for part in (name.encode(), value or b"")]
    return b"|".join([message.key() or b"", *headers, message.value() or b""])


def _rows_of(content: bytes) -> bytes:
    table: pa.Table = pq.read_table(io.BytesIO(content))
    return repr(table.to_pylist()).encode()


def _tables_of(path: Path) -> bytes:
    """What a database holds, with what is in its log and not yet in its file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for name in names for row in connection.execute(f'SELECT * FROM "{name}"')]
    return repr(rows).encode()
