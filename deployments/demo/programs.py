"""The programs that the demo runs as a user would: `python flows/train.py`, each with its log."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fraud.errors import FraudError

_POLL_S = 0.2
_GRACE_S = 30.0
_ROOT = Path(__file__).parents[2]

# Threads that spin while they wait would slow the other programs of the demo down.
_SHARING = {"PYTHONUNBUFFERED": "1", "COLUMNS": "200", "OMP_WAIT_POLICY": "passive"}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Programs:
    """Starts programs with the addresses of the embedded stack in their environment."""

    home: Path
    environment: Mapping[str, str]

    def run(self, name: str, arguments: Sequence[str], report: Report) -> None:
        """Run to the end, passing on the last line of the log now and then.

        Raises:
            FraudError: the program failed; the sentence names its log.
        """
        with self.running(name, arguments) as program:
            while program.poll() is None:
                report(last_line(self.log(name)))
                time.sleep(_POLL_S)
        if program.returncode != 0:
            raise FraudError(f"{name} failed ({last_line(self.log(name))}); see {self.log(name)}")

    @contextmanager
    def running(self, name: str, arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A program that runs from entry to exit, with its children; it is asked to end in order."""
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("wb") as log:
            program = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ) | dict(self.environment) | _SHARING,
                start_new_session=True,
            )
        try:
            yield program
        finally:
            stop(program)

    def log(self, name: str) -> Path:
        """Where the program's output goes."""
        return self.home / "logs" / f"demo-{name}.log"


def stop(program: subprocess.Popen[bytes]) -> None:
    """Ask the program and its children to end, and end them if they don't in time."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def flow(name: str) -> str:
    """The file of a flow."""
    return str(_ROOT / "flows" / f"{name}.py")


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        tail = log.read_bytes()[-4_000:].decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in tail.replace("\r", "\n").splitlines()]
    return next((line for line in reversed(lines) if line), "")
