"""Which passwords may be chosen: their length, and whether they are known from breaches."""

import hashlib
import mmap
import re
from pathlib import Path

from fraud.errors import ConfigurationError, DataError
from serving.dashboard.auth.passwords import MAX_PASSWORD_LENGTH

MIN_PASSWORD_LENGTH = 12
_DIGEST_LINE = re.compile(rb"[0-9A-Fa-f]{40}(:[0-9]+)?\s*")
_PREFIX = 5
_SHORTEST_NAME = 4
"""Names that are shorter are in many words."""


class BreachedPasswords:
    """A list of passwords that are known from breaches, which is searched where it is.

    It is one of three things:

    - a folder of ranges as Have I Been Pwned gives them: `ABCDE.txt`, its lines the other 35 digits of SHA-1,
      a colon and a count;
    - one file of such digests, 40 digits a line, sorted, as its downloader writes it;
    - one file with a password a line, in any order.

    Raises:
        ConfigurationError: there is no such file or folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise ConfigurationError(
                f"FRAUD_DASHBOARD__BREACHED_PASSWORDS: {path} does not exist; name a list of passwords, a "
                "sorted file of SHA-1 digests, or the folder of their ranges"
            )
        self._path = path

    def has(self, password: str) -> bool:
        """Whether the list has the password.

        Raises:
            DataError: it cannot be read.
        """
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            if self._path.is_dir():
                return self._is_in_range(digest)
            with self._path.open("rb") as file:
                first = file.readline(128)
                if not first:
                    return False
                if _DIGEST_LINE.fullmatch(first):
                    return _is_in_sorted(file.fileno(), digest.encode())
                file.seek(0)
                wanted = password.encode()
                return any(line.rstrip(b"\r\n") == wanted for line in file)
        except OSError as error:
            raise DataError(
                f"{self._path}: the list of breached passwords cannot be read ({error.strerror}); restore "
                "it, or unset FRAUD_DASHBOARD__BREACHED_PASSWORDS"
            ) from None

    def _is_in_range(self, digest: str) -> bool:
        file, rest = self._path / f"{digest[:_PREFIX]}.txt", digest[_PREFIX:]
        if not file.exists():
            # A range that is missing must not pass for one without the password: no range is empty.
            raise OSError(2, f"the range {file.name} is missing")
        with file.open("r", encoding="ascii", errors="replace") as lines:
            return any(line.partition(":")[0].strip().upper() == rest for line in lines)


def _is_in_sorted(descriptor: int, digest: bytes) -> bool:
    """Bisect the lines of a sorted file, which may have 40 GB."""
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        low, high = 0, len(content)
        while low < high:
            start = content.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = content.find(b"\n", start, high)
            end = high if end < 0 else end + 1
            found = content[start : start + len(digest)].upper()
            if found == digest:
                return True
            low, high = (end, high) if found < digest else (low, start)
    return False


class PasswordRules:
    """What a password that somebody chooses must be; `breached` is None without a list."""

    def __init__(self, breached: Path | None = None) -> None:
        self._breached = None if breached is None else BreachedPasswords(breached)

    def require(self, password: str, name: str) -> None:
        """See that the user `name` may have this password.

        Raises:
            ConfigurationError: too short, too long, made of the name or few characters, or breached.
        """
        if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
            raise ConfigurationError(
                f"a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters; choose another"
            )
        if len(name) >= _SHORTEST_NAME and name.casefold() in password.casefold():
            raise ConfigurationError("the password holds the name of its user; choose another")
        if len(set(password)) < _SHORTEST_NAME:
            raise ConfigurationError("the password has fewer than four different characters; choose another")
        if self._breached is not None and self._breached.has(password):
            raise ConfigurationError("the password is in a list of breached passwords; choose another")
