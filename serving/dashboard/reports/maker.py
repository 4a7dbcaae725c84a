"""Makes the monitor's reports beside an embedded stack: the first one soon, then one a day, and when asked.

Elsewhere the flow `monitor` has a schedule, and the dashboard may not write into the lake.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fraud.env_export import environment_variables
from fraud.settings import Settings

log = logging.getLogger(__name__)
_FIRST_AFTER_S = 60.0
"""From the first payment that was scored: until then there is little to compare."""
_EVERY_S = 86_400.0
_RETRY_S = 600.0
_LOOK_S = 2.0
_STOP_TIMEOUT_S = 5.0
_COMMAND = (sys.executable, "-m", "serving.dashboard.reports.make")
_FAILED = "the report could not be made; the dashboard's log says why"


@dataclass(frozen=True)
class ReportState:
    """Whether this dashboard makes reports, is making one now, and why the last attempt failed, if it did."""

    is_on: bool
    is_running: bool = False
    problem: str | None = None


class ReportMaker:
    """Makes reports in processes of their own, one at a time, on one thread.

    Args:
        settings: `dashboard.makes_reports` turns it on.
        on_report: called after each report.
    """

    def __init__(self, settings: Settings, on_report: Callable[[], object]) -> None:
        self._settings = settings
        self._on_report = on_report
        self._stop = threading.Event()
        self._asked = threading.Event()
        self._scored = threading.Event()
        self._due_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
        self.state = ReportState(is_on=settings.dashboard.makes_reports)

    def start(self) -> None:
        """Start the thread, where it is on."""
        if self.state.is_on:
            self._thread.start()

    def stop(self) -> None:
        """End, with the process that makes a report."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _STOP_TIMEOUT_S)

    def ask(self) -> bool:
        """Ask for a report now; returns whether one will be made."""
        if self.state.is_on:
            self._asked.set()
        return self.state.is_on

    def notice_predictions(self) -> None:
        """Payments were scored, so that there is something to report on."""
        self._scored.set()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            if self._asked.is_set() or self._is_due():
                self._asked.clear()
                self._make()

    def _is_due(self) -> bool:
        if self._due_at is None and self._scored.is_set():
            self._due_at = time.monotonic() + _FIRST_AFTER_S
        return self._due_at is not None and time.monotonic() >= self._due_at

    def _make(self) -> None:
        self.state = replace(self.state, is_running=True)
        try:
            problem = self._run_process()
        except OSError:
            log.exception("making a report failed")
            problem = _FAILED
        self._due_at = time.monotonic() + (_RETRY_S if problem else _EVERY_S)
        self.state = replace(self.state, is_running=False, problem=problem)
        self._on_report()

    def _run_process(self) -> str | None:
        """Make a report; returns why there is none, if there is none."""
        environment = dict(os.environ) | environment_variables(self._settings)
        with subprocess.Popen(  # noqa: S603 - our own program
            _COMMAND, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            while True:
                try:
                    _, errors = process.communicate(timeout=_LOOK_S)
                    break
                except subprocess.TimeoutExpired:
                    if self._stop.is_set():
                        _end(process)
                        return None
        if process.returncode:
            log.warning("no report: %s", errors.strip())
            return errors.strip().splitlines()[-1] if process.returncode > 1 and errors.strip() else _FAILED
        return None


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
