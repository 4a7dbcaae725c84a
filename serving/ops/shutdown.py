"""The end of a worker after SIGTERM: how much time is left, and what happens when it is used up.

librdkafka's calls may block for as long as Kafka is unreachable, and while they do, no signal handler runs.
So what can block before scoring starts runs on a thread of its own, everything that ends a worker shares one
deadline, and a watchdog ends the process if something stays blocked all the same. For Kafka that is a
kill -9, after which nothing is lost or doubled.
"""

import logging
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

log = logging.getLogger(__name__)

CLOSING_S = 2.0
"""For closing clients and threads, beyond the drain time."""
FORCED_AFTER_S = 5.0
"""Beyond the drain time, until the process is ended by force."""
FORCED_EXIT_CODE = 70
_POLL_S = 0.1
_FRAMES_NAMED = 4

_Result = TypeVar("_Result")


class StoppedError(Exception):
    """The worker was stopped before it started to score."""


class Shutdown:
    """The time that is left to a worker once it is stopped; any thread may ask."""

    def __init__(self, drain_timeout_s: float) -> None:
        self._drain_timeout_s = drain_timeout_s
        self._stop = threading.Event()
        self._stopped_at = math.inf

    def start_on(self, stop: threading.Event) -> None:
        """Let the time run from when `stop` is set."""
        self._stop = stop
        threading.Thread(target=self._await_stop, args=(stop,), name="shutdown", daemon=True).start()

    @property
    def drain_remaining_s(self) -> float:
        """Seconds left to commit what was scored; the whole drain time while the worker is not stopped."""
        return self._remaining_s(self._drain_timeout_s)

    @property
    def close_remaining_s(self) -> float:
        """Seconds left for clients and threads to end, likewise."""
        return self._remaining_s(self._drain_timeout_s + CLOSING_S)

    def _remaining_s(self, allowed_s: float) -> float:
        if self._stop.is_set() and self._stopped_at == math.inf:
            self._stopped_at = time.monotonic()
        passed_s = 0.0 if self._stopped_at == math.inf else time.monotonic() - self._stopped_at
        return max(0.0, allowed_s - passed_s)

    def _await_stop(self, stop: threading.Event) -> None:
        stop.wait()
        self._stopped_at = min(self._stopped_at, time.monotonic())


def call_unless_stopped(
    stop: threading.Event, call: Callable[[], _Result], on_wait: Callable[[], None] = lambda: None
) -> _Result:
    """The result of a call that may block; `on_wait` is called while it is waited for.

    Raises:
        StoppedError: `stop` was set first; the call's thread is left to end with the process.
    """
    outcome = _start_call(call)
    while not stop.is_set():
        on_wait()
        if wait([outcome], _POLL_S).done:
            return outcome.result()
    raise StoppedError


def call_within(timeout_s: float, call: Callable[[], _Result]) -> _Result:
    """The result of a call that may block.

    Raises:
        TimeoutError: it took longer; its thread is left to end with the process.
    """
    outcome = _start_call(call)
    if not wait([outcome], timeout_s).done:
        raise TimeoutError(f"no answer within {timeout_s:.1f} s")
    return outcome.result()


def _start_call(call: Callable[[], _Result]) -> "Future[_Result]":
    """On a daemon thread, for which the end of the process does not wait as it does for an executor's."""
    outcome: Future[_Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="may-block", daemon=True).start()
    return outcome


@contextmanager
def forced_exit(stop: threading.Event, drain_timeout_s: float) -> Iterator[None]:
    """End this process if the block has not ended some seconds after the drain time; for entry points."""
    ended = threading.Event()

    def watch() -> None:
        stop.wait()
        if not ended.wait(drain_timeout_s + FORCED_AFTER_S):
            log.critical(
                "serving has not ended within %.0f s of the signal to stop; the process is ended by force, "
                "nothing is lost or doubled by that. It was still in: %s",
                drain_timeout_s + FORCED_AFTER_S,
                _innermost_calls(threading.main_thread()),
            )
            logging.shutdown()
            os._exit(FORCED_EXIT_CODE)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _innermost_calls(thread: threading.Thread) -> str:
    """Where a thread is, in one line."""
    frame: FrameType | None = sys._current_frames().get(thread.ident or 0)
    calls = traceback.extract_stack(frame)[-_FRAMES_NAMED:] if frame else []
    return " > ".join(f"{Path(call.filename).name}:{call.name}" for call in calls) or "no Python call"
