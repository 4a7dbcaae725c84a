"""`fraud models`: what is registered, what serves, and why."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.registry.aliases import CHAMPION
from fraud.registry.versions import RegisteredVersion, list_versions
from fraud.settings import load_settings


def models(as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False) -> None:
    """The command `fraud models`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    found = list_versions(settings)
    if as_json:
        print_json([asdict(one) | {"reason": one.reason, "digest": one.digest} for one in found])
    elif found:
        Console().print(models_table(found))
    else:
        Console().print(
            f"no version of {settings.registry.model_name} yet; `python flows/train.py` makes one"
        )


def models_table(found: list[RegisteredVersion]) -> Table:
    """The versions, newest first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("version", "digest", "alias", "made", "average precision", "recall", "precision", "why"):
        table.add_column(column, overflow="fold")
    for one in found:
        style = "bold green" if CHAMPION in one.aliases else ""
        figures = (_figure(one, name) for name in ("average_precision", "recall", "precision"))
        made = one.created_at.strftime("%Y-%m-%d %H:%M")
        aliases, reason = Text(shown(", ".join(one.aliases))), Text(shown(one.reason))
        table.add_row(one.version, one.digest[:8], aliases, made, *figures, reason, style=style)
    return table


def _figure(version: RegisteredVersion, name: str) -> str:
    value = version.metrics.get(f"test_{name}")
    return "" if value is None else f"{value:.3f}"
