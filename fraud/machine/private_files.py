"""Files that only this user may read: payments, cards and secrets are in them."""

import os
from pathlib import Path

_OTHERS = 0o077


def keep_private() -> None:
    """Let every file and folder that this process and its children make be this user's alone."""
    os.umask(_OTHERS)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user may enter, where there is none; its parents as usual."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def make_private_file(file: Path) -> None:
    """See that a file of ours is there, and that only this user may read it, whatever the umask."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        mode = os.fstat(descriptor).st_mode & 0o777
        if mode & _OTHERS and os.fstat(descriptor).st_uid == os.getuid():
            os.fchmod(descriptor, mode & ~_OTHERS)
    finally:
        os.close(descriptor)
