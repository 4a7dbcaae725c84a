"""The table of a run: case by case what came out, and the seconds until scoring went on."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.world import Verdict

_HEAD = (
    "| case | answered | dead letters | lost | doubled | parity | until scoring | test |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


@dataclass
class Table:
    """A pytest plugin that collects verdicts and the tests' own durations."""

    report: Path | None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)

    def add(self, node: str, verdict: Verdict) -> None:
        """Take the verdict of a test."""
        self.verdicts[node] = verdict

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's set-up, call or tear-down has ended."""
        self.durations[report.nodeid] = self.durations.get(report.nodeid, 0.0) + report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, and write it when asked to."""
        if not self.verdicts:
            return
        terminalreporter.section("the fault matrix")
        terminalreporter.write(self.text())
        if self.report is not None:
            self.report.write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """The table as Markdown."""
        return _HEAD + "".join(
            f"| {one.case} | {one.answered:,} | {one.dead_letters:,} | {one.lost} | {one.doubled} "
            f"| {one.mismatched} | {one.seconds:.1f} s | {self.durations.get(node, 0.0):.0f} s |\n"
            for node, one in self.verdicts.items()
        )
