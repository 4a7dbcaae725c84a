"""What is fetched or made once for all projects of a user, kept outside of any project."""

import hashlib
import os
import tempfile
from pathlib import Path


def cache_folder(kind: str, content: bytes) -> Path:
    """The user's cache folder for what is determined by `content`; it need not exist yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fraud-on-kafka" / kind / hashlib.sha256(content).hexdigest()[:16]


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees either all of it or the former one."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, hidden = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(content)
        Path(hidden).chmod(mode)
        Path(hidden).replace(path)
    finally:
        Path(hidden).unlink(missing_ok=True)
