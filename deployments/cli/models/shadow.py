"""`fraud shadow`: the challenger beside the champion."""

import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from fraud.evaluation.metrics import Estimate, Evaluation
from fraud.lake import open_lake
from fraud.machine.console import Console
from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.money.texts import sum_text
from fraud.monitoring.shadow import ShadowReport, compare_shadow
from fraud.settings import load_settings

_ROWS: dict[str, Callable[[Evaluation], str]] = {
    "average precision": lambda one: str(one.average_precision),
    "precision": lambda one: str(one.precision),
    "recall": lambda one: str(one.recall),
    "alerts a day": lambda one: f"{one.alerts_per_day:.1f}",
    "alert threshold": lambda one: f"{one.threshold:.2%}",
}


def shadow(as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False) -> None:
    """The command `fraud shadow`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    report = compare_shadow(settings, open_lake(settings), int(time.time() * 1_000))
    if as_json:
        print_json(as_document(report))
        return
    Console().print(
        f"version {report.challenger} scored {report.scored:,} payments beside the champion, "
        f"version {report.champion}; by their own thresholds they agree on {report.agreement:.1%}"
    )
    if report.labels_note:
        Console().print(f"note: {shown(report.labels_note)}", style="yellow", markup=False)
    if report.evaluations is None or report.decision is None:
        Console().print("none of them has matured labels yet: nothing to evaluate")
        return
    Console().print(_table(report, *report.evaluations))
    Console().print(f"the gate would decide: {shown(report.decision.reason)}", markup=False)


def as_document(report: ShadowReport) -> dict[str, object]:
    """The report as JSON has it."""
    champion, challenger = report.evaluations or (None, None)
    return {
        "champion": report.champion,
        "challenger": report.challenger,
        "scored": report.scored,
        "matured": report.matured,
        "agreement": report.agreement,
        "challenger_threshold": report.challenger_threshold,
        "labels_note": report.labels_note,
        "metrics": {
            "champion": champion.metrics if champion else None,
            "challenger": challenger.metrics if challenger else None,
        },
        "promote": report.decision.promote if report.decision else None,
        "reason": report.decision.reason if report.decision else None,
    }


def _table(report: ShadowReport, champion: Evaluation, challenger: Evaluation) -> Table:
    title = f"{report.matured:,} matured payments, {champion.frauds:,} of them fraud"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column(f"champion, version {report.champion}", justify="right")
    table.add_column(f"challenger, version {report.challenger}", justify="right")
    for name, format_row in _ROWS.items():
        table.add_row(name, format_row(champion), format_row(challenger))
    saved = (_money(one.money_saved, report.currency) for one in (champion, challenger))
    table.add_row("money saved", *saved)
    return table


def _money(saved: Estimate, currency: str) -> str:
    value, low, high = (sum_text(one, currency) for one in (saved.value, saved.low, saved.high))
    return f"{value} [{low}, {high}]"
