"""JSON: one object a line, or one array of objects."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from fraud.errors import DataError
from producer.replay.files.records import Row, chunks_of
from producer.replay.files.source import BATCH_ROWS, Chunk, FileDescription, FileOptions, Reject, broken
from producer.replay.files.text import ENDS, TextFile

_MOST_ARRAY_BYTES = 256 << 20
Object = tuple[int, dict[str, str | None]]


class JsonSource:
    """Objects as rows; nested fields are columns named `outer.inner`. Numbers keep their digits."""

    def __init__(self, path: Path, options: FileOptions) -> None:
        self._path = path
        self._text = TextFile(path, options)
        self._is_array = self._text.sample.lstrip("\ufeff \t\n").startswith("[")
        self.position_name = "row" if self._is_array else "line"
        self.about = FileDescription(
            "JSON array" if self._is_array else "JSON lines", {}, list(self._text.notes)
        )
        self.columns = list(dict.fromkeys(
            name for _, row in islice(self._objects(lambda *_: None), BATCH_ROWS) for name in row
        ))  # fmt: skip
        if not self.columns:
            raise DataError(f"{path} holds no JSON object")

    def describe_position(self, position: int) -> str:
        """Describe a row's position, such as `line 3`."""
        return f"{self.position_name} {position}"

    def chunks(self, reject: Reject) -> Iterator[Chunk]:
        """The rows in the file's order; what is no object goes to `reject`."""
        yield from chunks_of(self.columns, self._rows(reject))

    def _rows(self, reject: Reject) -> Iterator[Row]:
        known = set(self.columns)
        for position, row in self._objects(reject):
            if not known.issuperset(row):
                for name in row.keys() - known:
                    self.about.late_columns.setdefault(name, position)
            yield position, [row.get(name) for name in self.columns]

    def _objects(self, reject: Reject) -> Iterator[Object]:
        for position, raw in self._raws():
            try:
                yield position, dict(_flat("", msgspec.json.decode(raw, type=dict[str, msgspec.Raw])))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                reject(
                    position, f"is no JSON object: {error}", [bytes(raw).decode("utf-8", "backslashreplace")]
                )

    def _raws(self) -> Iterator[tuple[int, Any]]:
        try:
            if self._is_array:
                yield from enumerate(self._elements(), 1)
                return
            position, rest = 0, b""
            for block in chain(self._text.blocks(), [b"\n"]):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    position += 1
                    if line.strip():
                        yield position, line.removeprefix(b"\xef\xbb\xbf") if position == 1 else line
        except ENDS as error:
            raise DataError(broken(self._path, error)) from None

    def _elements(self) -> Sequence[msgspec.Raw]:
        if self._path.stat().st_size > _MOST_ARRAY_BYTES:
            raise DataError(
                f"{self._path} is one array of more than {_MOST_ARRAY_BYTES >> 20} MiB: write one object "
                f"a line, for "
                "example with `jq -c '.[]'`"
            )
        try:
            return msgspec.json.decode(b"".join(self._text.blocks()), type=list[msgspec.Raw])
        except msgspec.DecodeError as error:
            raise DataError(broken(self._path, error)) from None


def _flat(prefix: str, fields: dict[str, msgspec.Raw]) -> Iterator[tuple[str, str | None]]:
    for name, raw in fields.items():
        text = bytes(raw)
        if text[:1] == b"{":
            yield from _flat(f"{prefix}{name}.", msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
        elif text[:1] == b'"':
            yield prefix + name, msgspec.json.decode(raw, type=str) or None
        else:
            yield prefix + name, None if text == b"null" else text.decode()
