"""`fraud replay`: a user's own transactions and labels into Kafka."""

import re
import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.machine.moments import moment_text
from fraud.machine.terminal import shown
from fraud.settings import load_settings

if TYPE_CHECKING:
    from producer.replay.run import ReplayRequest, ReplayResult
    from producer.replay.staging.rejected_rows import RejectedRows

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def replay(
    transactions: Annotated[
        Path, typer.Option(help="CSV, Parquet, JSON lines, a workbook, or a folder of such files.")
    ],
    labels: Annotated[Path | None, typer.Option(help="A file with transaction_id and is_fraud.")] = None,
    columns: Annotated[Path | None, typer.Option(help="mapping.yaml; `fraud inspect` proposes one.")] = None,
    definitions: Annotated[
        Path | None, typer.Option(help="What a payment is; default: FRAUD_DEFINITIONS.")
    ] = None,
    label_delay: Annotated[str, typer.Option(help="When labels without a time count as reported.")] = "7d",
    speed: Annotated[str, typer.Option(help="max, or so many times faster than the events' clock.")] = "max",
    shift_to_now: Annotated[bool, typer.Option(help="Move all times so that the last event is now.")] = False,
    keep_forever: Annotated[bool, typer.Option(help="Let the topics keep events of any age.")] = False,
    resume_from: Annotated[int, typer.Option(min=0, help="Leave out so many transactions.")] = 0,
    dry_run: Annotated[bool, typer.Option(help="Read and check everything, and publish nothing.")] = False,
) -> None:
    """The command `fraud replay`; `deployments.cli.commands` has its summary."""
    from producer.replay.run import ReplayRequest, replay

    delay, factor = _duration(label_delay), _speed(speed)
    request = ReplayRequest(
        transactions, labels, columns, delay, factor, shift_to_now, keep_forever, resume_from, dry_run
    )
    console = Console()
    settings = load_settings(**({"definitions": definitions} if definitions else {}))
    with _Bars(console) as bars:
        result = replay(settings, request, bars)
    _print_result(console, result, request)
    if result.sent.interrupted:
        raise typer.Exit(130)


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([dhms])", text)
    if not match:
        raise ConfigurationError(f"--label-delay {text!r} is no duration such as 7d, 12h, 30m or 45s")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    from producer.replay.forms.numbers import is_number_text

    factor = float(text) if is_number_text(text) else 0.0
    if not 0 < factor < float("inf"):
        raise ConfigurationError(f"--speed {text!r} is neither max nor a number above 0")
    return factor


class _Bars:
    """A progress bar for each stage, with its rate; Ctrl-C takes effect between two portions of rows.

    An interrupt just anywhere would leave a portion sent in part, or come out of a library as another error.
    """

    def __init__(self, console: Console) -> None:
        rate = TextColumn("{task.fields[rate]}")
        self._progress = Progress(
            TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), rate,
            TimeRemainingColumn(),
            console=console,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._interrupted = False

    def __enter__(self) -> "_Bars":
        self._handler = signal.signal(signal.SIGINT, self._interrupt)
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        signal.signal(signal.SIGINT, self._handler)

    def _interrupt(self, *_: object) -> None:
        self._interrupted = True

    def message(self, sentence: str) -> None:
        self._progress.console.print(shown(sentence), markup=False)

    def at(self, stage: str, done: int, total: int | None = None) -> None:
        if stage not in self._tasks:
            self._end_stages()
            self._tasks[stage] = self._progress.add_task(stage, total=total, rate="")
        task = self._progress.tasks[self._tasks[stage]]
        elapsed = task.elapsed or 0.0
        rate = f"{done / elapsed:,.0f}/s" if elapsed > 0.5 else ""
        self._progress.update(task.id, completed=done, rate=rate)
        if self._interrupted:
            raise KeyboardInterrupt

    def _end_stages(self) -> None:
        for identifier in self._tasks.values():
            task = self._progress.tasks[identifier]
            self._progress.update(identifier, total=task.total or task.completed)
            self._progress.stop_task(identifier)


def _print_result(console: Console, result: "ReplayResult", request: "ReplayRequest") -> None:
    sent = result.sent
    table = Table(show_header=False, box=None)
    table.add_row("transactions read", f"{result.read:,}")
    if request.dry_run:
        table.add_row("would be published", f"{result.good:,} transactions, {result.labels:,} labels")
    else:
        table.add_row("published", f"{sent.transactions:,} transactions, {sent.labels:,} labels")
    table.add_row("event time", f"{moment_text(result.first_time)} to {moment_text(result.last_time)}")
    rate = (sent.transactions + sent.labels) / max(result.seconds, 1e-9)
    if not request.dry_run:
        table.add_row("took", f"{result.seconds:,.1f} s ({rate:,.0f} messages/s)")
    console.print(table)
    for note in result.notes:
        console.print(f"note: {shown(note)}", markup=False, highlight=False)
    for warning in result.warnings:
        console.print(f"warning: {shown(warning)}", style="yellow", markup=False, highlight=False)
    for reason, count in result.unused_labels.items():
        console.print(f"{count:,} labels were not used: {shown(reason)}", style="yellow", markup=False)
    for rejected in result.rejected:
        _print_rejected(console, rejected)
    if sent.interrupted:
        done = request.resume_from + sent.transactions
        # What was shifted to another now would not join on.
        hint = "" if request.shift_to_now else f"; go on with --resume-from {done}"
        console.print(f"Stopped after {done:,} of {result.good:,} transactions{hint}", style="yellow")


def _print_rejected(console: Console, rejected: "RejectedRows") -> None:
    from producer.replay.staging.remedies import remedy

    if not rejected.count:
        return
    console.print(
        f"{rejected.count:,} rows were rejected and written to {shown(str(rejected.path))}:",
        style="yellow",
        markup=False,
    )
    for position, reason in rejected.first:
        console.print(f"  {shown(rejected.name(position))}: {shown(reason)}", markup=False, highlight=False)
    if rejected.count > len(rejected.first):
        console.print(f"  and {rejected.count - len(rejected.first):,} more")
    for words in dict.fromkeys(filter(None, (remedy(reason) for _, reason in rejected.first))):
        console.print(f"  what helps: {shown(words)}", markup=False, highlight=False)
