"""The table of a run: the outcome of each case, and the seconds until scoring resumed."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

MARKS = ("<!-- the fault matrix -->\n", "<!-- end of the fault matrix -->\n")
OUTCOME = "outcome"
"""The property of a test report with the test's line of the table, without its duration."""

_HEAD = (
    "| case | predictions | dead letters | lost | doubled | parity | until scoring | test |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


@dataclass(eq=False)  # plugins are kept in sets
class Table:
    """A pytest plugin that collects the outcomes and durations of the tests from their reports."""

    report: Path | None
    lines: dict[str, str] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's set-up, call or tear-down has ended."""
        self.durations[report.nodeid] = self.durations.get(report.nodeid, 0.0) + report.duration
        for name, value in report.user_properties:
            if name == OUTCOME:
                self.lines[report.nodeid] = str(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, and write it when asked to."""
        if not self.lines:
            return
        terminalreporter.section("the fault matrix")
        terminalreporter.write(self.text())
        if self.report is not None:
            put_between_marks(self.report, self.text())

    def text(self) -> str:
        """The table as Markdown."""
        return _HEAD + "".join(
            f"{line} {self.durations[node]:.0f} s |\n" for node, line in self.lines.items()
        )


def put_between_marks(file: Path, text: str) -> None:
    """Write `text` into a file: between its marks if it has them, else as all of it."""
    start, end = MARKS
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    if start in before and end in before:
        head, tail = before.split(start)[0], before.split(end)[-1]
        text = f"{head}{start}\n{text}\n{end}{tail}"
    file.write_text(text, encoding="utf-8")
