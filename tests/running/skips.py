"""Skipped tests: which reasons count when nothing may be left out, as in CI.

With `--strict-skips` a session fails if a test was skipped for anything but what its machine cannot have: a
reason that begins with `THIS_MACHINE`. Programs that can be installed are no such reason.
"""

from collections.abc import Iterable

import pytest

THIS_MACHINE = "this machine "
"""How a reason begins that names what a machine lacks and cannot be given."""

_PREFIX = "Skipped: "


class StrictSkips:
    """Sees the reports of a session, with xdist those of its workers, and fails it for such a skip."""

    def __init__(self) -> None:
        self._skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the reason of a skipped test."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped[report.nodeid] = reason_of(report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """The same of a skipped file."""
        if report.skipped:
            self._skipped[report.nodeid] = reason_of(report.longrepr)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a session that passed but for such a skip."""
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tests must not be skipped."""
        for nodeid in self.refused:
            terminalreporter.write_line(f"must not be skipped: {nodeid}: {self._skipped[nodeid]}", red=True)

    @property
    def refused(self) -> list[str]:
        """The tests that were skipped for another reason than the machine's."""
        return [nodeid for nodeid, reason in self._skipped.items() if not reason.startswith(THIS_MACHINE)]


def reason_of(longrepr: object) -> str:
    """The reason in a report, which has a file and a line before it."""
    parts: Iterable[object] = longrepr if isinstance(longrepr, tuple) else (longrepr,)
    return str([*parts][-1]).removeprefix(_PREFIX)
