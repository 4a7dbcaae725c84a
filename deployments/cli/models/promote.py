"""`fraud promote`: a person gives a version an alias."""

from typing import Annotated, Literal

import typer

from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.registry import aliases, versions
from fraud.settings import load_settings


def promote(
    version: Annotated[str, typer.Argument(help="As `fraud models` lists it.")],
    reason: Annotated[str, typer.Option(help="Kept with the version in the registry.")] = "manual",
    alias: Annotated[
        Literal["champion", "challenger"],
        typer.Option("--as", "--alias", help="champion decides; challenger scores in shadow."),
    ] = "champion",
) -> None:
    """The command `fraud promote`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    versions.require_version(settings, version)
    aliases.promote(settings, version, reason, alias)
    Console().print(
        f"version {shown(version)} of {shown(settings.registry.model_name)} is the {alias}", markup=False
    )
