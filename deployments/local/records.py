"""The servers started in a home, recorded for later commands."""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from deployments.local.processes import ServerProcess
from fraud.errors import ConfigurationError
from fraud.machine.cache import write_whole


class ServerRecord(msgspec.Struct, frozen=True):
    """A started server."""

    name: str
    port: int
    pid: int
    created: float

    def process(self) -> ServerProcess:
        """The process that was started; it may have ended since."""
        return ServerProcess(self.name, self.pid, self.created)


class ServerRecords:
    """The file `stack.json` of a home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file = home / "stack.json"
        self._saving = threading.Lock()

    def load(self) -> dict[str, ServerRecord]:
        """The records by name.

        Raises:
            ConfigurationError: the file is broken.
        """
        try:
            records = msgspec.json.decode(self._file.read_bytes(), type=list[ServerRecord])
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            raise ConfigurationError(
                f"{self._file} is broken ({error}); stop its processes yourself and remove it"
            ) from error
        return {record.name: record for record in records}

    def put(self, record: ServerRecord) -> None:
        """Write a record; safe from several threads."""
        with self._saving:
            records = self.load() | {record.name: record}
            write_whole(self._file, msgspec.json.encode(list(records.values())))

    def clear(self) -> None:
        """Delete all records."""
        self._file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Only one command at a time changes a home's servers.

        Raises:
            ConfigurationError: another command is running.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._home / "stack.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, self._home)
            yield
        finally:
            os.close(descriptor)


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(
            f"another `fraud up` or `fraud down` is at work in {home}; wait for it to end"
        ) from None
