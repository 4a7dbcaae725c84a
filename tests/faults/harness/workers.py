"""Real worker processes: start, signal, query."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil

from fraud.env_export import environment_variables
from fraud.settings import Settings
from tests.serving.world import wait_for

ROOT = Path(__file__).resolve().parents[3]
BARE = ("-m", "serving")
FLOW = ("flows/serve.py",)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a worker process reads them."""
    return os.environ | environment_variables(settings)


class Worker:
    """One process that serves; `program` are the arguments of Python."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        program: tuple[str, ...] = BARE,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = settings.home / f"{name}.log"
        self.program = program
        self._folder = settings.home / "serving"
        self._command = [sys.executable, *program]
        self._environment = environment(settings) | dict(extra_env or {})
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(self._command, env=self._environment, cwd=ROOT, stdout=log, stderr=log)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, or is stopped."""
        return self.process.poll() is None

    def restart(self) -> None:
        """Start again after its end."""
        self.process = self._start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, of its children too."""
        children = psutil.Process(self.process.pid).children() if self.is_alive else []
        self.process.kill()
        self.process.wait()
        for child in children:
            child.kill()

    def terminate(self, timeout_s: float = 60.0) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout_s)

    def wait_until_restoring(self) -> None:
        """Wait until it says that it restores the state of partitions."""
        wait_for(lambda: "restoring" in self.get_page("/ready"), 60, every_s=0.005)

    @property
    def restorations(self) -> float:
        """How many times it has restored a partition's state."""
        return sum(self.restored_from(source) for source in ("snapshot", "replay"))

    def restored_from(self, source: str) -> float:
        """How many times it has restored a partition's state from a `snapshot`, or by `replay` alone."""
        return self.counted(f'fraud_restorations_total{{source="{source}"}}')

    def counted(self, sample: str) -> float:
        """The value of a sample of its metrics, as `name{label="value"}`; 0 when there is none."""
        for line in self.get_page("/metrics").splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return 0.0

    def get_page(self, page: str) -> str:
        """What its status server answers; empty while there is none."""
        try:
            with urllib.request.urlopen(self._url() + page, timeout=5) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except (OSError, StopIteration, ValueError):
            return ""

    def _url(self) -> str:
        addresses = (json.loads(file.read_text()) for file in self._folder.glob("worker-*.json"))
        return str(next(one["url"] for one in addresses if one["pid"] == self.process.pid))
