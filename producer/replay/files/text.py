"""The bytes of a text file as UTF-8 with plain line ends, whatever its compression and encoding."""

import codecs
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from fraud.errors import ConfigurationError, DataError
from producer.replay.files import source
from producer.replay.files.source import FileOptions, broken

SAMPLE_BYTES = 1 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_EXTENSIONS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Letters beyond ASCII beside other letters: words, and not a few broken bytes.
_WORDS = re.compile(rb"[A-Za-z\x80-\xff][\x80-\xff]|[\x80-\xff][A-Za-z\x80-\xff]")
_LEGACY = [
    "cp1252",
    "cp1250",
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1254",
    "shift_jis",
    "gb18030",
    "cp437",
    "cp850",
]
ENDS = (OSError, EOFError, zipfile.BadZipFile, pa.ArrowException)
"""What reading a broken or truncated file raises."""


class TextFile:
    """A text file, opened as often as wanted; `notes` says what was guessed."""

    def __init__(self, path: Path, options: FileOptions) -> None:
        self.path = path
        self.notes: list[str] = []
        self.compression = _compression(path)
        try:
            with self._decompressed() as stream:
                start = _read_fully(stream, SAMPLE_BYTES)
        except ENDS as error:
            raise DataError(broken(path, error)) from None
        self.mark, self.encoding = self._encoding(start, options.encoding)
        text = _without_half(start[len(self.mark) :].decode(self.encoding, "surrogateescape"))
        self.sample = text.replace("\r\n", "\n").replace("\r", "\n")
        """The beginning, as text; bytes that are not UTF-8 are lone surrogates."""

    def blocks(self) -> Iterator[bytes]:
        """The content in blocks of whole lines, UTF-8; only the last may lack its line end."""
        rest = b""
        with self._decompressed() as stream:
            stream.read(len(self.mark))
            for block in self._decoded(stream):
                lines, rest = _cut(rest + block)
                yield lines
        yield _plain_ends(rest)

    def _decoded(self, stream: Any) -> Iterator[bytes]:
        decoder = None if self.encoding == "utf-8" else codecs.getincrementaldecoder(self.encoding)("replace")
        while block := stream.read(source.BLOCK_BYTES):
            yield bytes(block) if decoder is None else decoder.decode(bytes(block)).encode("utf-8")
        if decoder is not None:
            yield decoder.decode(b"", True).encode("utf-8")

    def _encoding(self, start: bytes, named: str | None) -> tuple[bytes, str]:
        mark, marked = next(((mark, name) for mark, name in _MARKS if start.startswith(mark)), (b"", None))
        if named is None:
            return mark, marked or self._guessed(start)
        try:
            name = codecs.lookup(named).name
        except LookupError:
            raise ConfigurationError(
                f"the mapping names the encoding {named!r}, which Python does not know: write for example "
                "utf-8, utf-16, cp1252 or cp1251"
            ) from None
        if marked is not None and name.replace("-", "_").startswith(("utf_8", "utf_16", "utf_32")):
            return mark, marked
        return b"", {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(name, name)

    def _guessed(self, start: bytes) -> str:
        wide = _wide(start)
        if wide:
            self.notes.append(f"it has no byte order mark and is read as {wide.upper()}")
            return wide
        if not _is_legacy(start):
            return "utf-8"
        name = _legacy(start)
        self.notes.append(
            f"it is not UTF-8 and is read as {name}, which is a guess: name the encoding in the mapping, "
            f"`file: {{encoding: {name}}}`, if names look wrong"
        )
        return name

    def _decompressed(self) -> Any:
        if self.compression == "zip":
            return _zipped(self.path)
        return pa.input_stream(str(self.path), compression=self.compression)


def _compression(path: Path) -> str | None:
    """The compression, by content; a name that promises another is an error.

    Raises:
        DataError: the name and the content differ.
    """
    with path.open("rb") as file:
        start = file.read(4)
    found = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    named = _EXTENSIONS.get(path.suffix.lower())
    if named is not None and found != named:
        raise DataError(f"{path} cannot be read: its name says {named}, its content is not")
    return "zip" if start == b"PK\x03\x04" else found


def _zipped(path: Path) -> IO[bytes]:
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = [one for one in archive.namelist() if not one.endswith("/") and "__MACOSX" not in one]
        if len(members) != 1:
            raise DataError(f"{path} holds {len(members)} files, and one is read: unpack it")
        stream = archive.open(members[0])
        stack.pop_all()
        return stream


def _read_fully(stream: Any, size: int) -> bytes:
    parts = io.BytesIO()
    while parts.tell() < size and (block := stream.read(size - parts.tell())):
        parts.write(block)
    return parts.getvalue()


def _without_half(text: str) -> str:
    """Without the characters that the end of the sample may have cut."""
    return text[:-1] if text and "\udc80" <= text[-1] <= "\udcff" and len(text) > 1_000 else text


def _wide(start: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of the first kilobyte is nearly always NUL."""
    head = start[:1_024]
    if len(head) < 8:
        return None
    first, second = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if second > 0.6 and first < 0.1:
        return "utf-16-le"
    return "utf-16-be" if first > 0.6 and second < 0.1 else None


def _is_legacy(start: bytes) -> bool:
    """Whether words are written in an encoding of one byte a letter: none of them is UTF-8."""
    if start.isascii():
        return False
    text = start.decode("utf-8", "surrogateescape")
    wrong = sum("\udc80" <= one <= "\udcff" for one in text)
    right = sum(one > "\x7f" for one in text) - wrong
    return wrong > 3 * right and _WORDS.search(start) is not None


def _legacy(start: bytes) -> str:
    from charset_normalizer import from_bytes

    lines = b"\n".join(line for line in start.splitlines()[:20_000] if not line.isascii())
    best = from_bytes(lines[: 1 << 16], cp_isolation=_LEGACY).best()
    return "cp1252" if best is None or best.encoding == "ascii" else str(best.encoding)


def _cut(block: bytes) -> tuple[bytes, bytes]:
    """Whole lines with plain ends, and the rest; a carriage return at the end may be half a line end."""
    end = max(block.rfind(b"\n"), block.rfind(b"\r", 0, -1)) + 1
    return _plain_ends(block[:end]), block[end:]


def _plain_ends(lines: bytes) -> bytes:
    if b"\r" not in lines:
        return lines
    return lines.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
