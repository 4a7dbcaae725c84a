"""`fraud orchestrate`: the work pools and the automations of the Prefect server."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from deployments.local.parts import POOL
from fraud.machine.console import Console
from fraud.settings import load_settings


def orchestrate(
    pools: Annotated[
        list[str] | None, typer.Argument(help="local (processes; the default), kubernetes (Jobs).")
    ] = None,
    defaults: Annotated[
        Path | None, typer.Option(help="JSON: variables of the job template to their defaults.")
    ] = None,
) -> None:
    """The command `fraud orchestrate`; `deployments.cli.commands` has its summary."""
    from deployments.orchestration.apply import orchestrate as apply
    from deployments.orchestration.pools import read_defaults

    console = Console(highlight=False)
    say = partial(console.print, markup=False)
    apply(load_settings(), pools or [POOL], read_defaults(defaults), say)
