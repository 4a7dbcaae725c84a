"""Server processes that outlive the command which starts them, each known by pid and start time."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from fraud.deadline import Deadline
from fraud.errors import UnreachableError
from fraud.machine.locales import utf8_environment
from fraud.machine.proxies import direct_environment

_POLL_S = 0.1
_SAME_START_S = 1.0
_IN_FOLDER = 'cd -- "$1" && shift && exec "$@"'
_OPENED = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@dataclass(frozen=True)
class ServerProcess:
    """A process that leads its own group; `created` distinguishes it from a later one with the same pid."""

    name: str
    pid: int
    created: float

    def alive(self) -> bool:
        """Whether this very process runs."""
        leader = _process(self.pid)
        return leader is not None and self._is_same(leader) and self._is_member(leader)

    def stop(self, grace_s: float) -> None:
        """Ask the process and its children to end, and kill those that have not after `grace_s`."""
        self._signal(signal.SIGTERM, grace_s)
        self.kill()

    def kill(self) -> None:
        """End the process and its children at once."""
        self._signal(signal.SIGKILL, 10.0)

    def _signal(self, number: signal.Signals, timeout_s: float) -> None:
        members = self._members()
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(number)
        deadline = Deadline(timeout_s)
        while self._members() and not deadline.is_over:
            time.sleep(_POLL_S)
        psutil.wait_procs(members, timeout=0)  # those that are our children leave no zombie

    def _members(self) -> list[psutil.Process]:
        """The running processes of the group; none if the pid belongs to another process now."""
        leader = _process(self.pid)
        if leader is not None and not self._is_same(leader):
            return []
        return [process for process in psutil.process_iter() if self._is_member(process)]

    def _is_same(self, leader: psutil.Process) -> bool:
        try:
            return abs(leader.create_time() - self.created) <= _SAME_START_S
        except psutil.NoSuchProcess:
            return False

    def _is_member(self, process: psutil.Process) -> bool:
        try:
            return (
                os.getpgid(process.pid) == self.pid
                and process.create_time() >= self.created - _SAME_START_S
                and not _has_ended(process)
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            return False


def spawn(
    name: str, command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path | None = None
) -> ServerProcess:
    """Start a server in its own session, writing to `log`; the former log is kept beside it as `.1`.

    Servers take paths for lists, addresses and patterns. One that works in `folder` can be given names
    relative to it, whatever characters the path has.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(log.suffix + ".1"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        command = ("/bin/sh", "-c", _IN_FOLDER, "sh", str(folder), *command)
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(os.environ) | direct_environment() | utf8_environment() | dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), _OPENED, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return ServerProcess(name, pid, psutil.Process(pid).create_time())


def wait_until_ready(process: ServerProcess, ready: Callable[[], bool], log: Path, timeout_s: float) -> None:
    """Wait until `ready`; a process that dies or takes too long is stopped.

    Raises:
        UnreachableError: it did not come up; names the log.
    """
    deadline = Deadline(timeout_s)
    while not ready():
        if not process.alive():
            process.kill()
            raise UnreachableError(f"{process.name} ended while starting; see {log}")
        if deadline.is_over:
            process.kill()
            raise UnreachableError(f"{process.name} was not ready within {timeout_s:.0f} s; see {log}")
        time.sleep(_POLL_S)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections on this port."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def _has_ended(process: psutil.Process) -> bool:
    """A zombie has ended only with its last thread; until then it may hold its port."""
    return bool(process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
