"""`fraud inspect`: what a file is, what its columns mean, and what is suspicious about it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.machine.printing import NameCell
from fraud.machine.terminal import shown, without_controls
from fraud.settings import load_settings

if TYPE_CHECKING:
    from producer.inspection.report import FileReport, Inspection

_WIDTH = 80
_MOST_COLUMNS = 16
_MOST_NAMED = 8
_STYLES = {"error": "bold red", "warning": "yellow"}


def inspect(
    file: Annotated[
        Path, typer.Argument(help="A file of transactions, a folder of part files, or a pattern.")
    ],
    labels: Annotated[Path | None, typer.Option(help="The file of their labels.")] = None,
    columns: Annotated[Path | None, typer.Option(help="A mapping.yaml to try instead of a proposal.")] = None,
    definitions: Annotated[
        Path | None, typer.Option(help="What a payment is; default: FRAUD_DEFINITIONS.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Where the proposed mapping goes.")] = None,
) -> None:
    """The command `fraud inspect`; `deployments.cli.commands` has its summary."""
    from producer.inspection.report import inspect_files

    if write and columns:
        raise ConfigurationError(
            "--write writes a proposal, which --columns leaves no room for: give one of them"
        )
    if write and write.exists():
        raise ConfigurationError(f"{write} exists already: name another file with --write")
    settings = load_settings(**({"definitions": definitions} if definitions else {}))
    found = inspect_files(settings.loaded_definitions, settings.admission, file, labels, columns)
    console = Console(width=min(_WIDTH, Console().width), highlight=False)
    _show(console, found, write)
    if write and found.proposal:
        write.write_text(found.proposal, encoding="utf-8")
    if any(one.level == "error" for report in _reports(found) for one in report.suspicions):
        raise typer.Exit(4)


def _reports(found: "Inspection") -> "list[FileReport]":
    return [found.transactions, *([found.labels] if found.labels else [])]


def _show(console: Console, found: "Inspection", write: Path | None) -> None:
    for report in _reports(found):
        _show_file(console, report)
    if found.further_fields:
        _bullet(console, "·", _further(found), "dim")
        console.print()
    if found.proposal is None:
        return
    console.print(
        Text(
            f"Mapping{f', written to {shown(str(write))}' if write else ' (--write mapping.yaml keeps it)'}",
            "bold",
        )
    )
    console.print(
        Syntax(
            "\n".join(map(without_controls, found.proposal.rstrip().split("\n"))),
            "yaml",
            background_color="default",
            word_wrap=True,
        )
    )


def _further(found: "Inspection") -> str:
    names = [column for one in found.further_fields for column in one.columns]
    listed = ", ".join(shown(name) for name in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    which = "1 column feeds" if len(names) == 1 else f"{len(names):,} columns feed"
    return (
        f"{which} no declared field: {listed}{more}; "
        f"`fraud definitions init --from {shown(str(found.transactions.path))}` starts definitions with them"
    )


def _show_file(console: Console, report: "FileReport") -> None:
    about = report.about
    facts = [about.format, *(f"{name} {value}" for name, value in about.facts.items() if name != "rows")]
    console.print(Text(shown(str(report.path)), "bold"))
    console.print(
        Text(f"{shown(', '.join(facts))}; {report.rows:,} rows, {len(report.columns)} columns", "dim")
    )
    console.print(_table(report))
    for remark in [*about.notes, *(one for one in report.remarks if one not in about.notes)]:
        _bullet(console, "·", remark, "dim")
    for one in report.suspicions:
        _bullet(console, "!" if one.level == "warning" else "x", one.text, _STYLES[one.level])
    if report.good is not None:
        style = "green" if report.good == report.sampled else "yellow"
        whole = "" if report.sampled == report.rows else f" of the first {report.sampled:,}"
        _bullet(
            console,
            "=",
            f"{report.good:,} rows{whole or f' of {report.rows:,}'} can be used as mapped",
            style,
        )
    console.print()


def _table(report: "FileReport") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("column", ratio=4, overflow="ellipsis", no_wrap=True)
    table.add_column("holds", width=12, no_wrap=True)
    table.add_column("missing", width=7, justify="right")
    table.add_column("examples", ratio=5, overflow="ellipsis", no_wrap=True)
    table.add_column("taken for", width=17, no_wrap=True)
    # What is mapped comes first where not all columns can be shown.
    listed = sorted(report.columns, key=lambda one: one.name not in report.fields)[:_MOST_COLUMNS]
    for column in report.columns:
        if column in listed:
            holds = column.kind + ("?" if "ambiguous" in column.hints else "")
            missing = f"{column.missing:.1%}" if column.missing else ""
            name, examples = NameCell(column.name), NameCell(", ".join(column.examples), "dim")
            taken = Text(report.fields.get(column.name, ""), "cyan")
            table.add_row(name, holds, missing, examples, taken)
    more = len(report.columns) - len(listed)
    if more:
        table.add_row(Text(f"and {more:,} more", "dim"), "", "", "", "")
    return table


def _bullet(console: Console, mark: str, text: str, style: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text(mark, style), Text(shown(text), style))
    console.print(grid)
