"""`fraud rollback`: the previous champion serves again."""

from typing import Annotated

import typer

from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.registry.aliases import rollback as roll_back
from fraud.settings import load_settings


def rollback(
    reason: Annotated[str, typer.Option(help="Kept with the version in the registry.")] = "manual",
) -> None:
    """The command `fraud rollback`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    version = roll_back(settings, reason)
    Console().print(
        f"version {version} of {shown(settings.registry.model_name)} is the champion again", markup=False
    )
