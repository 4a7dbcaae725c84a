"""The file with the keys of pseudonyms: a key a line, the current one first, readable by its owner alone."""

import os
import tempfile
from pathlib import Path

from fraud.cards.pseudonyms import CardKeys, new_key
from fraud.errors import ConfigurationError

_SETTING = "FRAUD_CARDS__KEY_FILE"


def read_key_file(path: Path, *, is_required: bool) -> CardKeys | None:
    """The keys of a file; None if it is missing and not required.

    Raises:
        ConfigurationError: it is missing, cannot be read, or a line is no key.
    """
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        if not is_required:
            return None
        raise ConfigurationError(
            f"{_SETTING}: there is no file {path}; `fraud cards new-key --file {path}` makes it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{_SETTING}: {path} cannot be read: {_what(error)}") from None
    try:
        return CardKeys.parse(lines)
    except ValueError as error:
        raise ConfigurationError(f"{_SETTING}: {path} has a line that is no key: {error}") from None


def make_key_file(path: Path) -> None:
    """Make a file with a new key, unless there is one.

    Raises:
        ConfigurationError: it cannot be written.
    """
    if not path.exists():
        _write(path, [new_key()])


def add_key(path: Path) -> None:
    """Put a new key before those of the file: from now on it makes the pseudonyms.

    Raises:
        ConfigurationError: the file cannot be read or written, or a line is no key.
    """
    before = read_key_file(path, is_required=False)
    lines = [] if before is None else [line for line in path.read_text().splitlines() if line.strip()]
    _write(path, [new_key(), *lines])


def _write(path: Path, lines: list[str]) -> None:
    """Replace the file as a whole, so that no reader sees half of it; its mode is 0600."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        raise ConfigurationError(f"{_SETTING}: {path} cannot be written: {_what(error)}") from None


def _what(error: Exception) -> str:
    return error.strerror or "no text" if isinstance(error, OSError) else "it is no text"
