"""`fraud promote`: a person gives a version an alias."""

from typing import Annotated, Literal

import typer

from deployments.cli.decisions.options import person
from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.registry import aliases, versions
from fraud.settings import Settings, load_settings

_Alias = Literal["champion", "challenger"]


def promote(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="As `fraud models` lists it.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept with the version in the registry.")] = "manual",
    alias: Annotated[
        _Alias, typer.Option("--as", "--alias", help="champion decides; challenger scores in shadow.")
    ] = "champion",
    by: Annotated[str | None, typer.Option("--by", help="Who promotes; default: this system's user.")] = None,
    sign_current: Annotated[
        bool, typer.Option("--sign-current", help="Sign what has the aliases already, and move nothing.")
    ] = False,
) -> None:
    """The command `fraud promote`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    if sign_current == (version is not None):
        raise ConfigurationError("give a VERSION, or --sign-current alone")
    if version is None:
        _sign_current(settings, person(by))
    else:
        _promote(settings, version, reason, alias, person(by))


def _promote(settings: Settings, version: str, reason: str, alias: _Alias, by: str) -> None:
    versions.require_version(settings, version)
    subject = f"version {version} of {settings.registry.model_name}"
    if aliases.promote(settings, version, reason, alias, by):
        _say(f"{subject} is the {alias}")
    else:
        _say(f"{subject} waits for another person, who promotes it by the same command; nothing has changed")


def _sign_current(settings: Settings, by: str) -> None:
    signed = aliases.sign_current(settings, by)
    named = ", ".join(f"version {version} as {alias}" for alias, version in signed.items())
    _say(f"signed: {named or 'nothing, no version has an alias'}")


def _say(text: str) -> None:
    Console(soft_wrap=True).print(shown(text), markup=False)
