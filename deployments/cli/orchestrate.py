"""`fraud orchestrate`: the work pool and the automations of the Prefect server."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fraud.settings import load_settings


def orchestrate(
    pool: Annotated[str, typer.Argument(help="local (processes) or kubernetes (Jobs).")] = "local",
    defaults: Annotated[
        Path | None, typer.Option(help="JSON: variables of the job template to their defaults.")
    ] = None,
) -> None:
    """Make the work pool and the automations, or bring them to what they should be."""
    from deployments.orchestration.apply import orchestrate as apply
    from deployments.orchestration.pools import read_defaults

    console = Console(highlight=False)
    apply(load_settings(), pool, read_defaults(defaults), lambda text: console.print(text, markup=False))
