"""Ways in which a snapshot's file can be of no use."""

from pathlib import Path

from xxhash import xxh3_128_hexdigest

from serving.state.snapshot_format import CHECKSUM_BYTES, HEADER_BYTES
from tests.definitions import EXTENDED, V1

DAMAGES = ("truncated", "with a flipped bit", "of other definitions", "missing")
_DIGEST = b'"definitions": "%s"'


def damage(file: Path, kind: str) -> None:
    """Do to a snapshot what `kind` says."""
    content = bytearray(file.read_bytes())
    if kind == "truncated":
        del content[-100:]
    elif kind == "with a flipped bit":
        content[-1_000] ^= 1
    elif kind == "of other definitions":
        text = bytes(content[CHECKSUM_BYTES:HEADER_BYTES]).replace(
            _DIGEST % V1.state_digest.encode(), _DIGEST % EXTENDED.state_digest.encode()
        )
        content[:HEADER_BYTES] = xxh3_128_hexdigest(text).encode() + text
    file.write_bytes(content)
    if kind == "missing":
        file.unlink()
