"""How the demo looks in a terminal: a line for each step, what it does while it does it, a summary."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from deployments.demo.result import DemoResult
from fraud.registry.versions import RegisteredVersion

_REFRESH_S = 0.5
_WIDEST = 120
_ENOUGH_FRAUDS = 20
"""Fewer say nothing about precision and recall."""

Report = Callable[[str], None]


class Screen:
    """Writes to a console; without a terminal only the finished lines."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, name: str, progress: Callable[[], str] | None = None) -> Iterator[Report]:
        """A step of the demo; the last report stays beside its tick. `progress` is polled meanwhile."""
        started, shown_text = time.monotonic(), [""]
        with self._console.status(f"[bold]{name}[/]") as status:

            def report(text: str) -> None:
                shown_text[0] = text[:_WIDEST]
                status.update(f"[bold]{name}[/]  [dim]{escape(shown_text[0])}[/]")

            with _repeat_meanwhile(lambda: report(progress()) if progress else None):
                try:
                    yield report
                except BaseException:
                    self._console.print(f"[red]✗[/] {name}")
                    raise
        if progress:
            shown_text[0] = progress()
        took = f"{time.monotonic() - started:.0f} s"
        self._console.print(f"[green]✓[/] {name}  [dim]{took}  {escape(shown_text[0])}[/]", highlight=False)

    def result(self, result: DemoResult, addresses: Mapping[str, str]) -> None:
        """Print the summary and the addresses of the servers."""
        table = Table(show_header=False, box=None, padding=(0, 2))
        for name, value in _rows(result):
            table.add_row(f"[bold]{name}[/]", value)
        for name, variable in (("Prefect", "PREFECT_API_URL"), ("MLflow", "MLFLOW_TRACKING_URI")):
            table.add_row(f"[bold]{name}[/]", addresses[variable].removesuffix("/api"))
        colour = "green" if result.complete else "red"
        title = "in = out" if result.complete else "in ≠ out"
        self._console.print(Panel(table, title=title, border_style=colour, expand=False))


def _rows(result: DemoResult) -> Iterator[tuple[str, str]]:
    yield "in", f"{result.distinct:,} transactions ({result.transactions - result.distinct:,} sent twice)"
    yield "out", f"{result.predictions:,} predictions, {result.dead_letters:,} dead letters"
    yield "lost, doubled", f"{result.lost:,}, {result.doubled:,}"
    versions = ", ".join(f"version {name}: {count:,}" for name, count in sorted(result.by_version.items()))
    yield "scored by", versions
    yield "live", f"{result.live:,} transactions, {result.live_frauds:,} of them frauds"
    yield "event → visible", f"p50 {result.latency_p50:.0f} ms, p99 {result.latency_p99:.0f} ms"
    if result.live_frauds >= _ENOUGH_FRAUDS:
        yield "precision, recall", f"{result.precision:.2f}, {result.recall:.2f} on the live traffic"
        yield "average precision", f"{result.average_precision:.2f} on the live traffic"
    for version in result.models:
        yield f"version {version.version}", quality(version)


def quality(version: RegisteredVersion) -> str:
    """How a version did in its own training's test period."""
    figures = (
        f"{name.replace('_', ' ')} {version.metrics.get(f'test_{name}', float('nan')):.2f}"
        for name in ("average_precision", "precision", "recall")
    )
    return f"{', '.join(figures)} on its test days"


@contextmanager
def _repeat_meanwhile(action: Callable[[], None]) -> Iterator[None]:
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(_REFRESH_S):
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
