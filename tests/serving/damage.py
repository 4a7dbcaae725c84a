"""Ways in which a snapshot's file can be of no use."""

from pathlib import Path

from xxhash import xxh3_128_hexdigest

from serving.state.snapshot_format import DIGEST_BYTES, HEADER_BYTES, authenticated
from tests.definitions import EXTENDED, V1

DAMAGES = (
    "truncated", "with a flipped bit", "of other definitions", "of another key", "of an earlier version",
    "under another name", "missing",
)  # fmt: skip
_DIGEST = b'"definitions": "%s"'


def damage(file: Path, kind: str, home: Path) -> None:
    """Do to a snapshot what `kind` says; `home` is that of the workers, with their key."""
    key = (home / "serving" / "snapshot.key").read_bytes()
    content = bytearray(file.read_bytes())
    if kind == "truncated":
        del content[-100:]
    elif kind == "with a flipped bit":
        content[-1_000] ^= 1
    elif kind == "of other definitions":
        text = bytes(content[DIGEST_BYTES:HEADER_BYTES]).replace(
            _DIGEST % V1.state_digest.encode(), _DIGEST % EXTENDED.state_digest.encode()
        )
        content[:HEADER_BYTES] = authenticated(text, key)
    elif kind == "of another key":
        content[:HEADER_BYTES] = authenticated(bytes(content[DIGEST_BYTES:HEADER_BYTES]), b"another" * 5)
    elif kind == "of an earlier version":
        # Format 4: a checksum without a key.
        text = bytes(content[DIGEST_BYTES:HEADER_BYTES]).replace(b'"format": 5', b'"format": 4')
        content[:HEADER_BYTES] = (xxh3_128_hexdigest(text).encode() + text).ljust(HEADER_BYTES)
    elif kind == "under another name":
        file.unlink()
        file = file.with_name(f"{int(file.stem) + 1:020d}{file.suffix}")
    file.write_bytes(content)
    if kind == "missing":
        file.unlink()
