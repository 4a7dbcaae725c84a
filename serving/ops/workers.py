"""Several workers on one machine: processes, since threads would share one interpreter."""

import logging
import os
import subprocess
import sys
import threading
import time

from fraud.deadline import Deadline
from fraud.errors import FraudError
from fraud.settings import Settings
from serving.ops.shutdown import FORCED_AFTER_S

log = logging.getLogger(__name__)

_CHECK_EVERY_S = 0.2
_RESTART_AFTER_S = 1.0
_KILL_AFTER_S = 2.0
"""A worker ends itself by force and logs where it hung; so long after that it is killed from here."""
_FAILED_START_S = 5.0
"""A worker that ends sooner, with an exit code of ours, has printed what the user has to fix."""


def run_workers(settings: Settings, workers: int, stop: threading.Event) -> None:
    """Keep `workers` processes running until `stop` is set, then let them drain.

    Raises:
        FraudError: a worker ended right after its start; its message is on standard error.
    """
    started_at = {_start_worker(): time.monotonic() for _ in range(workers)}
    try:
        while not stop.wait(_CHECK_EVERY_S):
            for process in [process for process in started_at if process.poll() is not None]:
                ran_s = time.monotonic() - started_at.pop(process)
                if process.returncode > 0 and ran_s < _FAILED_START_S:
                    raise FraudError(
                        f"a worker ended with exit code {process.returncode}; see its message above"
                    )
                log.error("a worker ended with %d; starting another", process.returncode)
                stop.wait(_RESTART_AFTER_S)
                started_at[_start_worker()] = time.monotonic()
    finally:
        _stop_workers(list(started_at), settings.serving.drain_timeout_s)


def stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` when standard input ends, which the parent holds open as long as it runs."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            continue
        log.warning("the parent process has ended; so does this worker")
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "serving", "--with-parent"], stdin=subprocess.PIPE)


def _stop_workers(processes: list[subprocess.Popen[bytes]], drain_timeout_s: float) -> None:
    for process in processes:
        process.terminate()
    deadline = Deadline(drain_timeout_s + FORCED_AFTER_S + _KILL_AFTER_S)
    for process in processes:
        try:
            process.wait(deadline.remaining_s)
        except subprocess.TimeoutExpired:
            log.critical("worker %d has not ended in time and is killed", process.pid)
            process.kill()
            process.wait()
