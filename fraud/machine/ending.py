"""How a program of ours ends: in order, and together with every process that it started.

By default SIGTERM ends Python at once: no `finally` and no `atexit` runs, and what was started (Prefect's
temporary server, an embedded broker, Spark's JVM) stays. After `end_in_order()` SIGTERM and SIGHUP unwind the
main thread as `sys.exit` does, Ctrl-C as always, and at the very end the children that are left are ended.
Servers that are to outlive their command (`fraud up`) are excepted by `let_outlive`.

The signals arrive on the main thread, which may be in a long call of C and then handles none. So a watchdog
thread is woken by the interpreter itself, and ends the process by force when the time of grace is over.
A kill -9 runs nothing of this: then children that do not watch their parent stay.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

import psutil

FLOW_GRACE_S = 20.0
"""Less than the 30 s after which a Prefect worker or Kubernetes kills."""
COMMAND_GRACE_S = 120.0
"""For commands that stop servers one after another, each of which may take its time."""

_CHILDREN_GRACE_S = 10.0
_TERMINATING = tuple(
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)
_UNWINDING = ("fraud.", "prefect.")
"""Packages whose handlers unwind the main thread; others end their program in a way of their own."""

_ENDS_BY_ITSELF = "resource_tracker"
"""Python's own helper: it ignores SIGTERM and ends when its parent's pipe does."""

_outliving: set[int] = set()
_ending = threading.Event()


def end_in_order(grace_s: float = COMMAND_GRACE_S) -> None:
    """Let signals end this program in order; for entry points, on the main thread, before children exist.

    Signals that are ignored or handled already stay so (`nohup`, a shell's background jobs).

    Args:
        grace_s: seconds after a signal until the process and its children are ended by force.
    """
    for number in _TERMINATING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)
    owner = os.getpid()
    atexit.register(_end_children_of, owner)
    os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_forget)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, grace_s), name="end in order", daemon=True).start()


def let_outlive(pid: int) -> None:
    """Leave this child and its own children running when this program ends."""
    _outliving.add(pid)


def _exit(number: int, _frame: FrameType | None) -> None:
    """A second signal does not disturb what the first one started."""
    if not _ending.is_set():
        _ending.set()
        sys.exit(128 + number)


def _hold_signals() -> None:
    """One that reaches a fork at once must wait until it has forgotten its parent's handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINATING)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TERMINATING)


def _forget() -> None:
    """A forked child ends as Python does by default, and does not wake its parent's watchdog."""
    signal.set_wakeup_fd(-1)
    for number in _TERMINATING:
        if signal.getsignal(number) is _exit:
            signal.signal(number, signal.SIG_DFL)
    _release_signals()


def _watch(reader: int, grace_s: float) -> None:
    while received := os.read(reader, 1):
        number = received[0]
        if number in (*_TERMINATING, signal.SIGINT) and _unwinds(number):
            time.sleep(grace_s)
            _end_by_force(number)


def _unwinds(number: int) -> bool:
    """Whether the handler is one after which the program has nothing left but to end."""
    handler = signal.getsignal(number)
    if handler is signal.default_int_handler:
        return True
    return callable(handler) and getattr(handler, "__module__", "").startswith(_UNWINDING)


def _end_by_force(number: int) -> NoReturn:
    sys.stderr.write(f"not ended in time after {signal.Signals(number).name}; ended by force\n")
    _end_children_of(os.getpid(), grace_s=1.0)
    os._exit(128 + number)


def _end_children_of(owner: int, grace_s: float = _CHILDREN_GRACE_S) -> None:
    """Ask the children that are left to end, and kill those that do not; not in a fork of the owner."""
    if os.getpid() != owner:
        return
    left = _children(psutil.Process(owner).children())
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    _, alive = psutil.wait_procs(left, timeout=grace_s)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(alive, timeout=1.0)


def _children(found: list[psutil.Process]) -> list[psutil.Process]:
    """The processes and their descendants, without those that may outlive us."""
    left: list[psutil.Process] = []
    for one in found:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if one.pid not in _outliving and not any(_ENDS_BY_ITSELF in text for text in one.cmdline()):
                left += [one, *_children(one.children())]
    return left
