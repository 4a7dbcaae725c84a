"""Several workers on one machine: processes, for threads would share one interpreter."""

import logging
import os
import subprocess
import sys
import threading
import time

from fraud.errors import FraudError
from fraud.settings import Settings
from serving.ops.shutdown import FORCED_AFTER_S

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.2
_RESTART_AFTER_S = 1.0
_LAST_WORDS_S = 2.0
"""A worker ends itself by force, and says where it hung; only then is it killed from here."""
_SHORTEST_LIFE_S = 5.0
"""A worker that ends sooner with an exit code of ours has told the user what to mend."""


def run_workers(settings: Settings, workers: int, stop: threading.Event) -> None:
    """Keep `workers` processes alive until `stop` is set, then let them drain.

    Raises:
        FraudError: a worker gave up right after its start; its sentence is on standard error.
    """
    begun = {_start(): time.monotonic() for _ in range(workers)}
    try:
        while not stop.wait(_LOOK_EVERY_S):
            for process in [process for process in begun if process.poll() is not None]:
                lived_s = time.monotonic() - begun.pop(process)
                if process.returncode > 0 and lived_s < _SHORTEST_LIFE_S:
                    raise FraudError(
                        f"a worker gave up with exit code {process.returncode}; see its message above"
                    )
                log.error("a worker ended with %d; starting another", process.returncode)
                stop.wait(_RESTART_AFTER_S)
                begun[_start()] = time.monotonic()
    finally:
        _end(list(begun), settings.serving.drain_timeout_s)


def end_with_parent(stop: threading.Event) -> None:
    """Set `stop` when standard input ends, which the parent holds open as long as it lives."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            continue
        log.warning("the parent process has ended; so does this worker")
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "serving", "--with-parent"], stdin=subprocess.PIPE)


def _end(processes: list[subprocess.Popen[bytes]], drain_timeout_s: float) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + drain_timeout_s + FORCED_AFTER_S + _LAST_WORDS_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.critical("worker %d has not ended in time and is killed", process.pid)
            process.kill()
            process.wait()
