"""Ways in which a snapshot's file can be of no use."""

from pathlib import Path

from xxhash import xxh3_128_hexdigest

from fraud.features.spec import FEATURE_VERSION
from serving.state.snapshot_format import CHECKSUM_BYTES, HEADER_BYTES

DAMAGES = ("truncated", "with a flipped bit", "of another feature version", "missing")
_VERSION = b'"feature_version": %d'


def damage(file: Path, kind: str) -> None:
    """Do to a snapshot what `kind` says."""
    content = bytearray(file.read_bytes())
    if kind == "truncated":
        del content[-100:]
    elif kind == "with a flipped bit":
        content[-1_000] ^= 1
    elif kind == "of another feature version":
        text = bytes(content[CHECKSUM_BYTES:HEADER_BYTES]).replace(
            _VERSION % FEATURE_VERSION, _VERSION % (FEATURE_VERSION - 1)
        )
        content[:HEADER_BYTES] = xxh3_128_hexdigest(text).encode() + text
    file.write_bytes(content)
    if kind == "missing":
        file.unlink()
