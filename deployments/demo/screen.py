"""How the demo looks in a terminal: a line for each step, what it does while it does it, a summary."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from deployments.demo.outcomes import LiveOutcomes
from deployments.demo.result import DemoResult
from deployments.local.dashboard import LocalDashboard
from deployments.local.stack import ServerStatus
from fraud.machine.console import Console
from fraud.registry.versions import RegisteredVersion

_REFRESH_S = 0.5
_WIDEST = 120

Report = Callable[[str], None]


class Screen:
    """Writes to a console; without a terminal only the finished lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.is_terminal = console.is_terminal

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

    def result(self, result: DemoResult) -> None:
        """Print what came of the live payments, and what went in and out."""
        self._console.print(_framed(_outcome_table(result.live), "live payments", "green"))
        self._console.print(_counts_of_alerts(result.live), highlight=False)
        colour, title = ("green", "in = out") if result.complete else ("red", "in ≠ out")
        self._console.print(_framed(_two_columns(_rows(result)), title, colour))

    def addresses(self, servers: Sequence[ServerStatus], login: str) -> None:
        """Print the addresses of the servers that answer, the dashboard's with the `login`."""
        rows = [(one.name, one.address.removesuffix("/api")) for one in servers if one.state == "ready"]
        shown = [(name, f"{at}  {login}" if name == LocalDashboard.name else at) for name, at in rows]
        self._console.print(_framed(_two_columns(shown), "still running", "green"))

    def hint(self, text: str) -> None:
        """Print what the user may do next."""
        self._console.print(f"[dim]{escape(text)}[/]", highlight=False)


def _framed(table: Table, title: str, colour: str) -> Panel:
    return Panel(table, title=title, border_style=colour, expand=False)


def _two_columns(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in rows:
        table.add_row(f"[bold]{name}[/]", value)
    return table


def _outcome_table(live: LiveOutcomes) -> Table:
    """Frauds by kind of attack: how many there were, how many were caught and missed."""
    table = Table(box=None, padding=(0, 2))
    table.add_column("fraud")
    for name in ("payments", "caught", "missed"):
        table.add_column(name, justify="right")
    for kind, one in live.by_kind.items():
        table.add_row(
            kind.replace("_", " "), f"{one.frauds:,}", f"{one.caught:,}", f"{one.frauds - one.caught:,}"
        )
    total = (f"{number:,}" for number in (live.frauds, live.caught, live.missed))
    table.add_row("all", *total, style="bold")
    return table


def _counts_of_alerts(live: LiveOutcomes) -> str:
    """The rest of the outcomes in two sentences."""
    genuine = live.payments - live.frauds
    share = live.falsely_flagged / genuine if genuine else 0.0
    return (
        f"[bold]{live.caught:,} of {live.frauds:,} frauds caught[/] ({live.recall:.0%}), "
        f"{live.missed:,} missed; {live.falsely_flagged:,} of {genuine:,} genuine payments falsely flagged "
        f"({share:.2%}). Of {live.flagged:,} alerts {live.precision:.0%} were right."
    )


def _rows(result: DemoResult) -> Iterator[tuple[str, str]]:
    yield "in", f"{result.distinct:,} transactions ({result.transactions - result.distinct:,} sent twice)"
    yield "out", f"{result.predictions:,} predictions, {result.dead_letters:,} dead letters"
    yield "lost, doubled", f"{result.lost:,}, {result.doubled:,}"
    versions = ", ".join(f"version {name}: {count:,}" for name, count in sorted(result.by_version.items()))
    yield "scored by", versions
    yield "live", f"{result.live.payments:,} transactions, {result.live.frauds:,} of them frauds"
    yield "sent → visible", f"p50 {result.latency_p50:.0f} ms, p99 {result.latency_p99:.0f} ms"
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
