"""`fraud rollback`: the previous champion serves again."""

from typing import Annotated

import typer

from deployments.cli.decisions.options import person
from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.registry.aliases import rollback as roll_back
from fraud.settings import load_settings


def rollback(
    reason: Annotated[str, typer.Option(help="Kept with the version in the registry.")] = "manual",
    by: Annotated[str | None, typer.Option("--by", help="Who does it; default: this system's user.")] = None,
) -> None:
    """The command `fraud rollback`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    version = roll_back(settings, reason, by=person(by))
    Console().print(
        f"version {version} of {shown(settings.registry.model_name)} is the champion again", markup=False
    )
