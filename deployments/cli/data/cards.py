"""`fraud cards`: the keys that make pseudonyms of card numbers."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fraud.cards.key_file import add_key, make_key_file
from fraud.cards.numbers import holds_card_number
from fraud.cards.pseudonyms import new_key
from fraud.errors import ConfigurationError, DataError
from fraud.machine.terminal import shown
from fraud.settings import load_settings


def cards() -> None:
    """The command `fraud cards`; `deployments.cli.commands` has its summary."""


app = typer.Typer(callback=cards, no_args_is_help=True, add_completion=False)


@app.command("new-key")
def new_key_command(
    file: Annotated[
        Path | None, typer.Option(help="Make this file (mode 0600) with it; an existing one is left.")
    ] = None,
) -> None:
    """Print a new key, for a secret of your own, or make a file with one."""
    if file is None:
        typer.echo(new_key())
        return
    if file.exists():
        raise ConfigurationError(f"{file} exists; `fraud cards rotate` puts a new key before its keys")
    make_key_file(file)
    _say(f"{file} holds a new key: anyone who has it can find out the numbers behind pseudonyms")


@app.command()
def rotate() -> None:
    """Put a new key into the key file, before those that look numbers up; cards start without history."""
    settings = load_settings()
    if settings.cards.key is not None:
        raise ConfigurationError(
            "the key is in FRAUD_CARDS__KEY: set it to what `fraud cards new-key` prints, and put the former "
            "one first in FRAUD_CARDS__PREVIOUS_KEYS"
        )
    add_key(settings.card_key_file)
    _say(
        f"{settings.card_key_file} has a new key; restart the gateway, serving, ingest and the dashboard "
        "together, and see docs/security.md for the history of cards"
    )


@app.command()
def pseudonym() -> None:
    """Print what a card number is called: under the current key first, then under former ones.

    The number is read from the input, so that neither a shell's history nor a list of processes has it.
    """
    keys = load_settings().card_keys
    if keys is None:
        raise ConfigurationError(
            "there is no key; set FRAUD_CARDS__KEY_FILE, or start a stack with `fraud up`"
        )
    number = typer.prompt("card number", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not holds_card_number(number.strip()):
        raise DataError(
            "the input is no card number: 13 to 19 digits of a known issuer, check digit included"
        )
    for text in keys.lookups(number.strip()):
        typer.echo(text)


def _say(text: str) -> None:
    Console(soft_wrap=True, highlight=False).print(shown(text), markup=False)
