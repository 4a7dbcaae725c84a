"""The secret key that authenticates snapshots: a setting, or a file of this machine that is made once.

Anyone who can write to the lake could otherwise hand the workers a state of their own choice. Workers that
take over each other's partitions need the same key: without it they replay.
"""

import os
import secrets
import stat
from pathlib import Path

from fraud.errors import ConfigurationError
from fraud.settings import Settings

_NEW_BYTES = 32
_FILE = "snapshot.key"


def snapshot_key(settings: Settings) -> bytes:
    """The key that the settings give, else that of the home, which is made where there is none.

    Raises:
        ConfigurationError: the file cannot be read or made, or others than its owner may read it.
    """
    if settings.serving.snapshot_key is not None:
        return settings.serving.snapshot_key.get_secret_value().encode()
    file = settings.home / "serving" / _FILE
    try:
        if not file.exists():
            _make(file)
        return _read(file)
    except OSError as error:
        raise ConfigurationError(
            f"the key of the snapshots, {file}, cannot be used ({error.strerror}); make its folder writable, "
            "or set FRAUD_SERVING__SNAPSHOT_KEY"
        ) from None


def _read(file: Path) -> bytes:
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ConfigurationError(
            f"others may read the key of the snapshots, {file}; remove it: the next start makes a new one, "
            "and the state again by replay"
        )
    key = file.read_bytes()
    if len(key) < _NEW_BYTES:
        raise ConfigurationError(
            f"the key of the snapshots, {file}, has {len(key)} bytes instead of {_NEW_BYTES}; remove it"
        )
    return key


def _make(file: Path) -> None:
    """Make the file as a whole or not at all; of two workers that start together the first makes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secrets.token_bytes(_NEW_BYTES))
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
