"""`fraud models`: what is registered, what serves, and why."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fraud.machine.console import Console
from fraud.machine.moments import minute_text
from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.registry.aliases import CHAMPION
from fraud.registry.versions import RegisteredVersion, list_versions
from fraud.settings import load_settings

_COLUMNS = ("version", "alias", "made", "average precision", "recall", "precision", "digest")
_FEW_COLUMNS = ("version", "alias", "average precision", "recall")
_ONE_LINE = ("alias", "made")
_WIDE = 140
"""Columns of a terminal that has room for the reasons beside the figures."""
_MEDIUM = 76
"""Likewise for all figures."""


def models(as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False) -> None:
    """The command `fraud models`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    found = list_versions(settings)
    if as_json:
        print_json([asdict(one) | {"reason": one.reason, "digest": one.digest} for one in found])
    elif found:
        console = Console()
        console.print(models_page(found, console.width))
    else:
        Console().print(
            f"no version of {settings.registry.model_name} yet; `python flows/train.py` makes one"
        )


def models_page(found: list[RegisteredVersion], width: int) -> Group:
    """The versions, newest first, and why each was promoted or not, for a terminal of `width` columns."""
    if width >= _WIDE:
        return Group(_table(found, (*_COLUMNS, "why")))
    columns = _COLUMNS if width >= _MEDIUM else _FEW_COLUMNS
    return Group(_table(found, columns), _reasons(found))


def _table(found: list[RegisteredVersion], columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in _ONE_LINE)
    for one in found:
        cells = _cells(one)
        table.add_row(*(cells[name] for name in columns), style=_style(one))
    return table


def _cells(one: RegisteredVersion) -> dict[str, Text]:
    texts = {
        "version": one.version,
        "alias": ", ".join(one.aliases),
        "made": minute_text(round(one.created_at.timestamp() * 1_000)),
        "average precision": _figure(one, "average_precision"),
        "recall": _figure(one, "recall"),
        "precision": _figure(one, "precision"),
        "digest": one.digest[:8],
        "why": one.reason,
    }
    return {name: Text(shown(text)) for name, text in texts.items()}


def _reasons(found: list[RegisteredVersion]) -> Table:
    """Why each version was promoted, or was not; its lines stand under each other."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for one in found:
        if one.reason:
            grid.add_row(Text(f"version {one.version}", _style(one)), Text(shown(one.reason)))
    return grid


def _style(one: RegisteredVersion) -> str:
    return "bold green" if CHAMPION in one.aliases else ""


def _figure(version: RegisteredVersion, name: str) -> str:
    value = version.metrics.get(f"test_{name}")
    return "" if value is None else f"{value:.3f}"
